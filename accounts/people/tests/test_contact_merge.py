"""Three-way merge of a contact's values: no database."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.people.contact_merge import Merged, merge
from accounts.people.contact_report import AT, BY, timestamp
from core import word_lists

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def origin(provider: str, minute: int) -> dict[str, str]:
    return {AT: timestamp(at(minute)), BY: provider}


def merged(ours: str, remote: str, base: str | None, *, since: int, changed: int, authority: str = "") -> Merged:
    """Merge what "right" changed at minute `changed` with ours, which is "left"'s since minute `since`."""
    return merge(
        {"city": ours},
        {"city": remote},
        None if base is None else {"city": base},
        origins={"city": origin("left", since)},
        provider="right",
        changed_at=at(changed),
        authorities={"city": authority} if authority else {},
    )


@pytest.mark.parametrize(
    ("ours", "base", "remote", "since", "changed", "authority", "holds", "is_conflict"),
    [
        ("Miami", "Miami", "Tampa", 5, 1, "", "Tampa", False),
        ("Orlando", "Miami", "Tampa", 1, 5, "", "Tampa", True),
        ("Orlando", "Miami", "Tampa", 5, 1, "", "Orlando", True),
        ("Orlando", "Miami", "Tampa", 3, 3, "", "Tampa", True),
        ("Orlando", "Miami", "Tampa", 5, 1, "right", "Tampa", True),
        ("Orlando", "Miami", "Tampa", 1, 5, "left", "Orlando", True),
        ("Orlando", "Miami", "Tampa", 1, 5, "another", "Tampa", True),
        ("Orlando", "Miami", "Miami", 1, 5, "", "Orlando", False),
        ("Orlando", "Miami", "Orlando", 1, 5, "", "Orlando", False),
        ("Orlando", "Miami", "", 1, 5, "", "Orlando", False),
        ("Miami", "Miami", "", 1, 5, "", "", False),
    ],
    ids=[
        "changed remotely alone",
        "the newer holds, remote",
        "the newer holds, ours",
        "of one moment the later name holds",
        "the authority holds, though older",
        "the authority holds, ours",
        "somebody else's authority decides nothing",
        "changed locally alone",
        "both changed it to the same",
        "emptied remotely, changed locally",
        "emptied remotely",
    ],
)
def test_merge_takes_the_newer_value_or_that_of_the_authority(
    ours: str, base: str, remote: str, since: int, changed: int, authority: str, holds: str, is_conflict: bool
) -> None:
    result = merged(ours, remote, base, since=since, changed=changed, authority=authority)
    assert result.taken.get("city", ours) == holds
    assert (bool(result.won) or bool(result.lost)) == is_conflict
    if result.lost:
        assert result.lost == {"city": remote}, "the loser is kept"


def test_value_without_an_origin_is_no_conflict() -> None:
    result = merge(
        {"city": "Orlando"},
        {"city": "Tampa"},
        {"city": "Miami"},
        origins={},
        provider="right",
        changed_at=at(0),
        authorities={},
    )
    assert (result.taken, result.won, result.lost) == ({"city": "Tampa"}, set(), {})


changes = st.lists(
    st.tuples(st.sampled_from(["kajabi", "left", "right"]), st.integers(0, 9), st.sampled_from("abcd")),
    min_size=1,
    max_size=3,
    unique_by=lambda change: change[0],
)


@given(reported=changes)
def test_one_change_of_each_provider_ends_the_same_in_any_order(reported: list[tuple[str, int, str]]) -> None:
    ends = set()
    for order in permutations(reported):
        ours: dict[str, Any] = {"city": "base"}
        origins = {"city": origin("", -60)}
        for provider, minute, city in order:
            result = merge(
                ours, {"city": city}, {"city": "base"},
                origins=origins, provider=provider, changed_at=at(minute), authorities={},
            )  # fmt: skip
            ours |= result.taken
            origins |= dict.fromkeys([*result.taken, *result.agreed], origin(provider, minute))
        ends.add(ours["city"])
    newest = max(reported, key=lambda change: (change[1], change[0]))
    assert ends == {newest[2]}, "the order of arrival decides nothing"


def merged_list(ours: str, remote: str, base: str | None, *, authority: str = "") -> Merged:
    """Merge a list of words, ours the newer one by far."""
    return merge(
        {"tags": ours},
        {"tags": remote},
        None if base is None else {"tags": base},
        origins={"tags": origin("left", 60)},
        provider="right",
        changed_at=at(0),
        authorities={"tags": authority} if authority else {},
        lists={"tags": lambda text: word_lists.join(word_lists.parse(text))},
    )


@pytest.mark.parametrize(
    ("ours", "base", "remote", "holds"),
    [
        ("a", "a", "a, b", "a, b"),
        ("a, b", "a, b", "a", "a"),
        ("a, c", "a", "a, b", "a, b, c"),
        ("c", "a", "a, b", "b, c"),
        ("a, b, c", "a, b", "b", "b, c"),
        ("a", "a", "", ""),
        ("a, c", "a", "", "c"),
        ("c", None, "a, b", "a, b, c"),
        ("c", None, "", "c"),
        ("", "a, b", "a, b", ""),
        ("", "a", "a, b", "b"),
        ("B; A", "A; B", "a, b", "B; A"),
    ],
)
def test_list_has_what_either_side_added_and_lacks_what_either_removed(
    ours: str, base: str | None, remote: str, holds: str
) -> None:
    result = merged_list(ours, remote, base)
    assert (result.taken.get("tags", ours), result.won, result.lost) == (holds, set(), {})


@pytest.mark.parametrize(("authority", "holds"), [("right", "a, b"), ("left", "a, c")])
def test_list_of_an_authority_is_one_value(authority: str, holds: str) -> None:
    assert merged_list("a, c", "a, b", "a", authority=authority).taken.get("tags", "a, c") == holds


words = st.frozensets(st.sampled_from("abcd"))


@given(base=words, left=words, right=words)
def test_lists_changed_on_two_sides_end_equal(
    base: frozenset[str], left: frozenset[str], right: frozenset[str]
) -> None:
    first = merged_list(word_lists.join(base), word_lists.join(left), word_lists.join(base))
    ours = first.taken.get("tags", word_lists.join(base))
    second = merged_list(ours, word_lists.join(right), word_lists.join(base))
    kept_or_added = (base & left & right) | ((left | right) - base)
    assert word_lists.parse(second.taken.get("tags", ours)) == kept_or_added
