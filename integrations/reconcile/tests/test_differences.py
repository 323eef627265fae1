"""Differences between a provider's purchase and our subscription where money went back."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.memberships import subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import User
from core.cause import Cause
from integrations.contracts.membership_events import (
    Buyer,
    DisputeOpened,
    MembershipEvent,
    OfferPurchased,
    PurchaseRefunded,
)
from integrations.contracts.pull import PulledEvent, PulledRecord, PurchaseStatus, RemotePurchase
from integrations.reconcile.differences import difference, purchases_in

pytestmark = pytest.mark.django_db
BUYER = Buyer(email="jane@example.com")
DAY = timedelta(days=1)


def remote(money: type[MembershipEvent], *, price: int | None, refunded: int | None) -> RemotePurchase:
    """Return a purchase that the provider calls active, after that money, as it is compared."""
    now = timezone.now()
    sale = OfferPurchased(occurred_at=now - 9 * DAY, buyer=BUYER, purchase_id="41", amount=price)
    back = money(occurred_at=now - DAY, buyer=BUYER, purchase_id="41", refunded=refunded)
    purchase = RemotePurchase(purchase_id="41", offers=("off_456",), status=PurchaseStatus.ACTIVE)
    (compared,) = purchases_in(
        [
            PulledRecord(
                key="purchase:41",
                changed_at=now,
                person_id="5",
                events=[PulledEvent(event=sale)],
                purchase=purchase,
            ),
            PulledRecord(key="transaction:7", changed_at=now, person_id="5", events=[PulledEvent(event=back)]),
        ]
    )
    return compared


def ours(user: User, plan: Plan, *kinds: FactKind) -> Subscription:
    for number, kind in enumerate(kinds):
        moment = timezone.now() - (9 - number) * DAY
        fact = Fact(key=f"kajabi:{number}", kind=kind, occurred_at=moment, references={"purchase": "41"})
        subscriptions.record(user, plan, fact, cause=Cause(text="kajabi"), provider="kajabi")
    return Subscription.objects.get()


@pytest.mark.parametrize(
    ("price", "refunded", "active_here", "refunded_here"),
    [
        (29900, 29900, "ended_there", None),
        (29900, None, "ended_there", None),
        (None, None, "ended_there", None),
        # Whether access ends is ours to say: by the plan's price and setting, or by staff.
        (29900, 2000, None, None),
        (None, 2000, None, None),
    ],
)
def test_refund_is_a_difference_where_all_of_a_known_price_went_back(
    price: int | None, refunded: int | None, active_here: str | None, refunded_here: str | None, user: User, plan: Plan
) -> None:
    compared = remote(PurchaseRefunded, price=price, refunded=refunded)
    assert difference(compared, ours(user, plan, FactKind.PURCHASED), provider="kajabi") == active_here
    ended = ours(user, plan, FactKind.PURCHASED, FactKind.REFUNDED)
    assert difference(compared, ended, provider="kajabi") == refunded_here


def test_refund_that_the_provider_knows_nothing_of_is_a_difference(user: User, plan: Plan) -> None:
    active = RemotePurchase(purchase_id="41", offers=("off_456",), status=PurchaseStatus.ACTIVE)
    ended = ours(user, plan, FactKind.PURCHASED, FactKind.REFUNDED)
    assert difference(active, ended, provider="kajabi") == "refunded_here"


def test_dispute_is_no_difference(user: User, plan: Plan) -> None:
    compared = remote(DisputeOpened, price=29900, refunded=None)
    assert compared.status is PurchaseStatus.DISPUTED
    assert difference(compared, ours(user, plan, FactKind.PURCHASED), provider="kajabi") is None
