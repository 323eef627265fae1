"""The purchase that a fact is about: by its ids, else by a small table of rules, closed by default.

A fact that could be about either of two purchases is a question to staff. Until they answer, what gives access is
taken by the purchase that it fits best, and what ends access is taken by none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.memberships.facts import SALES, Fact, FactKind
from accounts.memberships.purchase_state import SAME_PAYMENT, Purchase, Status


class Rule(models.TextChoices):
    """Why a fact was assigned to its purchase."""

    STAFF = "staff", _("staff said so")
    ID = "id", _("it names an ID of the purchase")
    NEW = "new", _("it begins the purchase")
    SAME_SALE = "same_sale", _("the same sale, reported with other IDs or none")
    ONLY = "only", _("the only purchase that it can be about")
    OFFER = "offer", _("the only purchase of its offer")
    NEAREST = "nearest", _("the purchase whose period ends nearest to it")
    EVERY = "every", _("staff's action on the whole subscription")
    UNCLEAR = "unclear", _("it could be about several purchases")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The purchases that take a fact (none where it is unclear and ends access), and the rule that chose them."""

    purchases: Sequence[Purchase]
    rule: Rule
    needs_review: bool = False


Candidates = list[Purchase]


def choose(fact: Fact, purchases: Sequence[Purchase]) -> Choice | None:
    """Return which of `purchases`, as they are before `fact`, it is about; None where it begins a new one."""
    chosen = [one for one in purchases if any(known.key == fact.chosen for known in one.facts)]
    if chosen:
        return Choice(purchases=chosen[:1], rule=Rule.STAFF)
    if fact.by_staff and not fact.ids:
        if fact.kind == FactKind.EXTENDED:
            grants = [one for one in purchases if one.is_grant]
            return Choice(purchases=grants, rule=Rule.EVERY) if grants else None
        return Choice(purchases=list(purchases), rule=Rule.EVERY)
    for name, external_id in fact.ids.items():
        known = [one for one in purchases if one.knows(name, external_id)]
        if name in ("order", "transaction"):  # one order or charge can be of several purchases
            known = [one for one in known if not _is_named_otherwise(one, fact)]
        if known:
            return Choice(purchases=known[-1:], rule=Rule.ID)
    sold = [one for one in purchases if not one.is_grant and not _has_another_id(one, fact)]
    if not sold:
        return None
    return _of_a_sale(fact, sold) if fact.kind in SALES else _of_a_sold_purchase(fact, sold)


def _of_a_sale(fact: Fact, sold: Candidates) -> Choice | None:
    moment = fact.occurred_at
    if fact.kind == FactKind.PURCHASED or fact.references.get("purchase"):
        same = [
            one
            for one in sold
            if one.ended is None and _distance(one.sold_at, moment) <= SAME_PAYMENT and _same_offer(one, fact)
        ]
        if same:
            nearest = min(same, key=lambda one: _distance(one.sold_at, moment))
            return Choice(purchases=[nearest], rule=Rule.SAME_SALE)
        if fact.kind == FactKind.PURCHASED:
            return None
    candidates = [one for one in sold if one.periods] or sold
    rule = Rule.ONLY
    of_offer = [one for one in candidates if _same_offer(one, fact)]
    if 0 < len(of_offer) < len(candidates):
        candidates, rule = of_offer, Rule.OFFER
    candidates = [one for one in candidates if not one.is_refunded] or candidates
    # What was canceled is not charged again, unless nothing else is there.
    candidates = [one for one in candidates if one.canceled_at is None and one.ended is None] or candidates
    if len(candidates) == 1:
        return Choice(purchases=candidates, rule=rule)
    by_end = sorted(candidates, key=lambda one: _distance(one.paid_until, moment))
    is_clear = _distance(by_end[1].paid_until, moment) - _distance(by_end[0].paid_until, moment) > SAME_PAYMENT
    return Choice(purchases=by_end[:1], rule=Rule.NEAREST, needs_review=not is_clear)


def _of_a_sold_purchase(fact: Fact, sold: Candidates) -> Choice:
    """Choose for what happens to a purchase that there is. The purchases that `fact` can be about are a table."""
    can_be = _CAN_BE[fact.kind]
    candidates = [one for one in sold if can_be(one, fact.occurred_at)]
    if fact.kind in _GIVES_ACCESS:  # what was refunded is not given back while another one can be meant
        candidates = [one for one in candidates if not one.is_refunded] or candidates
    if fact.kind == FactKind.CONFIRMED:  # that something is active says nothing new where something is
        candidates = [one for one in candidates if one.at(fact.occurred_at).is_open(fact.occurred_at)] or candidates
    of_offer = [one for one in candidates if _same_offer(one, fact)]
    if not of_offer and candidates:
        return _unclear(fact, candidates)
    if len(of_offer) < len(candidates):
        return Choice(purchases=of_offer, rule=Rule.OFFER) if len(of_offer) == 1 else _unclear(fact, of_offer)
    if len(candidates) == 1:
        return Choice(purchases=candidates, rule=Rule.ONLY)
    if not candidates:
        return Choice(purchases=sold, rule=Rule.ONLY) if len(sold) == 1 else _unclear(fact, sold)
    if fact.kind == FactKind.EXPIRED:
        ending = [one for one in candidates if _distance(_end_of(one), fact.occurred_at) <= SAME_PAYMENT]
        if len(ending) == 1:
            return Choice(purchases=ending, rule=Rule.NEAREST)
    return _unclear(fact, candidates)


def _unclear(fact: Fact, candidates: Candidates) -> Choice:
    if fact.kind not in _GIVES_ACCESS:
        return Choice(purchases=(), rule=Rule.UNCLEAR, needs_review=True)
    latest = max(candidates, key=lambda one: one.facts[-1].occurred_at)
    return Choice(purchases=[latest], rule=Rule.UNCLEAR, needs_review=True)


def _has_another_id(purchase: Purchase, fact: Fact) -> bool:
    """Return whether the fact names a purchase, and the same set of ids knows this one by another name."""
    return _is_named_otherwise(purchase, fact) or (
        # Two sales of one sender are two, though only their transactions tell them apart.
        fact.kind == FactKind.PURCHASED
        and bool(fact.references.get("transaction"))
        and bool(purchase.ids.get("transaction", {}).get(fact.book))
    )


def _is_named_otherwise(purchase: Purchase, fact: Fact) -> bool:
    """Return whether the fact's purchase or subscription has an id, and this one another id of the same set."""
    for name in ("purchase", "subscription"):
        known, named = purchase.ids.get(name, {}).get(fact.book), fact.references.get(name)
        if known and named:
            return True
    return False


def _same_offer(purchase: Purchase, fact: Fact) -> bool:
    """Return whether nothing says that the purchase is of another offer; ids of two books are not comparable."""
    offer = fact.references.get("offer")
    known = {one.references["offer"] for one in purchase.facts if one.book == fact.book and one.references.get("offer")}
    return not offer or not known or offer in known


def _distance(one: datetime | None, other: datetime) -> timedelta:
    return abs(one - other) if one is not None else timedelta.max


def _end_of(purchase: Purchase) -> datetime | None:
    return purchase.ends_at or purchase.paid_until


def _runs(purchase: Purchase, moment: datetime) -> bool:
    return purchase.at(moment).status not in (Status.EXPIRED, Status.REFUNDED)


_GIVES_ACCESS = (FactKind.RESUMED, FactKind.CONFIRMED, FactKind.DISPUTE_WON)
# What can happen to which purchases.
_CAN_BE: dict[str, Callable[[Purchase, datetime], bool]] = {
    FactKind.PAYMENT_FAILED: lambda one, moment: one.ended is None and one.canceled_at is None,
    FactKind.PAUSED: lambda one, moment: _runs(one, moment) and one.canceled_at is None,
    FactKind.CANCELED: lambda one, moment: _runs(one, moment) and one.canceled_at is None,
    FactKind.EXPIRED: lambda one, moment: one.ended is None,
    FactKind.REFUNDED: lambda one, moment: not one.is_refunded,
    FactKind.DISPUTED: lambda one, moment: one.disputed_at is None,
    FactKind.DISPUTE_WON: lambda one, moment: one.disputed_at is not None,
    FactKind.DISPUTE_LOST: lambda one, moment: one.disputed_at is not None,
    FactKind.RESUMED: lambda one, moment: (
        one.canceled_at is not None or one.paused_at is not None or one.ended is not None
    ),
    FactKind.CONFIRMED: lambda one, moment: True,
    FactKind.EXTENDED: lambda one, moment: one.is_grant,
}
