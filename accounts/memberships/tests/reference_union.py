"""The reference model, second part: which purchase a fact is about, and the life of a whole subscription."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.memberships.facts import Fact
from accounts.memberships.terms import PlanTerms
from accounts.memberships.tests.reference import FOREVER, IDS, ORDER, SALES, Bought, day_of


def named_otherwise(one: Bought, fact: Fact) -> bool:
    """Return whether both have an id of purchase or subscription in one set of ids, and not the same."""
    for name in ("purchase", "subscription"):
        known = one.ids(name, fact.book)
        if known and fact.references.get(name) and fact.references[name] not in known:
            return True
    return False


def is_other(one: Bought, fact: Fact) -> bool:
    if named_otherwise(one, fact):
        return True
    two_charges = fact.references.get("transaction") and one.ids("transaction", fact.book)
    return fact.kind == "purchased" and bool(two_charges)


def fits_offer(one: Bought, fact: Fact) -> bool:
    known, offer = one.ids("offer", fact.book), fact.references.get("offer")
    return not offer or not known or offer in known


def possible(one: Bought, fact: Fact) -> bool:
    """Return whether this can happen to the purchase as it is."""
    day = day_of(fact.occurred_at)
    return {
        "payment_failed": not one.over and one.canceled is None,
        "paused": not one.done(day) and one.canceled is None,
        "canceled": not one.done(day) and one.canceled is None,
        "expired": not one.over,
        "refunded": one.over != "refunded",
        "disputed": one.disputed is None,
        "dispute_won": one.disputed is not None,
        "dispute_lost": one.disputed is not None,
        "resumed": bool(one.over) or one.paused or one.canceled is not None,
        "confirmed": True,
        "extended": one.grant,
    }[fact.kind]


def assign(fact: Fact, bought: list[Bought]) -> list[Bought] | None:
    """Return the purchases that take the fact, [] where staff must say which; None: it begins a new one."""
    if fact.chosen:
        for one in bought:
            if any(known.key == fact.chosen for known in one.facts):
                return [one]
    named = [name for name in IDS if fact.references.get(name)]
    if fact.by_staff and not named:
        if fact.kind != "extended":
            return list(bought)
        return [one for one in bought if one.grant][:1] or None
    for name in named:
        known = [one for one in bought if fact.references[name] in one.ids(name)]
        if name in ("order", "transaction"):
            known = [one for one in known if not named_otherwise(one, fact)]
        if known:
            return known[-1:]
    sold = [one for one in bought if not one.grant and not is_other(one, fact)]
    return sale(fact, sold) if fact.kind in SALES else event(fact, sold)


def sale(fact: Fact, sold: list[Bought]) -> list[Bought] | None:
    day = day_of(fact.occurred_at)
    if fact.kind == "purchased" or fact.references.get("purchase"):
        same = [o for o in sold if not o.over and o.sold is not None and abs(day - o.sold) <= 3 and fits_offer(o, fact)]
        if same:
            return [min(same, key=lambda one: abs(day - (one.sold or 0)))]
    if fact.kind == "purchased":
        return None
    left = [one for one in sold if one.spans] or sold
    if fact.references.get("offer"):
        left = [one for one in left if fits_offer(one, fact)] or left
    left = [one for one in left if one.over != "refunded"] or left
    left = [one for one in left if one.canceled is None and not one.over] or left

    def distance(one: Bought) -> int:
        return abs(day - one.paid_until) if one.spans and one.paid_until != FOREVER else FOREVER

    return sorted(left, key=distance)[:1] or None


def event(fact: Fact, sold: list[Bought]) -> list[Bought] | None:
    if not sold:
        return None
    day = day_of(fact.occurred_at)
    gives = fact.kind in ("resumed", "confirmed", "dispute_won")
    left = [one for one in sold if possible(one, fact)]
    if gives:
        left = [one for one in left if one.over != "refunded"] or left
    if fact.kind == "confirmed":
        left = [one for one in left if one.opens(day)] or left
    doubted = left or sold
    if fact.references.get("offer") and left:
        of_offer = [one for one in left if fits_offer(one, fact)]
        if len(of_offer) == 1:
            return of_offer
        if not of_offer:
            return latest(left) if gives else []
        left = doubted = of_offer
    if len(left) == 1:
        return left
    if not left and len(sold) == 1:
        return sold
    if fact.kind == "expired" and left:
        near = [one for one in left if ends(one) is not None and abs(day - (ends(one) or 0)) <= 3]
        if len(near) == 1:
            return near
    return latest(doubted) if gives else []


def ends(one: Bought) -> int | None:
    return one.leaves if one.leaves is not None else one.paid_until if one.spans else None


def latest(bought: list[Bought]) -> list[Bought]:
    return [max(bought, key=lambda one: one.facts[-1].occurred_at)]


@dataclass
class Lived:
    """A subscription as it is lived: purchases, and on which days they opened it."""

    plan: PlanTerms
    bought: list[Bought] = field(default_factory=list)

    def take(self, fact: Fact) -> None:
        taken = assign(fact, self.bought)
        if taken is None:
            taken = [Bought(plan=self.plan, grant=fact.kind == "extended")]
            self.bought += taken
        for one in taken:
            one.take(fact)

    def opens(self, day: int) -> bool:
        return any(one.opens(day) for one in self.bought)


def days_of_access(facts: Iterable[Fact], plan: PlanTerms, last: int) -> list[bool]:
    """Return for each day from day 0 to `last` whether there was access, by what had happened until then."""
    once = {fact.key: fact for fact in facts}.values()
    lived, days = Lived(plan), []
    for day in range(last + 1):
        today = [fact for fact in once if day_of(fact.occurred_at) == day]
        for fact in sorted(today, key=lambda fact: (fact.occurred_at, ORDER.index(fact.kind), fact.key)):
            lived.take(fact)
        days.append(lived.opens(day))
    return days
