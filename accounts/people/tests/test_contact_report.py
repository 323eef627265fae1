"""Values of a report that are taken over where nobody else changed ours: no database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.people.contact_merge import merge
from accounts.people.contact_report import EMPTY, timestamp, without_outdated
from core.text import one_line

NOON = datetime.now(tz=UTC).replace(hour=12, minute=0, second=0, microsecond=0)

values = st.sampled_from(["", None, "1", "2", "3"])
records = st.dictionaries(st.sampled_from(["phone", "city", "state"]), values)


def taken(ours: dict[str, Any], remote: dict[str, Any], base: dict[str, Any] | None) -> dict[str, Any]:
    """Return what is written over ours, of which nobody knows since when it is so."""
    return merge(ours, remote, base, origins={}, provider="kajabi", changed_at=NOON, authorities={}).taken


@pytest.mark.parametrize(
    ("ours", "base", "remote", "written"),
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
def test_remote_value_is_written_over_ours_where_it_changed(
    ours: str, base: str | None, remote: str, written: str | None
) -> None:
    synced = None if base is None else {"phone": base}
    expected = {} if written is None else {"phone": written}
    assert taken({"phone": ours}, {"phone": remote}, synced) == expected


def test_record_that_never_named_a_value_changes_it_but_empties_nothing() -> None:
    assert taken({"phone": "1"}, {"phone": "2"}, {}) == {"phone": "2"}
    assert taken({"phone": "1"}, {"phone": ""}, {}) == {}


def test_boolean_value_is_compared_as_it_is() -> None:
    assert taken({"subscribed": True}, {"subscribed": False}, {"subscribed": True}) == {"subscribed": False}
    assert taken({"subscribed": False}, {"subscribed": None}, {"subscribed": False}) == {"subscribed": None}


@given(ours=records, base=st.none() | records, remote=records)
def test_same_report_twice_changes_nothing_the_second_time(
    ours: dict[str, Any], base: dict[str, Any] | None, remote: dict[str, Any]
) -> None:
    after = ours | taken(ours, remote, base)
    assert taken(after, remote, None if base is None else base | remote) == {}


class Record:
    """A contact with one remote record, reported as the service reports it."""

    def __init__(self) -> None:
        self.ours: dict[str, Any] = {}
        self.synced: dict[str, Any] = {}
        self.times: dict[str, str] = {}

    def report(self, values: dict[str, Any], minute: int) -> None:
        at = NOON + timedelta(minutes=minute)
        named = without_outdated(values, self.times, at=at)
        self.ours |= taken(self.ours, named, self.synced)
        self.synced |= named
        self.times |= dict.fromkeys(named, timestamp(at))


def filled(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in EMPTY}


@given(reports=st.lists(records, max_size=4), data=st.data())
def test_reports_with_different_times_end_the_same_in_any_order(reports: list[dict[str, Any]], data: Any) -> None:
    in_time, shuffled = Record(), Record()
    numbered = list(enumerate(reports))
    for minute, reported in numbered:
        in_time.report(reported, minute)
    for minute, reported in data.draw(st.permutations(numbered)):
        shuffled.report(reported, minute)
    assert (filled(shuffled.ours), shuffled.synced) == (filled(in_time.ours), in_time.synced)


def test_times_are_compared_in_any_zone_and_with_fractions() -> None:
    elsewhere = NOON.astimezone(tz=datetime.now().astimezone().tzinfo)
    times = {"phone": timestamp(NOON)}
    assert without_outdated({"phone": "1"}, times, at=elsewhere) == {"phone": "1"}
    assert without_outdated({"phone": "1"}, times, at=NOON - timedelta(microseconds=1)) == {}
    assert without_outdated({"phone": "1"}, times, at=NOON + timedelta(microseconds=1)) == {"phone": "1"}


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (" a\t b\r\nc ", "a b c"),
        ("a\x00b", "a b"),
        ("\x1b[31mred", "[31mred"),
        ("\ud800", ""),
        ("ñ 李 👩‍🚀", "ñ 李 👩‍🚀"),
    ],
)
def test_text_is_one_line_without_control_letters(raw: str, line: str) -> None:
    assert one_line(raw) == line
