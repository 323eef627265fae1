"""Subscriptions and their facts in the console: extend, shorten, decide, and what the pages show."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.memberships import subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan, Subscription, SubscriptionFact
from accounts.memberships.terms import StatedTerms
from accounts.people.models import User
from accounts.staff.models.audit_entry import AuditEntry
from accounts.tests.admin_clients import clerk, page_of, signed_in
from core.cause import Cause

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def console(staff: User) -> Client:
    return signed_in(staff)


def happened(user: User, plan: Plan, kind: str, ago: float, *, purchase: str = "", **fields: Any) -> Subscription:
    terms = StatedTerms(**fields.pop("terms", {}))
    fact = Fact(
        key=f"kajabi:{kind}:{ago}:{purchase}",
        kind=FactKind(kind),
        occurred_at=timezone.now() - ago * DAY,
        references={"purchase": purchase, "book": "relay"} if purchase else {},
        terms=terms,
        **fields,
    )
    return subscriptions.record(user, plan, fact, cause=Cause(text="kajabi x evt_1")).subscription


@pytest.fixture
def subscription(user: User, plan: Plan) -> Subscription:
    return happened(user, plan, "purchased", 10, purchase="A", terms={"amount": 29900})


@pytest.fixture
def question(user: User, plan: Plan, subscription: Subscription) -> SubscriptionFact:
    """A refund that names no purchase, of somebody with two."""
    happened(user, plan, "purchased", 8, purchase="B")
    happened(user, plan, "refunded", 1)
    return SubscriptionFact.objects.get(kind="refunded")


def act(client: Client, row: Any, name: str, **answers: str) -> list[str]:
    url = reverse(f"admin:accounts_{row._meta.model_name}_act", args=[row.pk, name])
    response = client.post(url, {"answered": "1", "reason": "they called"} | answers, follow=True)
    assert response.status_code == 200, response.context["form"].errors
    return [str(message) for message in response.context["messages"]]


def shown(client: Client, row: Any, *, language: str = "en") -> str:
    return client.get(page_of(row), headers={"Accept-Language": language}).content.decode()


def fresh(subscription: Subscription) -> Subscription:
    return Subscription.objects.get(pk=subscription.pk)


def end_of(subscription: Subscription) -> datetime:
    end = fresh(subscription).access_until
    assert end is not None
    return end


@pytest.mark.parametrize(("by", "length"), [("month", relativedelta(months=1)), ("year", relativedelta(years=1))])
def test_extension_is_counted_from_the_present_end(
    console: Client, subscription: Subscription, by: str, length: relativedelta
) -> None:
    before = fresh(subscription).current_period_end
    assert before is not None
    assert before < end_of(subscription), "days of grace follow what was paid"
    form = console.get(reverse("admin:accounts_subscription_act", args=[subscription.pk, "extend"])).content.decode()
    assert f"access until {date_format(timezone.localtime(before), 'DATE_FORMAT')}" in form
    assert act(console, subscription, "extend", by=by) == ["1 subscription has a new end."]
    assert end_of(subscription) == before + length
    fact = subscription.facts.get(kind="extended")
    assert (fact.reason, fact.staff.email if fact.staff else "") == ("they called", "staff@example.com")
    assert AuditEntry.objects.filter(action="subscription.extend", target_id=str(subscription.pk)).count() == 1


def test_extension_of_an_ended_subscription_is_counted_from_today(
    console: Client, user: User, plan: Plan, subscription: Subscription
) -> None:
    happened(user, plan, "expired", 1, purchase="A")
    assert act(console, subscription, "extend", by="month") == ["1 subscription has a new end."]
    days = (end_of(subscription) - timezone.now()).days
    assert 27 <= days <= 31


def test_extension_never_shortens(console: Client, subscription: Subscription) -> None:
    before = end_of(subscription)
    until = f"{timezone.now() + 20 * DAY:%Y-%m-%d}"
    (answer,) = act(console, subscription, "extend", by="day", until=until)
    assert ": that is later already." in answer
    assert end_of(subscription) == before
    assert not subscription.facts.filter(kind="extended").exists()
    assert not AuditEntry.objects.filter(action="subscription.extend", outcome="done").exists()


def test_extension_until_a_day_needs_the_day(console: Client, subscription: Subscription) -> None:
    url = reverse("admin:accounts_subscription_act", args=[subscription.pk, "extend"])
    for answers in ({"by": "day"}, {"by": "day", "until": "2020-01-01"}):
        response = console.post(url, {"answered": "1", "reason": "x"} | answers)
        assert response.status_code == 422
        assert "until" in response.context["form"].errors


def test_month_that_is_shorter_than_the_days_of_grace_is_counted_from_their_end(
    console: Client, user: User, plan: Plan
) -> None:
    Plan.objects.filter(pk=plan.pk).update(grace_days=90)
    plan.refresh_from_db()
    paid = happened(user, plan, "purchased", 10)
    before = end_of(paid)
    act(console, paid, "extend", by="month")
    assert end_of(paid) == before + relativedelta(months=1)


def test_extension_in_the_days_of_grace_shows_their_end(console: Client, user: User, plan: Plan) -> None:
    Plan.objects.filter(pk=plan.pk).update(grace_days=90)
    plan.refresh_from_db()
    overdue = happened(user, plan, "purchased", 380)
    form = console.get(reverse("admin:accounts_subscription_act", args=[overdue.pk, "extend"])).content.decode()
    assert f"access until {date_format(timezone.localtime(end_of(overdue)), 'DATE_FORMAT')}" in form


def test_day_beside_a_month_is_asked_about(console: Client, subscription: Subscription) -> None:
    url = reverse("admin:accounts_subscription_act", args=[subscription.pk, "extend"])
    answers = {"answered": "1", "reason": "x", "by": "month", "until": f"{timezone.now() + 900 * DAY:%Y-%m-%d}"}
    response = console.post(url, answers)
    assert response.status_code == 422
    assert response.context["form"].errors["until"] == ["Leave the day empty, or choose “until a day”."]
    assert not subscription.facts.filter(kind="extended").exists()


def test_extension_is_not_offered_where_access_has_no_end(console: Client, user: User, plan: Plan) -> None:
    forever = happened(user, plan, "purchased", 10, terms={"billing": "lifetime"})
    assert "/act/extend/" not in shown(console, forever)
    assert "/act/shorten/" in shown(console, forever)
    assert "without an end, because it was bought on" in shown(console, forever)


def test_shortening_ends_all_access_on_that_day_and_can_be_extended_again(
    console: Client, user: User, plan: Plan, subscription: Subscription
) -> None:
    happened(user, plan, "purchased", 8, purchase="B")
    day = timezone.localdate() + 20 * DAY
    assert act(console, subscription, "shorten", until=day.isoformat()) == ["1 subscription has a new end."]
    assert timezone.localtime(end_of(subscription)).date() == day
    (answer,) = act(console, subscription, "shorten", until=(day + DAY).isoformat())
    assert answer.endswith(": access does not last that long.")
    assert act(console, subscription, "extend", by="year") == ["1 subscription has a new end."]
    assert timezone.localtime(end_of(subscription)).date() == day + relativedelta(years=1)


def test_actions_on_subscriptions_need_their_permission(subscription: Subscription) -> None:
    before = end_of(subscription)
    reader = clerk("view_subscription", "view_subscriptionfact")
    for name in ("extend", "shorten", "cancel", "expire"):
        url = reverse("admin:accounts_subscription_act", args=[subscription.pk, name])
        assert reader.post(url, {"answered": "1", "by": "year", "reason": "x"}).status_code == 403
        assert f"/act/{name}/" not in shown(reader, subscription)
    assert end_of(subscription) == before


def test_decision_assigns_the_fact_and_access_follows(
    console: Client, subscription: Subscription, question: SubscriptionFact
) -> None:
    assert fresh(subscription).has_access, "until somebody decides"
    home = console.get("/admin/").content.decode()
    assert "Facts to be decided by staff" in home
    page = shown(console, subscription)
    assert f'<a href="{page_of(question)}">refunded: It could be about several purchases: which one?</a>' in page
    of_a, of_b = subscription.purchases.order_by("started_at")
    assert act(console, question, "decide", answer=str(of_b.pk)) == ["1 question was answered."]
    question.refresh_from_db()
    assert (question.purchase, question.rule, question.question) == (of_b, "staff", "")
    assert (question.reason, bool(question.answered_at)) == ("they called", True)
    of_b.refresh_from_db()
    assert (of_b.status, fresh(subscription).has_access) == ("refunded", True)
    assert AuditEntry.objects.filter(action="subscriptionfact.decide", target_id=str(question.pk)).count() == 1
    assert "Facts to be decided by staff" not in console.get("/admin/").content.decode()
    # Another answer is possible later.
    assert act(console, question, "decide", answer=str(of_a.pk)) == ["1 question was answered."]
    statuses = dict(subscription.purchases.values_list("external_id", "status"))
    assert statuses == {"A": "refunded", "B": "active"}


def test_question_that_is_left_as_it_is_is_closed(
    console: Client, subscription: Subscription, question: SubscriptionFact
) -> None:
    act(console, question, "decide", answer="as-it-is")
    question.refresh_from_db()
    assert (question.purchase, bool(question.answered_at)) == (None, True)
    assert fresh(subscription).has_access
    assert "Facts to be decided by staff" not in console.get("/admin/").content.decode()


def test_purchase_of_somebody_else_is_no_answer(
    console: Client, plan: Plan, subscription: Subscription, question: SubscriptionFact
) -> None:
    other = happened(User.objects.create_user("other@example.com"), plan, "purchased", 5, purchase="C")
    url = reverse("admin:accounts_subscriptionfact_act", args=[question.pk, "decide"])
    foreign = other.purchases.get()
    for answer in (str(foreign.pk), "", "0", "paid-early", "end"):
        assert console.post(url, {"answered": "1", "reason": "x", "answer": answer}).status_code == 422
    assert fresh(other).has_access


def test_decision_needs_the_permission_to_change_subscriptions(question: SubscriptionFact) -> None:
    reader = clerk("view_subscription", "view_subscriptionfact")
    url = reverse("admin:accounts_subscriptionfact_act", args=[question.pk, "decide"])
    assert reader.post(url, {"answered": "1", "reason": "x", "answer": "as-it-is"}).status_code == 403


@pytest.fixture
def early(user: User, plan: Plan) -> SubscriptionFact:
    """A payment in the middle of a paid year."""
    happened(user, plan, "purchased", 200, purchase="A")
    happened(user, plan, "paid", 199, purchase="A")
    happened(user, plan, "paid", 10, purchase="A")
    asked = SubscriptionFact.objects.get(question="early_payment")
    assert asked.kind == "paid"
    return asked


def test_payment_that_was_paid_early_gives_one_more_period(console: Client, early: SubscriptionFact) -> None:
    before = fresh(early.subscription).current_period_end
    assert before is not None
    assert act(console, early, "decide", answer="paid-early") == ["1 question was answered."]
    subscription = fresh(early.subscription)
    assert subscription.current_period_end == before + relativedelta(years=1)
    assert subscription.purchases.count() == 1, "no grant beside it"
    early.refresh_from_db()
    assert early.answered_at is not None


def test_instalment_leaves_access_as_it_is(console: Client, early: SubscriptionFact) -> None:
    before = fresh(early.subscription).access_until
    assert act(console, early, "decide", answer="as-it-is") == ["1 question was answered."]
    early.refresh_from_db()
    assert (early.answered_at is not None, fresh(early.subscription).access_until) == (True, before)


def test_partial_refunds_end_the_purchase_where_staff_say_so(
    console: Client, user: User, plan: Plan, subscription: Subscription
) -> None:
    happened(user, plan, "purchased", 8, purchase="B")
    happened(user, plan, "refunded", 3, purchase="A", terms={"refunded": 15000})
    happened(user, plan, "refunded", 2, purchase="A", terms={"refunded": 14900})
    asked = SubscriptionFact.objects.get(question="partial_refunds")
    assert act(console, asked, "decide", answer="end") == ["1 question was answered."]
    statuses = dict(subscription.purchases.values_list("external_id", "status"))
    assert statuses == {"A": "refunded", "B": "active"}
    assert fresh(subscription).has_access
    asked.refresh_from_db()
    assert asked.answered_at is not None


def test_page_shows_purchases_with_seats_and_amounts(
    console: Client, user: User, plan: Plan, subscription: Subscription
) -> None:
    happened(user, plan, "refunded", 3, purchase="A", terms={"refunded": 2000, "quantity": 5})
    page = shown(console, subscription)
    assert "299.00 USD" in page
    assert "20.00 USD" in page
    assert "<p>5</p>" in page
    act(console, subscription, "extend", by="year")
    page = shown(console, subscription)
    assert "given by staff" in page
    assert "Staff: " in page, "the source of the fact"
    assert "staff:" not in page.split("Facts")[0].split("Purchases")[-1], "no key in place of a name"


def test_fact_is_shown_as_received_with_its_rule_in_words(
    console: Client, user: User, plan: Plan, subscription: Subscription
) -> None:
    happened(user, plan, "refunded", 3, purchase="A", terms={"refunded": 2000, "quantity": 5})
    page = shown(console, SubscriptionFact.objects.get(kind="refunded"))
    for words in ("it names an ID of the purchase", "seats: 5; refunded: 20.00 USD", "purchase: A, book: relay"):
        assert words in page
    page = shown(console, SubscriptionFact.objects.get(kind="purchased"), language="es")
    for words in ("inicia la compra", "precio: 299.00 USD"):
        assert words in page
