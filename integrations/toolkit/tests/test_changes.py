"""Lists in the order of change: no record is missed that changes during the run, and every run ends."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrations.toolkit import changes
from integrations.toolkit.changes import Cursor, date_time, true_at
from integrations.toolkit.failures import Refused

Record = dict[str, Any]
START = datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _two_on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "PAGE_SIZE", 2)


def dated(*minutes: int) -> list[Record]:
    """Return records "0", "1", …, changed at these minutes."""
    return [{"id": str(number), "at": minute_of(minute)} for number, minute in enumerate(minutes)]


def minute_of(minute: int) -> str:
    return date_time(START + timedelta(minutes=minute))


def answered(records: list[Record], cursor: Cursor) -> list[Record]:
    """Return the answer of a list that obeys its parameters."""
    found = sorted((one for one in records if one["at"] >= cursor.since), key=lambda one: str(one["at"]))
    return [dict(one) for one in found[cursor.skip : cursor.skip + changes.PAGE_SIZE]]


def read(
    answer: Callable[[Cursor], list[Record]],
    *,
    since: datetime | None = START,
    after_each: Callable[[], None] = lambda: None,
) -> list[list[str]]:
    """Return the unread ids of each page; the cursor goes through its text each time."""
    cursor: Cursor | None = Cursor.at("", since=since)
    found = []
    while cursor is not None:
        cursor = Cursor.at(cursor.text, since=None)
        page = answer(cursor)
        found.append([str(one["id"]) for one in cursor.unread(page)])
        after_each()
        cursor = cursor.after(page, dated_by="at", title="the list")
        assert len(found) < 50, "it would be read for ever"
    return found


def ids(pages: list[list[str]]) -> list[str]:
    return sum(pages, [])


def test_each_record_comes_once_the_oldest_change_first() -> None:
    records = dated(3, 1, 2, 0, -5)
    assert ids(read(lambda cursor: answered(records, cursor))) == ["3", "1", "2", "0"]


def test_more_records_of_one_moment_than_a_page_holds_are_all_read() -> None:
    records = dated(0, 5, 5, 5, 5, 5, 7)
    assert sorted(set(ids(read(lambda cursor: answered(records, cursor))))) == ["0", "1", "2", "3", "4", "5", "6"]


def test_record_that_changes_during_the_run_comes_again_and_hides_no_other() -> None:
    records = dated(0, 1, 2, 3, 4, 5)

    def change_the_first() -> None:
        records[0]["at"] = minute_of(10)

    found = ids(read(lambda cursor: answered(records, cursor), after_each=change_the_first))
    assert found == ["0", "1", "2", "3", "4", "5", "0"]


def test_records_without_a_date_are_read_where_everything_is() -> None:
    records = [*dated(1, 2), {"id": "undated", "at": ""}, {"id": "undated too", "at": ""}, {"id": "third", "at": ""}]
    found = ids(read(lambda cursor: answered(records, cursor), since=None))
    assert sorted(set(found)) == ["0", "1", "third", "undated", "undated too"]


def test_list_in_another_order_is_counted_to_its_end() -> None:
    records = dated(5, 1, 4, 2, 3)
    found = read(lambda cursor: records[cursor.skip : cursor.skip + 2])
    assert found == [["0", "1"], ["2", "3"], ["4"], []]


def test_list_that_ignores_since_is_counted_to_its_end() -> None:
    records = dated(0, 1, 2, 3, 4)
    found = read(lambda cursor: records[cursor.skip : cursor.skip + 2])
    assert sorted(set(ids(found))) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("most", [1, 2])
def test_list_with_short_pages_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(changes, "PAGE_SIZE", 5)
    records = dated(0, 1, 1, 1, 2, 3)
    found = ids(read(lambda cursor: answered(records, cursor)[:most]))
    assert sorted(found) == ["0", "1", "2", "3", "4", "5"]


def test_short_last_page_ends_the_requests() -> None:
    options = {"dated_by": "at", "title": "", "short_is_last": True}
    assert Cursor(since="").after(dated(0), **options) is None
    assert Cursor(since="").after(dated(0, 1), **options) == Cursor(since=minute_of(1), seen=("1",))


def test_list_that_repeats_one_page_for_ever_is_refused() -> None:
    with pytest.raises(Refused, match="the list gave the same page twice"):
        read(lambda cursor: dated(5, 1))


def test_date_that_is_shown_with_less_digits_is_still_in_order() -> None:
    cursor = Cursor(since="2026-03-02T10:00:00.900Z")
    after = cursor.after(
        [{"id": "1", "at": "2026-03-02T10:00:00Z"}, {"id": "2", "at": "2026-03-02T10:01:00Z"}], dated_by="at", title=""
    )
    assert after == Cursor(since="2026-03-02T10:01:00Z", seen=("2",))


@pytest.mark.parametrize(
    ("changed_at", "expected"),
    [
        (START - timedelta(days=1), START - timedelta(minutes=1)),
        (START - timedelta(seconds=20), START - timedelta(seconds=20)),
        (START + timedelta(hours=5), START),
        (None, START - timedelta(minutes=1)),
    ],
    ids=["long ago", "just now", "by another clock", "not said"],
)
def test_listed_value_counts_from_a_moment_before_the_request(changed_at: datetime | None, expected: datetime) -> None:
    assert true_at(changed_at, asked_at=START) == expected
