"""Names of rows that are known by model and key: one statement for all models of a page, and only for who may see."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group

from accounts.people.models import Contact, User
from accounts.staff.models import AuditEntry
from core.console.names import BETWEEN, COLUMNS, model_of, names_of

pytestmark = pytest.mark.django_db
# Their keys or their moments say all there is: the audit log itself, and rows of a file.
NAMELESS = {"accounts.auditentry", "admin.logentry", "integrations.historyrow", "integrations.notice"}


def test_every_model_of_the_console_says_what_names_its_rows(django_assert_num_queries: Any) -> None:
    labels = [model._meta.label_lower for model in admin.site._registry]
    assert {label for label in labels if not getattr(model_of(label), "NAMED_BY", ())} - NAMELESS == {
        *("auth.group", "otp_totp.totpdevice", "otp_static.staticdevice")
    }
    assert all(len(getattr(model_of(label), "NAMED_BY", ())) <= COLUMNS for label in labels)
    group = Group.objects.create(name="Desk")
    with django_assert_num_queries(1):
        names = names_of((label, str(group.pk)) for label in labels)
    assert names["auth.group", str(group.pk)] == "Desk"


def test_names_join_what_there_is_and_leave_out_what_is_gone_or_no_key(user: Any) -> None:
    known = Contact.objects.create(first_name="Jane", email="jane.d@example.com")
    nameless = Contact.objects.create()
    keys = [str(key) for key in (known.pk, nameless.pk, 0, 2**70, "x", "1e3")]
    wanted = [("accounts.contact", key) for key in keys] + [
        ("accounts.user", str(user.pk)),
        ("no.model", "1"),
        ("", ""),
    ]
    assert names_of(wanted) == {
        ("accounts.contact", str(known.pk)): f"Jane{BETWEEN}jane.d@example.com",
        ("accounts.user", str(user.pk)): user.email,
    }
    assert names_of([]) == {}


def test_models_are_found_by_label_alone() -> None:
    assert model_of("accounts.user") is User
    assert model_of("Accounts.AuditEntry") is AuditEntry
    assert [model_of(label) for label in ("", "accounts", "accounts.", "nothing.user")] == [None] * 4
