"""Columns made by factories: what they show, and how Django's admin finds their heading."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.sites import AdminSite
from django.contrib.admin.utils import label_for_field, lookup_field

from accounts.staff.models import AuditEntry
from core.console import columns
from core.console.base import ReadOnlyAdmin
from core.console.links import NOTHING, moment

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def shown(column: Any, **values: Any) -> str:
    return str(column(None, SimpleNamespace(**values)))


def test_moment_is_shown_as_everywhere() -> None:
    column = columns.moment("at", "when")
    assert (shown(column, at=NOON), shown(column, at=None)) == (str(moment(NOON)), NOTHING)


@pytest.mark.parametrize(("value", "text"), [("a text", "a text"), ("", NOTHING), (None, NOTHING)])
def test_text_is_shown_and_an_empty_one_is_a_dash(value: str | None, text: str) -> None:
    assert shown(columns.text("note", "note"), note=value) == text
    assert shown(columns.text("note", "note", is_short=True), note=value) == text


def test_short_text_is_one_line_of_the_whole() -> None:
    long = "a line\nand another " * 20
    assert len(shown(columns.text("note", "note", is_short=True), note=long)) <= 80
    assert shown(columns.text("note", "note"), note=long) == long


def test_badge_names_the_value_in_words_and_its_kind_by_colour() -> None:
    row = {"status": "done", "get_status_display": lambda: "Done & <b>"}
    assert shown(columns.badge("status", "status"), **row) == (
        '<span class="badge badge--done">Done &amp; &lt;b&gt;</span>'
    )
    assert "badge--active" in shown(columns.badge("status", "status", kinds={"done": "active"}), **row)


def test_attribute_of_a_related_row_is_found_by_dots() -> None:
    user = SimpleNamespace(email="mark@example.com")
    assert shown(columns.attribute("user.email", "member"), user=user) == "mark@example.com"
    assert shown(columns.attribute("user.email", "member", show=str.upper), user=user) == "MARK@EXAMPLE.COM"


def test_amount_is_shown_in_its_currency() -> None:
    order = SimpleNamespace(currency="USD")
    assert shown(columns.money("total", "total"), total=1250, currency="USD") == shown(
        columns.money("total", "total", currency="order.currency"), total=1250, order=order
    )


def test_link_without_a_row_is_a_dash() -> None:
    assert shown(columns.link("admin:accounts_user", "user", "member"), user=None) == NOTHING


def test_link_leads_to_the_related_row() -> None:
    class User:
        pk = 7

        def __str__(self) -> str:
            return "Jane <b>"

    link = shown(columns.link("admin:accounts_user", "user", "member"), user=User())
    assert link == '<a href="/admin/accounts/user/7/person/">Jane &lt;b&gt;</a>'


def test_admin_finds_a_column_and_its_label() -> None:
    class EntryAdmin(ReadOnlyAdmin):
        list_display = ("what",)
        what = columns.text("action", "what was done")

    page = EntryAdmin(AuditEntry, AdminSite())
    assert label_for_field("what", AuditEntry, page) == "what was done"
    assert lookup_field("what", AuditEntry(action="token.used"), page)[2] == "token.used"
