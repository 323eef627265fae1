"""Balance of a day: what keeps it from balancing, and what repairs that."""

from typing import Any

import pytest

from integrations.operations.balance import Compared, DayFacts, Difference, State, balance

STORED = {"processed": 7, "ignored": 1, "unmatched": 1, "failed": 1}


def of(**facts: Any) -> tuple[State, dict[Difference, int]]:
    result = balance(DayFacts(**{"stored": STORED, "counted": 10, "compared": Compared.DONE} | facts))
    return result.state, dict(result.differences)


def test_day_whose_events_are_all_here_balances_whatever_became_of_them() -> None:
    assert of() == (State.BALANCED, {})
    assert of(stored={}, counted=0) == (State.BALANCED, {})
    assert of(counted=4) == (State.BALANCED, {}), "counted before the last ones came"


def test_event_that_was_counted_and_is_not_stored_any_more_is_lost() -> None:
    assert of(counted=12) == (State.DIFFERS, {Difference.LOST: 2})


def test_lost_events_are_repaired_by_a_reading_of_the_day() -> None:
    assert of(counted=12, was_different=True, is_reread=True) == (State.HEALED, {})
    assert of(counted=12, was_different=True)[0] is State.DIFFERS


@pytest.mark.parametrize(
    ("compared", "state"),
    [
        (Compared.DONE, State.BALANCED),
        (Compared.NO_LIST, State.BALANCED),
        (Compared.NOT_READ, State.BALANCED),
        (Compared.AWAITED, State.UNKNOWN),
        (Compared.OVERDUE, State.DIFFERS),
    ],
)
def test_list_that_is_read_by_the_clock_must_have_been_read(compared: Compared, state: State) -> None:
    assert of(compared=compared)[0] is state


def test_what_the_list_restored_is_healed_and_what_it_could_not_apply_differs() -> None:
    assert of(restored=3) == (State.HEALED, {})
    assert of(restored=None) == (State.BALANCED, {})
    assert of(restored=3, not_applied=1, findings=2) == (
        State.DIFFERS,
        {Difference.NOT_APPLIED: 1, Difference.FINDINGS: 2},
    )
    assert of(compared=Compared.AWAITED, findings=2)[0] is State.DIFFERS, "a known difference outweighs what is open"


def test_day_that_differed_and_does_not_any_more_is_healed() -> None:
    assert of(was_different=True) == (State.HEALED, {})
    assert [state.is_right for state in State] == [True, True, False, False]
