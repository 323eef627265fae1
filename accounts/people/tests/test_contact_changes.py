"""Changes that a report makes to a contact: the values that changed remotely, in whatever order reports come."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest

from accounts.people.models import Contact
from accounts.people.tests.people import addresses, at, columns, person, record, report, tags

pytestmark = pytest.mark.django_db


def test_remote_change_is_taken_over() -> None:
    jane = person(ids={"contact": "5"}, first_name="Jane", phone="1", custom_fields={"size": "M"})
    changed = report(ids={"contact": "5"}, minute=1, first_name="Janet", phone="1", custom_fields={"size": "L"})
    assert changed.changed == ("first_name", "size")
    assert columns(jane, "first_name", "phone", "custom_fields") == ["Janet", "1", {"size": "L"}]


def test_emptied_remote_value_empties_ours_where_it_is_the_same() -> None:
    jane = person(ids={"contact": "5"}, phone="1", city="Rome", custom_fields={"size": "M", "shoe": "38"})
    Contact.objects.update(city="Paris")  # changed by somebody else meanwhile
    report(ids={"contact": "5"}, minute=1, phone="", city=None, custom_fields={"size": "", "shoe": "38"})
    assert columns(jane, "phone", "city", "custom_fields") == ["", "Paris", {"shoe": "38"}]


def test_provider_that_never_knew_a_value_does_not_take_it_away() -> None:
    jane = person(ids={"contact": "5"}, phone="1")
    report(provider="chatwoot", ids={"contact": "77"}, minute=1, phone="")
    assert columns(jane, "phone") == ["1"]


def test_report_without_a_record_fills_in_only_missing_values() -> None:
    jane = person(first_name="Jane")
    filled_in = report(minute=1, first_name="Other", phone="1")
    assert (filled_in.changed, columns(jane, "first_name", "phone")) == (("phone",), ["Jane", "1"])


def test_same_report_again_changes_nothing() -> None:
    parts: dict[str, Any] = {
        "ids": {"contact": "5"},
        "first_name": "Jane",
        "tags": ["vip"],
        "aliases": ["j@example.com"],
    }
    jane = person(**parts)
    before = columns(jane, "updated_at")
    again = report(**parts)
    assert (again.created, again.changed, again.is_stale) == (False, (), False)
    assert columns(jane, "updated_at") == before


def test_older_report_changes_nothing_that_a_newer_one_named() -> None:
    jane = person(ids={"contact": "5"}, minute=10, first_name="Janet", subscribed=True, offers=[{"id": "2"}])
    stale = report(ids={"contact": "5"}, minute=1, first_name="Jane", subscribed=False, offers=[{"id": "1"}])
    assert (stale.is_stale, stale.changed) == (True, ())
    assert columns(jane, "first_name", "subscribed") == ["Janet", True]
    known = record("contact", "5")
    assert (known.reported_at, known.last_synced_values["first_name"], known.offers) == (at(10), "Janet", [{"id": "2"}])


def as_it_is(external_id: str = "5") -> dict[str, Any]:
    """Everything that reports decide about a contact."""
    known = record("contact", external_id)
    skipped = ("id", "created_at", "updated_at", "origins")  # partial words know roughly since when
    contact = {
        column.name: getattr(known.contact, column.attname)
        for column in Contact._meta.concrete_fields
        if column.name not in skipped
    }
    rows = known.contact.tag_rows.values_list("tag__name", "is_present", "changed_at").order_by("tag__name")
    told_values = {
        "last_synced_values": known.last_synced_values,
        "last_synced_times": known.last_synced_times,
        "reported_at": known.reported_at,
    }
    return contact | told_values | {"offers": known.offers, "addresses": addresses(known.contact), "tags": list(rows)}


PARTIAL: Sequence[dict[str, Any]] = (
    {"minute": 1, "email": "old@example.com", "first_name": "Jane", "phone": "1", "tags": ["a", "b"]},
    {"minute": 2, "first_name": "Janet", "custom_fields": {"size": "M", "shoe": "38"}, "offers": [{"id": "1"}]},
    {"minute": 3, "email": "new@example.com", "phone": "", "tags_added": ["c"], "custom_fields": {"size": ""}},
    {"minute": 4, "city": "Rome", "tags": ["b", "d"], "offers": []},
)
NAMED_LAST = {
    **dict.fromkeys(("first_name", "custom_fields.shoe"), 2),
    **dict.fromkeys(("email", "phone", "custom_fields.size"), 3),
    **dict.fromkeys(("city", "tags", "offers"), 4),
}


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_reports_that_name_different_things_end_the_same_in_any_order(order: Sequence[int]) -> None:
    for number in order:
        report(**({"email": "", "ids": {"contact": "5"}} | PARTIAL[number]))
    assert Contact.objects.count() == 1
    found = as_it_is()
    assert {name: value for name, value in found.items() if value not in ("", None)} == {
        "email": "new@example.com",
        "first_name": "Janet",
        "city": "Rome",
        "custom_fields": {"shoe": "38"},
        "offers": [],
        "addresses": ["new@example.com", "old@example.com"],
        "tags": [(name, name in "bd", at(4)) for name in "abcd"],
        "reported_at": at(4),
        "last_synced_values": {
            "first_name": "Janet",
            "phone": "",
            "city": "Rome",
            "email": "new@example.com",
            "custom_fields.size": "",
            "custom_fields.shoe": "38",
        },
        "last_synced_times": {
            name: at(minute).isoformat(timespec="microseconds") for name, minute in NAMED_LAST.items()
        },
    }


@pytest.mark.parametrize(
    ("field", "raw", "kept"),
    [
        ("first_name", "<b>Jane</b>", "bJane/b"),
        ("last_name", "Doe\nhttp://evil.example/x", "Doe"),
        ("first_name", "J" * 500, "J" * 60),
        ("phone", "+1\x00 555\x1b[31m\n1000", "+1 555 [31m 1000"),
        ("phone", "5" * 500, "5" * 50),
        ("city", "Ro\ud800me", "Ro me"),
        ("city", "<script>alert(1)</script>", "<script>alert(1)</script>"),  # text: whoever shows it escapes it
        ("country", ["IT"], "['IT']"),
        ("subscribed", "yes", None),
    ],
)
def test_hostile_value_is_stored_as_harmless_text(field: str, raw: Any, kept: Any) -> None:
    assert columns(person(**{field: raw}), field) == [kept]


def test_hostile_tag_is_stored_as_harmless_text() -> None:
    assert tags(person(tags=["a\x00b\n c", " ", "x" * 400, "<i>"])) == ["<i>", "a b c", "x" * 150]
