"""Verification of every pair of statuses, here and at Kajabi; a member's id stays with its member."""

from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db.models import F
from django.test import Client
from django.urls import reverse

from accounts.memberships import staff_actions, subscriptions
from accounts.memberships.facts import Fact, FactKind
from accounts.memberships.models import Plan, PlanOffer, Subscription, SubscriptionFact
from accounts.people.models import ContactMapping, User
from accounts.tests.admin_clients import signed_in
from core.cause import SCHEDULE
from integrations.providers.kajabi.tests.sales import ago, change, pay, sell, stamp
from tests.fakes import kajabi_records as records

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient", "workers")]


@pytest.fixture
def browser(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def verify(browser: Client) -> Callable[[User], Any]:
    return lambda user: browser.get(f"/api/admin/users/{user.pk}/verify-kajabi-subscription/").json()


@pytest.fixture
def member(kajabi: Any, process: Any, relay: Any, plan: Any) -> User:
    """The seed's member: bought through the relay a month ago, and known to Kajabi's API as customer 1."""
    sold = sell(kajabi, 1)
    process(relay(email="member1@example.com", occurred_at=stamp(sold)))
    return User.objects.get(email="member1@example.com")


def bought(user: User, plan: Plan, *, until: datetime) -> Subscription:
    fact = Fact(key=f"kajabi:{plan.code}", kind=FactKind.PURCHASED, occurred_at=ago(30), period_end=until)
    return subscriptions.record(user, plan, fact, cause=SCHEDULE, provider="kajabi").subscription


def cancel_by_relay(process: Any, relay: Any) -> Subscription:
    process(relay("member.subscription.canceled", "evt_2", email="member1@example.com", occurred_at=stamp(ago(2))))
    return Subscription.objects.get()


def test_verify_of_a_canceled_member_with_access_finds_nothing_wrong(
    member: User, verify: Any, process: Any, relay: Any
) -> None:
    canceled = cancel_by_relay(process, relay)
    said = verify(member)
    assert (canceled.status, canceled.has_access) == ("canceled", True)
    assert said["database_status"]["subscription_status"] == "canceled"
    assert (said["kajabi_status"]["is_active"], said["kajabi_status"]["status"]) == (True, "active")
    assert (said["mismatch"], said["recommended_action"], said["differences"]) == (False, None, [])


def test_compare_button_shows_until_when_a_canceled_member_has_access(
    member: User, browser: Client, process: Any, relay: Any
) -> None:
    end = cancel_by_relay(process, relay).current_period_end
    answer = browser.post(reverse("admin:accounts_user_act", args=[member.pk, "verify-kajabi"]), follow=True)
    told = " ".join(str(message) for message in answer.context["messages"])
    assert told.startswith("Status at Kajabi: active. Here it is canceled, with access until ")
    assert f"{end:%Y}" in told
    assert told.endswith(": nothing is wrong.")


ENDED, REFUNDED = {"deactivated_at": stamp(ago(1))}, {"deactivated_at": stamp(ago(1)), "deactivation_reason": "refund"}


@pytest.mark.parametrize(
    ("here", "there", "status", "mismatch", "action"),
    [
        ("active", {}, "active", False, None),
        ("active", ENDED, "expired", True, "sync"),
        ("active", REFUNDED, "refunded", True, "sync"),
        ("active", {"deactivated_at": stamp(ago(-10))}, "canceled", True, "sync"),
        ("active", None, "not_found", True, "check_by_hand"),
        ("canceled", {}, "active", False, None),
        ("canceled", {"deactivated_at": stamp(ago(-10))}, "canceled", False, None),
        ("canceled", ENDED, "expired", True, "sync"),
        ("canceled", REFUNDED, "refunded", True, "sync"),
        ("canceled", None, "not_found", True, "check_by_hand"),
        ("expired", {}, "active", True, "sync"),
        ("expired", ENDED, "expired", False, None),
        ("expired", REFUNDED, "refunded", False, None),
        ("expired", None, "not_found", False, None),
        ("none", {}, "active", True, "sync"),
        ("none", ENDED, "expired", False, None),
        ("none", None, "not_found", False, None),
    ],
)
def test_verify_compares_our_access_with_the_remote_purchase(
    kajabi: Any, plan: Any, user: User, verify: Any, here: str, there: Any, status: str, mismatch: bool, action: Any
) -> None:
    if there is not None:
        kajabi.add(
            records.customer("5", email=user.email),
            records.purchase("4005", customer_id="5", offer_id="off_456", created_at=stamp(ago(30)), **there),
        )
    if here != "none":
        subscription = bought(user, plan, until=ago(-300))
        if here != "active":
            {"canceled": staff_actions.cancel, "expired": staff_actions.expire}[here](subscription, cause=SCHEDULE)
    said = verify(user)
    assert (said["kajabi_status"]["status"], said["mismatch"], said["recommended_action"]) == (status, mismatch, action)
    assert said["kajabi_status"]["is_active"] == (status in ("active", "canceled"))
    assert said["database_status"]["subscription_status"] == (None if here == "none" else here)


def test_verify_of_several_purchases_of_one_plan_goes_by_the_one_that_runs(
    member: User, kajabi: Any, verify: Any
) -> None:
    for number, attributes in ((71, ENDED), (72, REFUNDED)):
        purchase = records.purchase(str(number), customer_id="1", offer_id="off_456", **attributes)
        kajabi.add(purchase)
    said = verify(member)
    assert (said["kajabi_status"]["status"], said["mismatch"]) == ("active", False)
    assert len(said["kajabi_status"]["subscriptions"]) == 3


def test_verify_of_two_plans_answers_about_the_one_that_differs(member: User, kajabi: Any, verify: Any) -> None:
    course = Plan.objects.create(code="course", name="Course", price_cents=100, period_months=12)
    PlanOffer.objects.create(plan=course, external_id="777")
    kajabi.add(records.purchase("71", customer_id="1", offer_id="777", created_at=stamp(ago(20)), **ENDED))
    agrees = verify(member)
    assert (agrees["database_status"]["subscription_plan"], agrees["kajabi_status"]["status"]) == (
        "nssa_annual",
        "active",
    )
    assert agrees["mismatch"] is False

    bought(member, course, until=ago(-100))
    differs = verify(member)
    assert differs["database_status"]["subscription_plan"] == "course"
    assert (differs["kajabi_status"]["status"], differs["mismatch"]) == ("expired", True)


@pytest.mark.parametrize("days", [30, 500])
def test_verify_of_a_purchase_for_life_finds_nothing_wrong(
    kajabi: Any, reconciled: Any, verify: Any, days: int
) -> None:
    sell(kajabi, 1, days_ago=days)
    change(kajabi, 1, payment_type="single")
    reconciled()
    said = verify(User.objects.get(email="member1@example.com"))
    assert (said["kajabi_status"]["status"], said["mismatch"]) == ("active", False)


# Ids ------------------------------------------------------------------------------------------------------------------


def ids() -> tuple[str, str]:
    subscription = Subscription.objects.get()
    return subscription.external_member_id, subscription.external_offer_id


def test_member_id_stays_the_members_when_a_customer_id_is_learnt(
    member: User, kajabi: Any, verify: Any, browser: Client
) -> None:
    PlanOffer.objects.create(plan=Plan.objects.get(), external_id="41")
    kajabi.records["purchases"]["4001"]["relationships"]["offer"]["data"]["id"] = "41"
    pay(kajabi, 1, "61", days_ago=1)
    assert verify(member)["user"]["kajabi_member_id"] == "mem_1001"
    assert browser.post(f"/api/admin/users/{member.pk}/sync-kajabi-subscription/").status_code == 200
    assert set(member.contact.mappings.values_list("kind", flat=True)) == {"relay", "customer"}
    assert ids() == ("mem_1001", "off_456")
    assert verify(member)["user"]["kajabi_member_id"] == "mem_1001"


def test_member_id_is_the_customers_until_the_members_is_received(
    kajabi: Any, reconciled: Any, verify: Any, process: Any, relay: Any
) -> None:
    sold = sell(kajabi, 1, offer_id="2150456456")
    reconciled()
    member = User.objects.get(email="member1@example.com")
    assert (ids(), verify(member)["user"]["kajabi_member_id"]) == (("1", "2150456456"), "1")
    # It happened before what is known, and is told after it.
    process(relay(email="member1@example.com", occurred_at=stamp(sold - timedelta(minutes=1))))
    assert (ids(), verify(member)["user"]["kajabi_member_id"]) == (("mem_1001", "off_456"), "mem_1001")


class _Before:
    """The models of then: ids of logins stood in a table of their own."""

    def get_model(self, app: str, name: str) -> Any:
        if name == "ExternalIdentity":
            return SimpleNamespace(objects=ContactMapping.objects.annotate(user_id=F("contact__user")))
        return apps.get_model(app, name)


def test_migration_finds_the_kinds_of_ids_that_were_kept_without(member: User, kajabi: Any, reconciled: Any) -> None:
    reconciled()
    change(kajabi, 1)
    for fact in SubscriptionFact.objects.all():
        fact.references.pop("member_kind")
        fact.save()
    Subscription.objects.update(external_member_id="1", external_offer_id="41")
    import_module("accounts.migrations.0014_members").note_kinds(_Before(), None)
    assert ids() == ("mem_1001", "off_456")
    told = {(fact.references["member"], fact.references.get("member_kind")) for fact in SubscriptionFact.objects.all()}
    assert told == {("mem_1001", "relay"), ("1", None)}
