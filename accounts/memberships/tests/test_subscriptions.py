"""Subscriptions as rows: their history, what staff and the clock do to them, and the access they give."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import tasks
from accounts.memberships import staff_actions, subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Subscription, SubscriptionTransition
from core.cause import Cause

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
EVENT = Cause(text="kajabi offer.purchased evt_1", event_id=7)


def tell(user: Any, plan: Any, kind: str, ago: float, *, key: str = "", **columns: Any) -> subscriptions.Recorded:
    """Records a fact of so many days ago."""
    fact = Fact(key=key or f"{kind}-{ago}", kind=FactKind(kind), occurred_at=timezone.now() - ago * DAY, **columns)
    return subscriptions.record(user, plan, fact, cause=EVENT, provider="kajabi")


def history(subscription: Subscription) -> list[tuple[str, str]]:
    return list(subscription.transitions.values_list("from_status", "to_status"))


def test_a_first_fact_makes_the_subscription_and_its_first_line_of_history(user: Any, plan: Any) -> None:
    recorded = tell(user, plan, "purchased", 10, references={"member": "m", "offer": "o", "purchase": "p"})

    subscription = Subscription.objects.get()
    assert recorded.subscription == subscription
    assert (subscription.status, subscription.provider) == ("active", "kajabi")
    ids = (subscription.external_member_id, subscription.external_offer_id, subscription.external_purchase_id)
    assert ids == ("m", "o", "p")
    transition = subscription.transitions.get()
    assert recorded.transition == transition
    assert (transition.from_status, transition.to_status) == ("", "active")
    assert transition.occurred_at == subscription.started_at
    assert timezone.now() - transition.learned_at < DAY / 24
    assert (transition.cause, transition.event_id, transition.staff) == (EVENT.text, 7, None)
    fact = subscription.facts.get()
    assert (fact.kind, fact.cause, fact.event_id) == ("purchased", EVENT.text, 7)


def test_a_known_fact_changes_nothing(user: Any, plan: Any) -> None:
    tell(user, plan, "purchased", 10)
    before = Subscription.objects.values().get()
    recorded = tell(user, plan, "purchased", 10)
    assert (recorded.known, recorded.transition) == (True, None)
    assert Subscription.objects.values().get() == before
    assert SubscriptionTransition.objects.count() == 1


def test_a_fact_that_keeps_the_status_writes_no_history(user: Any, plan: Any) -> None:
    tell(user, plan, "purchased", 10)
    recorded = tell(user, plan, "renewed", 1)
    assert (recorded.known, recorded.transition) == (False, None)
    assert history(recorded.subscription) == [("", "active")]


def test_a_late_fact_changes_nothing_that_newer_ones_decided(user: Any, plan: Any) -> None:
    tell(user, plan, "expired", 5)
    recorded = tell(user, plan, "purchased", 20)
    assert recorded.transition is None
    subscription = Subscription.objects.get()
    assert subscription.status == "expired"
    assert history(subscription) == [("", "expired")]
    assert subscription.started_at is not None, "but when it began is known now"


def test_every_change_of_status_is_a_line_with_its_own_time(user: Any, plan: Any) -> None:
    tell(user, plan, "purchased", 40)
    tell(user, plan, "canceled", 30)
    tell(user, plan, "renewed", 20)
    tell(user, plan, "refunded", 10)
    subscription = Subscription.objects.get()
    assert history(subscription) == [
        ("", "active"),
        ("active", "canceled"),
        ("canceled", "active"),
        ("active", "refunded"),
    ]
    ages = [(timezone.now() - moment).days for moment in subscription.transitions.values_list("occurred_at", flat=True)]
    assert ages == [40, 30, 20, 10]


def test_two_plans_are_two_subscriptions(user: Any, plan: Any) -> None:
    other = type(plan).objects.create(code="other", name="Other", period_months=1)
    tell(user, plan, "purchased", 10)
    tell(user, other, "purchased", 40)
    assert set(Subscription.objects.values_list("plan__code", "status")) == {
        ("nssa_annual", "active"),
        ("other", "expired"),
    }
    assert (user.has_access(plan), user.has_access("nssa_annual"), user.has_access(other)) == (True, True, False)


@pytest.mark.parametrize(
    ("told", "has_access"),
    [
        ([("purchased", 10)], True),
        ([("purchased", 400)], False),
        ([("purchased", 10), ("canceled", 5)], True),
        ([("canceled", 29)], True),
        ([("canceled", 31)], False),
        ([("purchased", 10), ("expired", 5)], False),
        ([("purchased", 10), ("refunded", 5)], False),
        ([("purchased", 400), ("renewed", 5)], True),
        ([], False),
    ],
)
def test_access_follows_the_subscription(user: Any, plan: Any, told: Any, has_access: bool) -> None:
    for kind, ago in told:
        tell(user, plan, kind, ago)
    assert user.has_access(plan) is has_access


def test_a_locked_user_has_no_access(user: Any, plan: Any) -> None:
    tell(user, plan, "purchased", 10)
    user.is_active = False
    assert user.has_access(plan) is False


def test_access_ends_at_its_end_even_before_the_clock_marks_it(user: Any, plan: Any, travel: Any) -> None:
    tell(user, plan, "canceled", 29)
    assert user.has_access(plan)
    travel(1.1 * DAY)
    assert not user.has_access(plan)
    assert Subscription.objects.get().status == "canceled", "nothing ran in between"
    assert Subscription.objects.get().has_access is False
    assert Subscription.objects.get().days_left == 0


def test_the_clock_expires_what_ended_once(user: Any, plan: Any, travel: Any) -> None:
    tell(user, plan, "purchased", 300)
    end = Subscription.objects.get().current_period_end
    assert subscriptions.advance() == 0
    travel(70 * DAY)
    assert (subscriptions.advance(), subscriptions.advance()) == (1, 0)

    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.current_period_end) == ("expired", end)
    assert (subscription.next_change_at, subscription.purchases.get().status) == (None, "expired")
    assert history(subscription) == [("", "active"), ("active", "expired")]
    last = subscription.transitions.latest("pk")
    grace = plan.grace_days * DAY
    assert (last.occurred_at, last.cause, last.event_id, last.staff) == (end + grace, "schedule", None, None)
    tasks.expire_subscriptions()
    assert subscription.transitions.count() == 2


def test_clock_marks_the_grace_days_and_their_end(user: Any, plan: Any, travel: Any) -> None:
    recorded = tell(user, plan, "purchased", 1, period_end=timezone.now() + DAY)
    assert recorded.subscription.next_change_at == recorded.subscription.current_period_end
    travel(2 * DAY)
    assert subscriptions.advance() == 1
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.purchases.get().status) == ("past_due", "past_due")
    assert (user.has_access(plan), subscription.next_change_at) == (True, subscription.access_until)
    travel(5 * DAY)
    assert not user.has_access(plan)
    assert subscriptions.advance() == 1
    assert history(subscription) == [("", "active"), ("active", "past_due"), ("past_due", "expired")]


def test_staff_cancel_and_access_stays_until_the_paid_end(user: Any, plan: Any, staff: Any) -> None:
    end = tell(user, plan, "purchased", 10).subscription.current_period_end
    staff_actions.cancel(Subscription.objects.get(), cause=Cause.by_staff(staff, "asked by phone"))

    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.current_period_end) == ("canceled", end)
    assert user.has_access(plan)
    last = subscription.transitions.latest("pk")
    assert (last.cause, last.staff, last.reason) == ("staff: staff@example.com", staff, "asked by phone")


def test_staff_expire_and_access_ends_now(user: Any, plan: Any, staff: Any) -> None:
    tell(user, plan, "purchased", 10)
    staff_actions.expire(Subscription.objects.get(), cause=Cause.by_staff(staff))
    subscription = Subscription.objects.get()
    assert subscription.status == "expired"
    assert subscription.current_period_end <= timezone.now()
    assert not user.has_access(plan)


def test_staff_extend_what_expired(user: Any, plan: Any, staff: Any) -> None:
    tell(user, plan, "purchased", 400)
    until = timezone.now() + 30 * DAY
    staff_actions.extend(Subscription.objects.get(), until=until, cause=Cause.by_staff(staff))
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.current_period_end, subscription.days_left) == ("active", until, 30)
    assert history(subscription) == [("", "expired"), ("expired", "active")]


def test_staff_grant_a_plan_by_hand(user: Any, plan: Any, staff: Any) -> None:
    until = timezone.now() + 30 * DAY
    staff_actions.grant(user, plan, until=until, cause=Cause.by_staff(staff))
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.current_period_end) == ("active", until)
    assert user.has_access(plan)


@pytest.mark.parametrize("days", [-1, 0])
def test_an_end_in_the_past_is_refused_and_nothing_changes(user: Any, plan: Any, staff: Any, days: int) -> None:
    until = timezone.now() + days * DAY
    with pytest.raises(ValueError, match="future"):
        staff_actions.grant(user, plan, until=until, cause=Cause.by_staff(staff))
    assert Subscription.objects.count() == 0
    tell(user, plan, "purchased", 10)
    before = Subscription.objects.values().get()
    with pytest.raises(ValueError, match="future"):
        staff_actions.extend(Subscription.objects.get(), until=until, cause=Cause.by_staff(staff))
    assert Subscription.objects.values().get() == before


@pytest.mark.parametrize(
    "forbidden",
    [{"status": "unknown"}, {"status": None}, {"status": ""}],
)
def test_the_database_refuses_a_state_that_must_not_be(user: Any, plan: Any, forbidden: dict[str, Any]) -> None:
    tell(user, plan, "purchased", 10)
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.update(**forbidden)
    assert Subscription.objects.get().status == "active"


def test_the_database_refuses_a_second_subscription_to_the_same_plan(user: Any, plan: Any) -> None:
    tell(user, plan, "purchased", 10)
    with pytest.raises(IntegrityError), transaction.atomic():
        Subscription.objects.create(user=user, plan=plan, status="expired")


@pytest.mark.django_db(transaction=True)
def test_two_first_facts_at_once_make_one_subscription(user: Any, plan: Any, at_once: Any) -> None:
    results = at_once([lambda number=number: tell(user, plan, "purchased", 10, key=str(number)) for number in range(6)])
    assert [result for result in results if isinstance(result, Exception)] == []
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.facts.count()) == ("active", 6)
    assert history(subscription) == [("", "active")]


# Purchases as rows ----------------------------------------------------------------------------------------------------


def test_purchases_are_stored_and_facts_say_which_took_them_and_why(user: Any, plan: Any) -> None:
    tell(user, plan, "purchased", 100, references={"purchase": "p1", "offer": "o1"})
    tell(user, plan, "purchased", 10, references={"purchase": "p2", "offer": "o1"})
    tell(user, plan, "refunded", 5, references={"purchase": "p1"})
    subscription = Subscription.objects.get()
    assert list(subscription.purchases.values_list("external_id", "status")) == [("p1", "refunded"), ("p2", "active")]
    taken = subscription.facts.values_list("kind", "purchase__external_id", "rule", "question")
    assert list(taken) == [
        ("purchased", "p1", "new", ""),
        ("purchased", "p2", "new", ""),
        ("refunded", "p1", "id", ""),
    ]
    assert user.has_access(plan)


def test_answer_of_staff_to_a_question_is_kept_and_counts(user: Any, plan: Any, staff: Any) -> None:
    tell(user, plan, "purchased", 100, references={"purchase": "p1"})
    tell(user, plan, "purchased", 10, references={"purchase": "p2"})
    recorded = tell(user, plan, "refunded", 5)
    assert (recorded.question, recorded.changed) == ("which_purchase", False)
    row = recorded.subscription.facts.get(kind="refunded")
    assert row.purchase is None

    second = recorded.subscription.purchases.get(external_id="p2")
    decided = subscriptions.decide(row, purchase=second, cause=Cause.by_staff(staff))
    assert decided.changed
    row.refresh_from_db()
    assert (row.purchase, row.rule, row.question, row.answered_at is not None) == (second, "staff", "", True)
    assert list(decided.subscription.purchases.values_list("status", flat=True)) == ["active", "refunded"]
    assert subscriptions.recompute(decided.subscription, cause=EVENT) is None, "the answer outlasts every recount"
    assert tell(user, plan, "refunded", 5).known


def test_older_fact_that_comes_later_becomes_the_first_of_its_purchase(user: Any, plan: Any) -> None:
    tell(user, plan, "renewed", 5, references={"purchase": "p1"})
    tell(user, plan, "purchased", 300, references={"purchase": "p1"})
    purchase = Subscription.objects.get().purchases.get()
    assert purchase.key == "purchased-300"
    assert set(purchase.facts.values_list("kind", flat=True)) == {"purchased", "renewed"}


def test_shortening_ends_all_access_on_its_day_and_extending_never_shortens(user: Any, plan: Any, staff: Any) -> None:
    cause, now = Cause.by_staff(staff), timezone.now()
    tell(user, plan, "purchased", 10)
    subscription = Subscription.objects.get()
    staff_actions.extend(subscription, until=now + 500 * DAY, cause=cause)
    with pytest.raises(ValueError, match="longer"):
        staff_actions.extend(subscription, until=now + 400 * DAY, cause=cause)
    with pytest.raises(ValueError, match="extend"):
        staff_actions.shorten(subscription, until=now + 600 * DAY, cause=cause)
    staff_actions.shorten(subscription, until=now + 20 * DAY, cause=cause)
    assert Subscription.objects.get().access_until == now + 20 * DAY
    assert list(subscription.purchases.values_list("is_grant", "status")) == [(False, "canceled"), (True, "canceled")]
