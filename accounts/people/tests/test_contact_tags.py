"""Tags: of two reports about a tag the later one holds, in whatever order they come."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.people import contact_tags, contacts
from accounts.people.models import Contact, ContactTag, Tag
from accounts.people.tests.people import CAUSE, at, contact_report, person, report, tags

pytestmark = pytest.mark.django_db
ID = {"contact": "5"}


def test_tags_are_added_removed_and_reported_as_changes() -> None:
    jane = person(ids=ID, tags_added=["vip", "vip ", ""])
    assert report(ids=ID, minute=1, tags_added=["new"], tags_removed=["vip"]).changed == ("+new", "-vip")
    assert (tags(jane), Tag.objects.count()) == (["new"], 2)


def test_whole_list_removes_tags_that_are_not_in_it() -> None:
    jane = person(ids=ID, tags=["a", "b"])
    assert report(ids=ID, minute=1, tags=["b", "c"]).changed == ("-a", "+c")
    assert tags(jane) == ["b", "c"]
    assert report(ids=ID, minute=2, tags=[]).changed == ("-b", "-c")
    assert tags(jane) == []


def test_report_without_tags_changes_none() -> None:
    jane = person(ids=ID, tags=["a"])
    assert (report(ids=ID, minute=1).changed, tags(jane)) == ((), ["a"])


def test_tags_of_another_provider_stay() -> None:
    jane = person(ids=ID, tags=["a", "b"])
    report(provider="chatwoot", minute=1, ids=ID, tags=["a"])
    report(provider="chatwoot", minute=2, ids=ID, tags=[])
    assert tags(jane) == ["a", "b"]


def test_older_report_neither_revives_nor_removes_a_tag() -> None:
    jane = person(ids=ID, minute=5, tags_added=["kept"], tags_removed=["gone"])
    assert report(ids=ID, minute=1, tags_added=["gone"], tags_removed=["kept"]).changed == ()
    assert tags(jane) == ["kept"]


def test_tag_that_is_reported_again_has_the_newer_time() -> None:
    jane = person(ids=ID, tags_added=["vip"])
    report(ids=ID, minute=9, tags_added=["vip"])
    report(ids=ID, minute=5, tags_removed=["vip"])
    assert (tags(jane), ContactTag.objects.get().changed_at) == (["vip"], at(9))


def test_tag_given_before_the_last_whole_list_is_absent() -> None:
    jane = person(ids=ID, minute=5, tags=[])
    assert report(ids=ID, minute=1, tags_added=["vip"]).changed == ()
    assert tags(jane) == []
    assert report(ids=ID, minute=6, tags_added=["vip"]).changed == ("+vip",)


REPORTS: Sequence[dict[str, Any]] = (
    {"minute": 1, "tags_added": ["a", "b"]},
    {"minute": 2, "tags_removed": ["a"]},
    {"minute": 3, "tags": ["b", "c"]},
    {"minute": 4, "tags_added": ["a"], "tags_removed": ["c"]},
)


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_any_order_of_reports_ends_the_same(order: Sequence[int]) -> None:
    for number in order:
        report(ids=ID, **REPORTS[number])
    rows = ContactTag.objects.order_by("tag__name").values_list("tag__name", "is_present", "changed_at")
    assert list(rows) == [("a", True, at(4)), ("b", True, at(3)), ("c", False, at(4))]


# Of two reports of one tag and one moment the one that came last holds, so here each has its own moment.
changes = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["tags_added", "tags_removed"]), st.sampled_from("abc")),
    max_size=6,
    unique_by=lambda change: (change[0], change[2]),
)


@given(made=changes, data=st.data())
def test_any_permutation_of_adding_and_removing_ends_the_same(made: list[tuple[int, str, str]], data: Any) -> None:
    ends = []
    for number, order in enumerate((made, data.draw(st.permutations(made)))):
        contact = Contact.objects.create(email=f"p{number}@example.com")
        for minute, change, name in order:
            contact_tags.apply(contact, contact_report(minute=minute, **{change: [name]}), provider="kajabi")
        ends.append(list(contact.tag_rows.order_by("tag__name").values_list("tag__name", "is_present", "changed_at")))
        contact.delete()
    assert ends[0] == ends[1]


@pytest.mark.django_db(transaction=True)
def test_one_new_tag_given_to_twenty_people_at_once_is_one_tag(at_once: Any) -> None:
    people = [contact_report(f"p{number}@example.com", tags_added=["vip"]) for number in range(20)]
    results = at_once([lambda one=one: contacts.apply_report(one, provider="kajabi", cause=CAUSE) for one in people])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert (Tag.objects.get().name, ContactTag.objects.filter(is_present=True).count()) == ("vip", 20)
