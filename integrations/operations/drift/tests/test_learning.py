"""The rules of drift, over structures alone: what is settled, what is lost, when it drifts and when it is back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.operations.drift.learning import MOST_FIELDS, Observed, is_drifting, is_settled, learn, lost

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)
_numbers = count(1)
EMAIL = {"email": ("Buyer.email",)}
WHOLE = {"email": "text", "id": "text"}


def event(types: Mapping[str, str], reads: Mapping[str, tuple[str, ...]] | None = None) -> Observed:
    number = next(_numbers)
    parts = {"email": ("Buyer.email",), "mail": ("Buyer.email",), "id": ("id",), "phone": ("Buyer.phone",)}
    reads = {path: parts[path] for path in types if path in parts} if reads is None else reads
    return Observed(event_id=number, at=BEGIN + timedelta(minutes=number), types=types, reads=reads)


def learnt(number: int = 30, types: Mapping[str, str] = WHOLE) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for _time in range(number):
        learn(fields, event(types))
    return fields


def feed(fields: dict[str, Any], pattern: str, **options: Any) -> None:
    """Learn an event for each letter: `1` has no e-mail, `0` has one."""
    for letter in pattern:
        learn(fields, event({"id": "text"} if letter == "1" else WHOLE))


def test_field_is_settled_from_twenty_events_on() -> None:
    assert not is_settled(learnt(19)["email"])
    assert is_settled(learnt(20)["email"])


@pytest.mark.parametrize(("absent", "settled"), [(1, True), (2, False)])
def test_field_that_is_missing_in_more_than_one_percent_is_optional(absent: int, settled: bool) -> None:
    fields = learnt(1)
    for number in range(99):
        types = {"id": "text"} if number < absent else WHOLE
        learn(fields, event(types))
    assert is_settled(fields["email"]) is settled


def test_optional_field_that_is_missing_raises_nothing() -> None:
    fields: dict[str, Any] = {}
    for number in range(100):
        learn(fields, event(WHOLE | ({"phone": "text"} if number % 10 == 0 else {})))
    for _time in range(50):
        learn(fields, event(WHOLE))
    assert not any(map(is_drifting, fields.values()))
    assert "odd" not in fields["phone"]


@pytest.mark.parametrize(
    ("pattern", "drifts"),
    [
        ("1", False),
        ("1111", False),
        ("11111", True),
        ("0111011110111", True),
        ("01" * 9, False),
        ("01" * 10, True),
        ("1" + "0" * 25 + "1111", False),
    ],
)
def test_drift_is_five_in_a_row_or_half_of_the_last_twenty(pattern: str, drifts: bool) -> None:
    fields = learnt()
    feed(fields, pattern)
    assert is_drifting(fields["email"]) is drifts
    assert not is_drifting(fields["id"])


def test_drift_counts_since_its_first_event_and_ends_after_five_right_ones() -> None:
    fields = learnt()
    feed(fields, "11111" + "1" * 8)
    odd = fields["email"]["odd"]
    assert (odd["lost"], odd["of"], fields["email"]["seen"]) == (13, 13, 30)
    feed(fields, "0000")
    assert is_drifting(fields["email"])
    feed(fields, "0")
    assert "odd" not in fields["email"]
    assert is_settled(fields["email"])


def test_events_without_a_drifting_field_do_not_make_it_optional() -> None:
    fields = learnt()
    feed(fields, "1" * 500)
    assert is_drifting(fields["email"])
    assert is_settled(fields["email"])


def test_odd_event_counts_against_the_field_once_it_is_forgotten() -> None:
    fields = learnt()
    feed(fields, "1" + "0" * 20)
    assert "odd" not in fields["email"]
    assert fields["email"]["missed"] == 1


def test_other_spelling_that_gives_the_same_parts_loses_nothing() -> None:
    fields = learnt()
    for _time in range(30):
        learn(fields, event({"mail": "text", "id": "text"}))
    assert not any(map(is_drifting, fields.values()))
    assert is_settled(fields["mail"])


@pytest.mark.parametrize(("reads", "is_lost"), [(EMAIL, False), ({}, True)], ids=["read", "not read"])
def test_another_type_is_lost_only_where_the_parser_cannot_read_it(reads: Any, is_lost: bool) -> None:
    fields = learnt()
    odd = event(WHOLE | {"email": "number"}, reads=reads | {"id": ("id",)})
    assert lost(fields, odd) == (["email"] if is_lost else [])


def test_field_that_a_new_parser_does_not_read_is_forgotten() -> None:
    fields = learnt()
    for _time in range(20):
        learn(fields, event(WHOLE, reads={"id": ("id",)}))
    assert "email" not in fields
    feed(fields, "1" * 10)
    assert not any(map(is_drifting, fields.values()))


@given(st.lists(st.dictionaries(st.text(min_size=1, max_size=9), st.sampled_from(["text", "number"]), max_size=40),
                max_size=20))  # fmt: skip
def test_no_events_make_more_fields_than_are_allowed(events: list[dict[str, str]]) -> None:
    fields: dict[str, Any] = {}
    for number, types in enumerate(events):
        many = {f"{path}{number}": kind for path, kind in types.items()}
        learn(fields, event(many, reads={path: (path,) for path in many}))
    assert len(fields) <= MOST_FIELDS


def test_counts_stay_bounded_over_many_events() -> None:
    fields = learnt(12_000, {"id": "text"})
    assert 2000 < fields["id"]["seen"] <= 5001
