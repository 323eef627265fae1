"""Tags: of two words about a tag the later one holds, in whatever order they come."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.people import contact_tags, contacts
from accounts.people.models import Contact, ContactTag, Tag
from accounts.people.tests.people import CAUSE, at, person, report, tags, told

pytestmark = pytest.mark.django_db
ID = {"contact": "5"}


def test_tags_are_added_and_removed_and_said_so() -> None:
    jane = person(ids=ID, tags_added=["vip", "vip ", ""])
    assert report(ids=ID, minute=1, tags_added=["new"], tags_removed=["vip"]).changed == ("+new", "-vip")
    assert (tags(jane), Tag.objects.count()) == (["new"], 2)


def test_a_whole_list_takes_away_what_is_not_in_it() -> None:
    jane = person(ids=ID, tags=["a", "b"])
    assert report(ids=ID, minute=1, tags=["b", "c"]).changed == ("-a", "+c")
    assert tags(jane) == ["b", "c"]
    assert report(ids=ID, minute=2, tags=[]).changed == ("-b", "-c")
    assert tags(jane) == []


def test_a_report_without_tags_changes_none() -> None:
    jane = person(ids=ID, tags=["a"])
    assert (report(ids=ID, minute=1).changed, tags(jane)) == ((), ["a"])


def test_the_tags_of_another_provider_are_left_alone() -> None:
    jane = person(ids=ID, tags=["a", "b"])
    report(provider="chatwoot", minute=1, ids=ID, tags=["a"])
    report(provider="chatwoot", minute=2, ids=ID, tags=[])
    assert tags(jane) == ["a", "b"]


def test_an_older_word_neither_revives_nor_removes_a_tag() -> None:
    jane = person(ids=ID, minute=5, tags_added=["kept"], tags_removed=["gone"])
    assert report(ids=ID, minute=1, tags_added=["gone"], tags_removed=["kept"]).changed == ()
    assert tags(jane) == ["kept"]


def test_what_is_said_again_is_as_new_as_that() -> None:
    jane = person(ids=ID, tags_added=["vip"])
    report(ids=ID, minute=9, tags_added=["vip"])
    report(ids=ID, minute=5, tags_removed=["vip"])
    assert (tags(jane), ContactTag.objects.get().changed_at) == (["vip"], at(9))


def test_a_tag_given_before_the_last_whole_list_was_taken_away_since() -> None:
    jane = person(ids=ID, minute=5, tags=[])
    assert report(ids=ID, minute=1, tags_added=["vip"]).changed == ()
    assert tags(jane) == []
    assert report(ids=ID, minute=6, tags_added=["vip"]).changed == ("+vip",)


WORDS: Sequence[dict[str, Any]] = (
    {"minute": 1, "tags_added": ["a", "b"]},
    {"minute": 2, "tags_removed": ["a"]},
    {"minute": 3, "tags": ["b", "c"]},
    {"minute": 4, "tags_added": ["a"], "tags_removed": ["c"]},
)


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
def test_any_order_of_words_ends_the_same(order: Sequence[int]) -> None:
    for number in order:
        report(ids=ID, **WORDS[number])
    rows = ContactTag.objects.order_by("tag__name").values_list("tag__name", "is_present", "changed_at")
    assert list(rows) == [("a", True, at(4)), ("b", True, at(3)), ("c", False, at(4))]


# Of two words about one tag and one moment the one that came last holds, so here each has its own moment.
words = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["added", "removed"]), st.sampled_from("abc")),
    max_size=6,
    unique_by=lambda word: (word[0], word[2]),
)


@given(said=words, data=st.data())
def test_any_permutation_of_adding_and_removing_ends_the_same(said: list[tuple[int, str, str]], data: Any) -> None:
    ends = []
    for number, order in enumerate((said, data.draw(st.permutations(said)))):
        contact = Contact.objects.create(email=f"p{number}@example.com")
        for minute, change, name in order:
            contact_tags.change(contact, provider="kajabi", at=at(minute), **{change: [name]})
        ends.append(list(contact.tag_rows.order_by("tag__name").values_list("tag__name", "is_present", "changed_at")))
        contact.delete()
    assert ends[0] == ends[1]


@pytest.mark.django_db(transaction=True)
def test_one_new_tag_given_to_twenty_people_at_once_is_one_tag(at_once: Any) -> None:
    people = [told(f"p{number}@example.com", tags_added=["vip"]) for number in range(20)]
    results = at_once([lambda one=one: contacts.report(one, provider="kajabi", cause=CAUSE) for one in people])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert (Tag.objects.get().name, ContactTag.objects.filter(is_present=True).count()) == ("vip", 20)
