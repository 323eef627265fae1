"""Histories of memberships whose events come late, twice, without ids, or about another purchase than the last."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.memberships.models import Plan, PlanOffer, Purchase, Subscription, SubscriptionFact
from accounts.memberships.terms import Billing
from accounts.people.models import Contact, ContactEmail, User
from integrations.tests.test_membership_histories import Story

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


class More(Story):
    def send(self, event_type: str, days: float, *, email: str = "jane@example.com", **fields: Any) -> Any:
        return self._send(event_type, days, email, fields)

    def paid(self, days: float, **fields: Any) -> Any:
        return self.send("payment.succeeded", days, **fields)

    @property
    def shown(self) -> tuple[str, bool]:
        return self.subscription.status, self.subscription.has_access


@pytest.fixture
def story(process: Any, relay: Any) -> More:
    return More(process, relay)


def monthly() -> None:
    Plan.objects.update(period_months=1)


def charge(transaction: str) -> dict[str, Any]:
    return {"payment_transaction": {"id": transaction}}


# What goes back


def test_refund_of_the_running_renewal_ends_access_and_of_an_earlier_one_does_not(story: More) -> None:
    monthly()
    story.p(-50, purchase="A")
    story.send("member.subscription.renewed", -20, purchase="A", **charge("t2"))
    story.send("charge.refunded", -1, purchase="A", **charge("t2"))
    assert story.shown == ("refunded", False)


def test_refund_of_the_first_charge_after_a_renewal_keeps_access(story: More) -> None:
    monthly()
    story.p(-50, purchase="A", **charge("t1"))
    story.send("member.subscription.renewed", -20, purchase="A", **charge("t2"))
    story.send("charge.refunded", -1, purchase="A", **charge("t1"))
    assert story.shown == ("active", True)


def test_refund_that_arrives_before_its_purchase_ends_that_and_no_other(story: More) -> None:
    story.p(-100, purchase="A")
    story.send("purchase.refunded", -1, purchase="B")
    story.p(-2, purchase="B")
    assert story.shown[1] is True
    assert {one.external_id: one.status for one in Purchase.objects.all()} == {"A": "active", "B": "refunded"}


def test_chargeback_that_is_won_gives_access_back_until_its_old_end(story: More) -> None:
    story.p(-30, purchase="A")
    story.send("dispute.created", -20, purchase="A")
    assert story.shown == ("disputed", False)
    story.send("dispute.closed", -1, purchase="A", dispute={"status": "won"})
    assert (*story.shown, story.ends_in()) == ("active", True, 335)


def test_chargeback_that_is_lost_ends_one_purchase_of_two(story: More) -> None:
    story.p(-40, purchase="A")
    story.p(-30, purchase="B")
    story.send("dispute.created", -20, purchase="B")
    story.send("dispute.closed", -1, purchase="B", dispute={"status": "lost"})
    assert (*story.shown, story.ends_in()) == ("active", True, 325)


# Trials and switches


def test_canceled_trial_that_is_paid_after_all_lasts_a_period(story: More) -> None:
    story.p(-10, purchase="A", trial_period_days=7)
    story.send("member.subscription.canceled", -8, purchase="A")
    assert story.shown == ("expired", False)
    story.paid(-1, purchase="A")
    assert (*story.shown, story.ends_in()) == ("active", True, 364)


def test_switch_up_and_down_leaves_the_last_purchase(story: More) -> None:
    monthly()
    story.p(-60, purchase="month", interval="month")
    story.p(-40, purchase="year", interval="year")
    story.send("member.subscription.canceled", -40, purchase="month")
    story.p(-5, purchase="again", interval="month")
    story.send("purchase.deactivated", -5, purchase="year")
    story.send("purchase.deactivated", -4, purchase="month")
    assert story.shown == ("active", True)
    assert 24 <= story.ends_in() <= 26


def test_cancellation_of_the_old_purchase_after_a_change_of_offer_keeps_the_new(story: More) -> None:
    PlanOffer.objects.create(plan=Plan.objects.get(), provider="kajabi", external_id="2151340480")
    story.p(-200, purchase="A")
    story.p(-3, purchase="B", offer={"id": "2151340480", "name": "NSSA"})
    story.send("member.subscription.canceled", -2.9, purchase="A")
    story.send("member.subscription.expired", -2.8, purchase="A")
    assert story.shown == ("active", True)
    assert story.ends_in() == 362


# Order and copies


def test_renewal_before_its_purchase_event_is_one_purchase(story: More) -> None:
    story.send("member.subscription.renewed", -10, purchase="A")
    story.p(-375, purchase="A")
    assert Purchase.objects.count() == 1
    assert (*story.shown, story.ends_in()) == ("active", True, 355)


@pytest.mark.parametrize(("apart", "purchases"), [(0.1, 1), (2.9, 1), (3.1, 2), (10, 2)])
def test_sale_that_is_reported_again_without_ids_is_one_within_three_days(
    story: More, apart: float, purchases: int
) -> None:
    story.p(-20)
    story.p(-20 + apart)
    assert Purchase.objects.count() == purchases
    assert story.shown == ("active", True)


def test_late_cancellation_of_a_purchase_that_was_renewed_since_does_not_shorten_it(story: More) -> None:
    monthly()
    story.p(-62, purchase="A")
    story.send("member.subscription.renewed", -31, purchase="A")
    story.send("member.subscription.renewed", -1, purchase="A")
    story.send("member.subscription.canceled", -40, purchase="A")
    assert story.shown == ("active", True)


# Time


def test_annual_purchase_of_29_february_ends_on_28_and_again_on_29(story: More, travel: Any) -> None:
    body = story._relay("offer.purchased", "leap", "jane@example.com") | {"created_at": "2024-02-29T12:00:00Z"}
    story._process(body | {"purchase": {"id": "A"}})
    for number, year in enumerate((2025, 2026, 2027)):
        paid = story._relay("member.subscription.renewed", f"leap_{number}", "jane@example.com")
        story._process(paid | {"created_at": f"{year}-02-28T12:05:00Z", "purchase": {"id": "A"}})
    end = story.subscription.current_period_end
    assert end is not None
    assert (end.year, end.month, end.day) == (2028, 2, 29)


@pytest.mark.parametrize(
    ("zone", "written", "day_and_hour"),
    [
        ("America/New_York", "2027-01-31", (2027, 2, 1, 5)),
        ("Asia/Tokyo", "2027-01-31", (2027, 1, 31, 15)),
        ("America/New_York", "2027-01-31T23:30:00-05:00", (2027, 2, 1, 4)),
    ],
)
def test_day_ends_at_midnight_of_the_business(
    story: More, settings: Any, zone: str, written: str, day_and_hour: tuple[int, ...]
) -> None:
    settings.TIME_ZONE = zone
    timezone.get_default_timezone.cache_clear()
    try:
        story.p(-1, current_period_end=written)
        end = story.subscription.current_period_end
        assert end is not None
        assert (end.year, end.month, end.day, end.hour) == day_and_hour
    finally:
        settings.TIME_ZONE = "UTC"
        timezone.get_default_timezone.cache_clear()


# Instalments, seats, gifts


def test_failed_third_instalment_is_past_due_and_its_payment_is_no_further_period(story: More) -> None:
    story.p(-70, purchase="A", offer_type="payment_plan")
    story.paid(-40, purchase="A")
    story.send("payment.failed", -10, purchase="A")
    assert story.shown == ("past_due", True)
    story.paid(-5, purchase="A")
    assert (*story.shown, story.ends_in()) == ("active", True, 295)


def test_one_seat_of_two_refunded_keeps_access(story: More) -> None:
    story.p(-10, purchase="A", quantity=2, amount_in_cents=59800)
    story.send("purchase.refunded", -1, purchase="A", amount_refunded_in_cents=29900)
    assert story.shown == ("active", True)
    assert (Purchase.objects.get().quantity, Purchase.objects.get().refunded) == (2, 29900)


def test_lifetime_purchase_outlives_the_subscription_beside_it(story: More) -> None:
    story.p(-30, purchase="A", offer_type="lifetime")
    story.p(-20, purchase="B")
    story.send("member.subscription.expired", -1, purchase="B")
    assert story.shown == ("active", True)
    assert story.subscription.access_until is None


# People


def test_alias_buys_for_the_same_member(story: More) -> None:
    story.p(-100, purchase="A")
    contact = Contact.objects.get(user__email="jane@example.com")
    ContactEmail.objects.create(contact=contact, email="jane@work.example")
    story.p(-1, purchase="B", email="jane@work.example", member={"email": "jane@work.example"})
    assert User.objects.filter(is_staff=False).count() == 1
    assert Purchase.objects.count() == 2


@pytest.mark.parametrize("typed", ["JANE@Example.com", " jane@example.com ", "Jane@EXAMPLE.COM"])
def test_address_that_is_typed_otherwise_is_the_same_member(story: More, typed: str) -> None:
    story.p(-100, purchase="A", member={"email": "jane@example.com"})
    story.send("purchase.refunded", -1, purchase="A", member={"email": typed})
    assert User.objects.filter(is_staff=False).count() == 1
    assert story.shown == ("refunded", False)


@pytest.mark.parametrize("placeholder", ["null", "undefined", "0", "N/A", "{{member.id}}", "none", "-"])
def test_placeholder_ids_join_nobody(story: More, placeholder: str) -> None:
    story.p(-2, member={"id": placeholder, "email": "a@example.com"}, purchase=placeholder)
    story.p(-1, member={"id": placeholder, "email": "b@example.com"}, purchase=placeholder)
    assert set(User.objects.filter(is_staff=False).values_list("email", flat=True)) == {
        "a@example.com",
        "b@example.com",
    }
    assert {one.external_id for one in Purchase.objects.all()} == {""}


def test_plan_that_is_bought_once_is_not_extended_by_an_early_payment(story: More) -> None:
    Plan.objects.update(billing=Billing.ONCE)
    story.p(-200, purchase="A")
    story.paid(-1, purchase="A")
    assert story.ends_in() == 165
    assert not SubscriptionFact.objects.exclude(question="").exists()


def test_refund_of_an_amount_without_a_price_asks_and_keeps_access(story: More) -> None:
    Plan.objects.update(price_cents=0)
    story.p(-10, purchase="A")
    story.send("purchase.refunded", -1, purchase="A", amount_refunded_in_cents=2000)
    assert story.shown == ("active", True)
    assert SubscriptionFact.objects.get(kind="refunded").question == "refund_of_unknown"
    assert Subscription.objects.count() == 1
