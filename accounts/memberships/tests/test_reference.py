"""The code and the reference model agree on access at every day, over histories of several purchases."""

from collections.abc import Sequence

from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings

from accounts.memberships.facts import Fact
from accounts.memberships.subscription_state import History, history_of
from accounts.memberships.terms import PlanTerms
from accounts.memberships.tests.histories import DAY, HISTORIES, LAST, PLANS
from accounts.memberships.tests.reference import DAY_0
from accounts.memberships.tests.reference_union import days_of_access
from tests.harness.environment import IS_LONG

EXAMPLES = 12_000 if IS_LONG else 70
# A long history is readable as it is listed; making it smaller takes minutes.
PHASES = (Phase.explicit, Phase.generate) if IS_LONG else tuple(Phase)


@hypothesis_settings(max_examples=EXAMPLES, phases=PHASES, derandomize=not IS_LONG)
@given(HISTORIES, PLANS)
def test_code_and_reference_agree_on_access_at_every_day(facts: list[Fact], plan: PlanTerms) -> None:
    code, reference = by_code(facts, plan), days_of_access(facts, plan, LAST)
    differing = [day for day, (one, other) in enumerate(zip(code, reference, strict=True)) if one != other]
    assert not differing, f"first on day {differing[0]}: code {code[differing[0]]}\n" + listed(facts)


def by_code(facts: Sequence[Fact], plan: PlanTerms) -> list[bool]:
    """Return for each day whether the code gives access, by what had happened until then."""
    history, days = History(plan=plan), []
    ordered = [one.fact for one in history_of(facts, plan=plan).assigned]
    for day in range(LAST + 1):
        now = DAY_0 + day * DAY
        while ordered and ordered[0].occurred_at <= now:
            history.take(ordered.pop(0))
        days.append(history.at(now).is_open(now))
    return days


def listed(facts: Sequence[Fact]) -> str:
    def day(moment: object) -> object:
        return moment and (moment - DAY_0).days  # type: ignore[operator]

    return "\n".join(
        f"  {day(one.occurred_at)} {one.kind} until {day(one.period_end)} {dict(one.references)} {one.terms.as_json()}"
        for one in sorted(facts, key=lambda one: one.occurred_at)
    )
