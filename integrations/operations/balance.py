"""Balance of a day: whether what a provider sent, and what its own list holds, is all here. Pure, without tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Compared(StrEnum):
    """How far the provider's own list was compared for a day. The values are stored."""

    DONE = "done"
    AWAITED = "awaited"  # the next reading of the list will tell
    OVERDUE = "overdue"
    NO_LIST = "no_list"
    NOT_READ = "not_read"  # by the clock; staff can read it


class Difference(StrEnum):
    """Kinds of differences that keep a day from balancing. The values are stored."""

    LOST = "lost"  # events that were counted and are not stored any more
    NOT_COMPARED = "not_compared"  # the list should have been read long ago
    NOT_APPLIED = "not_applied"  # records of the list that could not be applied here
    FINDINGS = "findings"  # open questions of a comparison


class State(StrEnum):
    """The state of a day. The values are stored."""

    BALANCED = "balanced"
    HEALED = "healed"  # balanced, after something was repaired
    UNKNOWN = "unknown"  # not compared yet
    DIFFERS = "differs"

    @property
    def is_right(self) -> bool:
        return self in (State.BALANCED, State.HEALED)


@dataclass(frozen=True, kw_only=True)
class DayFacts:
    """Facts about the events of one provider on one day.

    `stored` are the events by status as they are stored now, `counted` the largest number of them that was ever
    counted. `restored` are changes that no webhook reported and a reading of the list applied, None where that is not
    known any more. `was_different`: an earlier close of the day found differences, and `is_reread` says that the list
    was read from the beginning of the day since.
    """

    stored: Mapping[str, int]
    counted: int
    compared: Compared
    restored: int | None = 0
    not_applied: int = 0
    findings: int = 0
    was_different: bool = False
    is_reread: bool = False


@dataclass(frozen=True, kw_only=True)
class Balance:
    """The state of a day and what differs, by kind: how many, 1 for a list that was not compared."""

    state: State
    differences: Mapping[Difference, int]


def balance(facts: DayFacts) -> Balance:
    """Return whether a day balances.

    Events that failed, are unmatched or wait are on the right side of the equation: they are here, and have questions
    to staff of their own. Lost ones are repaired by a reading of the list, which applies what they had reported.
    """
    lost = max(facts.counted - sum(facts.stored.values()), 0)
    found = {
        Difference.LOST: 0 if facts.is_reread else lost,
        Difference.NOT_COMPARED: int(facts.compared is Compared.OVERDUE),
        Difference.NOT_APPLIED: facts.not_applied,
        Difference.FINDINGS: facts.findings,
    }
    differences = {kind: number for kind, number in found.items() if number}
    if differences:
        state = State.DIFFERS
    elif facts.compared is Compared.AWAITED:
        state = State.UNKNOWN
    elif facts.was_different or facts.restored:
        state = State.HEALED
    else:
        state = State.BALANCED
    return Balance(state=state, differences=differences)
