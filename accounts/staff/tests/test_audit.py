"""The audit log: what an entry holds, that nothing changes it, and that no rollback loses a refusal."""

import contextlib
import logging
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.people.models import User
from accounts.staff import audit
from accounts.staff.audit import DENIED, FAILED, record
from accounts.staff.models import AuditEntry
from accounts.staff.models.audit_entry import AppendOnly

pytestmark = pytest.mark.django_db


def newest() -> AuditEntry:
    return AuditEntry.objects.latest("pk")


def test_entry_of_a_request_holds_actor_client_target_and_values(user: Any, staff: Any) -> None:
    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.7")
    request.user = staff
    record("user.changed", request=request, target=user, before={"language": "en"}, after={"language": "es"}, field=2)
    entry = newest()
    assert (entry.action, entry.outcome, entry.actor, entry.client_address) == (
        "user.changed", "done", staff, "192.0.2.7",
    )  # fmt: skip
    assert (entry.target_type, entry.target_id, entry.about_user) == ("accounts.user", str(user.pk), user.pk)
    assert (entry.before, entry.after, entry.facts) == ({"language": "en"}, {"language": "es"}, {"field": 2})


def test_entry_of_nobody_names_no_actor() -> None:
    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    record("permission.denied", request=request, target="/admin/", outcome=DENIED)
    assert (newest().actor, newest().outcome, newest().target_label) == (None, "denied", "/admin/")


def test_personal_data_and_secrets_are_masked(user: Any) -> None:
    record(
        "user.changed",
        target=user,
        before={"email": "jane@example.com", "first_name": "Jane", "phone": "+1 555 0100", "name": "Jane R."},
        after={"password": "open sesame", "note": "ask joe.bloggs@example.com", "nested": [{"api_key": "abc"}]},
        link="https://x.example/?token=abc123",
    )
    entry = newest()
    assert entry.before == {"email": "j•••@example.com", "first_name": "J•••", "phone": "+•••", "name": "J•••"}
    assert entry.after == {"password": "•••", "note": "ask j•••@example.com", "nested": [{"api_key": "•••"}]}
    assert entry.facts == {"link": "https://x.example/?token=•••"}


def test_name_of_what_is_no_person_is_kept() -> None:
    record("plan.changed", target=("accounts.plan", 1), after={"name": "Annual"})
    assert newest().after == {"name": "Annual"}


class _Hostile:
    def __str__(self) -> str:
        raise RuntimeError("never asked")

    __repr__ = __str__


HOSTILE_VALUES = {
    "raises": _Hostile(),
    "huge number": 10**5000,
    "nan": float("nan"),
    "no text": "\x00\ud800",
    "bytes": b"\xff",
    "long": "x" * 100_000,
    "deep": {"a": {"b": {"c": {"d": {"e": 1}}}}},
    "deep list": [[[[[[1]]]]]],
    "keys": {object(): object()},
    "decimal": Decimal("1e9999"),
    "long key": {"k" * 1000: "v"},
    "set": set(range(1000)),
    "wide": {str(number): "x" * 1000 for number in range(1000)},
    "anonymous": AnonymousUser(),
    "unsaved": User(),
    "generator": (item for item in "ab"),
}


@pytest.mark.parametrize("name", HOSTILE_VALUES)
def test_any_fact_is_stored_bounded(name: str) -> None:
    value: Any = HOSTILE_VALUES[name]
    record("thing.done", actor=value, target=value, before=value, after=value, outcome="done", fact=value)
    record(value, target=(value, value), outcome=value, request=value)
    entry = AuditEntry.objects.order_by("pk")[0]
    assert len(str(entry.before)) < 6000


@given(
    st.recursive(st.none() | st.text() | st.integers() | st.floats(), lambda inner: st.dictionaries(st.text(), inner))
)
def test_any_json_is_stored(value: Any) -> None:
    record("thing.done", target=value, before=value, fact=value)


def test_entry_cannot_be_changed_or_deleted_through_the_orm() -> None:
    record("thing.done")
    entry = newest()
    entry.action = "other"
    attempts = [
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(action="other"),
        lambda: AuditEntry.objects.bulk_update([entry], ["action"]),
        lambda: AuditEntry.objects.update_or_create(pk=entry.pk, defaults={"action": "other"}),
        lambda: AuditEntry._base_manager.update(action="other"),
    ]
    for attempt in attempts:
        with pytest.raises(AppendOnly):
            attempt()
    assert newest().action == "thing.done"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM accounts_auditentry",
        "UPDATE accounts_auditentry SET action = 'other'",
        "UPDATE accounts_auditentry SET outcome = 'failed'",
        "UPDATE accounts_auditentry SET actor_id = NULL",
        "UPDATE accounts_auditentry SET about_user = NULL",
        "UPDATE accounts_auditentry SET target_id = ''",
        "UPDATE accounts_auditentry SET recorded_at = '2020-01-01 00:00:00'",
        "UPDATE accounts_auditentry SET client_address = '192.0.2.99'",
        "UPDATE accounts_auditentry SET after = '{\"a\": 2}'",
        "UPDATE accounts_auditentry SET after = NULL, action = 'other'",
    ],
)
def test_entry_cannot_be_changed_or_deleted_in_the_database(user: Any, statement: str) -> None:
    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.7")
    record("thing.done", actor=user, target=user, request=request, after={"a": 1})
    statement = statement.replace("after =", '"after" =')
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert (newest().action, newest().after) == ("thing.done", {"a": 1})


def test_anonymise_blanks_what_names_a_person_and_nothing_else(user: Any, staff: Any) -> None:
    request = RequestFactory().post("/", REMOTE_ADDR="192.0.2.7")
    request.user = staff
    record("user.changed", request=request, target=user, before={"email": user.email}, after={"email": "x"}, note="n")
    record("user.changed", request=request, target=staff)
    record("sign_in.succeeded", actor=user)
    assert AuditEntry.objects.of_person(user_id=user.pk).count() == 2
    assert AuditEntry.objects.of_person(user_id=user.pk).anonymise() == 2
    entry = AuditEntry.objects.filter(about_user=user.pk).get()
    assert (entry.client_address, entry.before, entry.after, entry.facts) == ("", None, None, None)
    assert (entry.action, entry.actor_id, entry.target_id) == ("user.changed", staff.pk, str(user.pk))
    assert AuditEntry.objects.get(about_user=staff.pk).client_address == "192.0.2.7"


def test_entry_stays_when_its_actor_is_deleted(user: Any) -> None:
    record("sign_in.succeeded", actor=user)
    key = user.pk
    user.delete()
    entry = AuditEntry.objects.select_related("actor").get()
    assert (entry.actor_id, entry.actor) == (key, None)


def test_prune_deletes_old_entries_only() -> None:
    for days in (0, 29, 31, 400):
        AuditEntry.objects.create(action=f"day.{days}", recorded_at=timezone.now() - timedelta(days=days))
    with pytest.raises(AppendOnly):
        AuditEntry.objects.prune(before=timezone.now() - timedelta(days=29))
    assert AuditEntry.objects.prune(before=timezone.now() - timedelta(days=365)) == 1
    assert AuditEntry.objects.prune(before=timezone.now() - timedelta(days=30, minutes=1)) == 1
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == ["day.0", "day.29"]


class Undone(Exception):
    pass


@pytest.mark.django_db(transaction=True)
def test_change_is_rolled_back_with_the_caller_and_a_refusal_is_kept() -> None:
    with contextlib.suppress(Undone), transaction.atomic():
        record("thing.done")
        record("permission.denied", outcome=DENIED)
        with transaction.atomic():
            record("sign_in.failed", outcome=FAILED)
        raise Undone
    record("thing.later")
    entries = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(entries) == ["permission.denied", "sign_in.failed", "thing.later"]


@pytest.mark.django_db(transaction=True)
def test_refusal_in_a_transaction_is_written_at_its_commit() -> None:
    with transaction.atomic():
        record("permission.denied", outcome=DENIED)
        assert not AuditEntry.objects.exists()
    assert newest().action == "permission.denied"


@pytest.mark.django_db(transaction=True)
def test_refusal_in_a_request_that_fails_is_written_at_its_end(monkeypatch: Any, client: Any) -> None:
    def broken(*arguments: Any, **options: Any) -> None:
        with transaction.atomic():
            record("permission.denied", outcome=DENIED)
            raise Undone

    monkeypatch.setattr("accounts.signin.views.password_links.holder_of", broken)
    client.raise_request_exception = False
    assert client.get("/nssa/setup-password?token=x&email=y").status_code == 500
    assert newest().action == "permission.denied"


def test_log_line_names_the_action_and_no_value(user: Any, caplog: Any) -> None:
    with caplog.at_level(logging.INFO, logger="audit"):
        record("user.changed", actor=user, target=user, before={"language": "en"}, after={"language": "es"}, n=1)
    (line,) = [line for line in caplog.records if line.name == "audit"]
    assert (line.action, line.outcome, line.actor, line.target, line.changed) == (
        "user.changed", "done", user.pk, f"accounts.user:{user.pk}", "language",
    )  # fmt: skip
    assert line.facts == '{"n": 1}'


def test_database_that_is_away_fails_no_call_that_is_over_and_the_line_is_written(
    monkeypatch: Any, caplog: Any
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(AuditEntry, "save", away)
    with caplog.at_level(logging.INFO):
        record("operator.called", actor="operator")
        record("sign_in.failed", outcome=FAILED)
    assert [line.action for line in caplog.records if line.name == "audit"] == ["operator.called", "sign_in.failed"]
    assert sum("could not be stored" in line.getMessage() for line in caplog.records) == 2
    with pytest.raises(OperationalError), transaction.atomic():
        record("thing.done")


def test_refusal_that_waits_for_the_end_of_a_request_leaves_the_connection_open(client: Any) -> None:
    """The block around a test is none of the request's, and lasts longer."""
    audit._put_aside.entries.append(AuditEntry(action="permission.denied", outcome="denied"))
    client.get("/sign-in")
    assert AuditEntry.objects.get().action == "permission.denied"
