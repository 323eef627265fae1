"""Which of two words about a contact holds: a three-way merge by value, no database."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.people.contact_merge import Merged, merge, originated

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return NOON + timedelta(minutes=minutes)


def merged(ours: str, told: str, before: str | None, *, since: int, changed: int, authority: str = "") -> Merged:
    """ "right" tells of a value that it changed at minute `changed`; ours is "left"'s since minute `since`."""
    return merge(
        {"city": ours},
        {"city": told},
        None if before is None else {"city": before},
        origins=originated(["city"], provider="left", at=at(since)),
        provider="right",
        changed_at=at(changed),
        authorities={"city": authority} if authority else {},
    )


@pytest.mark.parametrize(
    ("ours", "before", "told", "since", "changed", "authority", "holds", "is_conflict"),
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
        "changed there alone",
        "the newer holds, theirs",
        "the newer holds, ours",
        "of one moment the later name holds",
        "the authority holds, though older",
        "the authority holds, ours",
        "somebody else's authority decides nothing",
        "changed here alone",
        "both changed it to the same",
        "emptied there, changed here",
        "emptied there",
    ],
)
def test_which_word_holds(
    ours: str, before: str, told: str, since: int, changed: int, authority: str, holds: str, is_conflict: bool
) -> None:
    found = merged(ours, told, before, since=since, changed=changed, authority=authority)
    assert found.taken.get("city", ours) == holds
    assert (bool(found.won) or bool(found.lost)) == is_conflict
    if found.lost:
        assert found.lost == {"city": told}, "the loser is kept"


def test_what_nobody_is_known_to_have_said_is_no_conflict() -> None:
    found = merge(
        {"city": "Orlando"},
        {"city": "Tampa"},
        {"city": "Miami"},
        origins={},
        provider="right",
        changed_at=at(0),
        authorities={},
    )
    assert (found.taken, found.won, found.lost) == ({"city": "Tampa"}, frozenset(), {})


changes = st.lists(
    st.tuples(st.sampled_from(["kajabi", "left", "right"]), st.integers(0, 9), st.sampled_from("abcd")),
    min_size=1,
    max_size=3,
    unique_by=lambda change: change[0],
)


@given(told=changes)
def test_one_change_of_each_provider_ends_the_same_in_any_order(told: list[tuple[str, int, str]]) -> None:
    ends = set()
    for order in permutations(told):
        ours: dict[str, Any] = {"city": "base"}
        origins = originated(["city"], provider="", at=at(-60))
        for provider, minute, city in order:
            found = merge(
                ours, {"city": city}, {"city": "base"},
                origins=origins, provider=provider, changed_at=at(minute), authorities={},
            )  # fmt: skip
            ours |= found.taken
            origins |= originated([*found.taken, *found.agreed], provider=provider, at=at(minute))
        ends.add(ours["city"])
    newest = max(told, key=lambda change: (change[1], change[0]))
    assert ends == {newest[2]}, "the order of arrival decides nothing"
