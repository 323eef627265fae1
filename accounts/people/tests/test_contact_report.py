"""What of a report is news: no database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.people.contact_report import EMPTY, dated, news, still_newest
from core.text import one_line

NOON = datetime.now(tz=UTC).replace(hour=12, minute=0, second=0, microsecond=0)

values = st.sampled_from(["", None, "1", "2", "3"])
records = st.dictionaries(st.sampled_from(["phone", "city", "state"]), values)


@pytest.mark.parametrize(
    ("ours", "before", "told", "written"),
    [
        ("", None, "1", "1"),
        ("1", None, "2", None),
        ("1", None, "", None),
        ("1", "1", "2", "2"),
        ("1", "1", "1", None),
        ("9", "1", "1", None),
        ("9", "1", "2", "2"),
        ("1", "1", "", ""),
        ("9", "1", "", None),
        ("1", "", "", None),
        ("1", "", "2", "2"),
        ("2", "1", "2", None),
        ("", "1", "", None),
    ],
    ids=[
        "without a record a gap is filled",
        "without a record ours stays",
        "without a record nothing is emptied",
        "changed at the provider",
        "the same everywhere",
        "changed here only",
        "changed there and here: theirs is the later word",
        "emptied there",
        "emptied there, changed here",
        "never known there",
        "filled in there",
        "changed to what we have",
        "emptied everywhere",
    ],
)
def test_what_is_written_over_ours(ours: str, before: str | None, told: str, written: str | None) -> None:
    known = None if before is None else {"phone": before}
    expected = {} if written is None else {"phone": written}
    assert news({"phone": ours}, {"phone": told}, known) == expected


def test_a_record_that_never_named_a_value_changes_it_but_empties_nothing() -> None:
    assert news({"phone": "1"}, {"phone": "2"}, {}) == {"phone": "2"}
    assert news({"phone": "1"}, {"phone": ""}, {}) == {}


def test_a_value_of_another_kind_is_compared_as_it_is() -> None:
    assert news({"subscribed": True}, {"subscribed": False}, {"subscribed": True}) == {"subscribed": False}
    assert news({"subscribed": False}, {"subscribed": None}, {"subscribed": False}) == {"subscribed": None}


@given(ours=records, before=st.none() | records, told=records)
def test_the_same_report_twice_changes_nothing_the_second_time(
    ours: dict[str, Any], before: dict[str, Any] | None, told: dict[str, Any]
) -> None:
    after = ours | news(ours, told, before)
    assert news(after, told, None if before is None else before | told) == {}


class Record:
    """A contact of one record there, told as the service tells it."""

    def __init__(self) -> None:
        self.ours: dict[str, Any] = {}
        self.told: dict[str, Any] = {}
        self.told_at: dict[str, str] = {}

    def hear(self, told: dict[str, Any], minute: int) -> None:
        at = NOON + timedelta(minutes=minute)
        named = still_newest(told, told_at=self.told_at, at=at)
        self.ours |= news(self.ours, named, self.told)
        self.told |= named
        self.told_at |= dated(named, at=at)


def filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in EMPTY}


@given(reports=st.lists(records, max_size=4), data=st.data())
def test_reports_with_different_times_end_the_same_in_any_order(reports: list[dict[str, Any]], data: Any) -> None:
    in_time, shuffled = Record(), Record()
    numbered = list(enumerate(reports))
    for minute, told in numbered:
        in_time.hear(told, minute)
    for minute, told in data.draw(st.permutations(numbered)):
        shuffled.hear(told, minute)
    assert (filled(shuffled.ours), shuffled.told) == (filled(in_time.ours), in_time.told)


def test_times_are_compared_as_times_whatever_their_zone_and_fractions() -> None:
    there = NOON.astimezone(tz=datetime.now().astimezone().tzinfo)
    told_at = dated(["phone"], at=NOON)
    assert still_newest({"phone": "1"}, told_at=told_at, at=there) == {"phone": "1"}
    assert still_newest({"phone": "1"}, told_at=told_at, at=NOON - timedelta(microseconds=1)) == {}
    assert still_newest({"phone": "1"}, told_at=told_at, at=NOON + timedelta(microseconds=1)) == {"phone": "1"}


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        (" a\t b\r\nc ", "a b c"),
        ("a\x00b", "a b"),
        ("\x1b[31mred", "[31mred"),
        ("\ud800", ""),
        ("ñ 李 👩‍🚀", "ñ 李 👩‍🚀"),
    ],
)
def test_a_text_is_one_line_without_control_letters(raw: str, kept: str) -> None:
    assert one_line(raw) == kept
