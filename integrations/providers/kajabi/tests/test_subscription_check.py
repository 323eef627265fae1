"""Verify and sync: one member's subscription and Kajabi's word for it."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.mail.models import EmailMessage
from accounts.memberships import staff_actions
from accounts.memberships.models import Purchase, Subscription, SubscriptionFact
from accounts.people.models import User
from accounts.tests.admin_clients import clerk, page_of, signed_in
from core.cause import SCHEDULE
from core.moments import iso
from integrations import registry
from integrations.providers.kajabi.tests.sales import ago, change, pay, sell, stamp
from integrations.reconcile import subscription_check
from integrations.reconcile.models import ProviderRecord
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi, Reset, html, too_many

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient", "workers")]


@pytest.fixture
def member(kajabi: FakeKajabi, reconciled: Any) -> User:
    """A member by a first run, with one purchase."""
    sell(kajabi, 1)
    reconciled()
    kajabi.exchanges.clear()
    return User.objects.get(email="member1@example.com")


@pytest.fixture
def browser(staff: Any) -> Client:
    return signed_in(staff)


def url(verb: str, user: Any) -> str:
    return f"/api/admin/users/{getattr(user, 'pk', user)}/{verb}-kajabi-subscription/"


def status_of(user: User) -> str:
    return Subscription.objects.get(user=user).status


def everything() -> tuple[Any, ...]:
    """Return the rows that must be the same where nothing was changed."""
    columns = ("status", "current_period_end", "canceled_at")
    models = (User, SubscriptionFact, EmailMessage, ProviderRecord)
    return (*(model.objects.count() for model in models), list(Subscription.objects.values_list(*columns)))


def test_verify_says_that_both_agree(member: User, browser: Client, kajabi: Any) -> None:
    before = everything()
    answer = browser.get(url("verify", member))
    subscription = Subscription.objects.get()
    sold = kajabi.records["purchases"]["4001"]["attributes"]["created_at"]
    assert answer.status_code == 200
    assert answer.json() == {
        "user": {"id": member.pk, "email": "member1@example.com", "kajabi_member_id": "1"},
        "database_status": {
            "subscription_status": "active",
            "subscription_plan": "nssa_annual",
            "subscription_end_date": iso(subscription.current_period_end),
        },
        "kajabi_status": {
            "is_active": True,
            "status": "active",
            "subscriptions": [
                {
                    "id": "4001",
                    "offer_id": "off_456",
                    "status": "active",
                    "payment_type": "subscription",
                    "started_at": iso(datetime.fromisoformat(sold)),
                    "deactivated_at": None,
                    "deactivation_reason": "",
                }
            ],
        },
        "mismatch": False,
        "recommended_action": None,
        "differences": [],
    }
    assert everything() == before
    assert len([one for one in kajabi.exchanges if "oauth" not in one.asked.path]) == 2


def test_verify_says_what_is_different_and_changes_nothing(member: User, browser: Client, kajabi: Any) -> None:
    change(kajabi, 1, deactivated_at=stamp(ago(1)))
    before = everything()
    answer = browser.get(url("verify", member)).json()
    assert (answer["mismatch"], answer["recommended_action"]) == (True, "sync")
    assert (answer["kajabi_status"]["is_active"], answer["kajabi_status"]["status"]) == (False, "expired")
    assert everything() == before


def test_sync_makes_the_seeds_canceled_member_active(member: User, browser: Client) -> None:
    end = Subscription.objects.get().current_period_end
    staff_actions.cancel(Subscription.objects.get(), cause=SCHEDULE)
    answer = browser.post(url("sync", member))
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "message": "Subscription status synced successfully",
        "old_status": "canceled",
        "new_status": "active",
    }
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.current_period_end, subscription.canceled_at) == ("active", end, None)
    assert subscription.transitions.latest("pk").staff is not None
    assert browser.get(url("verify", member)).json()["mismatch"] is False


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ({"deactivated_at": stamp(ago(1))}, "expired"),
        ({"deactivated_at": stamp(ago(1)), "deactivation_reason": "refund"}, "refunded"),
        ({"deactivated_at": stamp(ago(-10))}, "canceled"),
        ({}, "active"),
    ],
)
@pytest.mark.parametrize("here", ["active", "canceled", "expired", "extended after its end"])
def test_after_a_sync_both_agree(
    member: User, browser: Client, kajabi: Any, here: str, there: dict[str, Any], expected: str
) -> None:
    subscription = Subscription.objects.get()
    if here == "canceled":
        staff_actions.cancel(subscription, cause=SCHEDULE)
    if here in ("expired", "extended after its end"):
        staff_actions.expire(subscription, cause=SCHEDULE)
    if here == "extended after its end":
        staff_actions.extend(subscription, until=ago(-50), cause=SCHEDULE)
    change(kajabi, 1, **there)
    assert browser.post(url("sync", member)).status_code == 200
    has_access = expected in ("active", "canceled") or here == "extended after its end"  # staff's gift is not Kajabi's
    assert Subscription.objects.get().has_access == has_access
    verdict = browser.get(url("verify", member)).json()
    assert (verdict["mismatch"], verdict["kajabi_status"]["status"]) == (False, expected)


def test_sync_twice_changes_nothing_more(member: User, browser: Client, kajabi: Any) -> None:
    change(kajabi, 1, deactivated_at=stamp(ago(1)))
    browser.post(url("sync", member))
    before = everything()
    assert browser.post(url("sync", member)).json()["new_status"] == "expired"
    assert everything() == before


def test_refund_without_a_deactivation_is_a_refund(member: User, browser: Client, kajabi: Any) -> None:
    pay(kajabi, 1, "61", days_ago=29)
    pay(kajabi, 1, "62", days_ago=2, action="refund", amount_in_cents=-29900)
    assert browser.post(url("sync", member)).json()["new_status"] == "refunded"
    assert browser.get(url("verify", member)).json()["mismatch"] is False


def test_user_without_a_remote_id_is_found_by_the_whole_address(kajabi: Any, user: User, plan: Any, staff: Any) -> None:
    sell(kajabi, 5)
    kajabi.add(records.customer("5", email="Jane@Example.com"), records.customer("6", email="mary-jane@example.com"))
    answer = signed_in(staff).post(url("sync", user)).json()
    assert (answer["old_status"], answer["new_status"]) == ("none", "active")
    assert user.contact.mappings.get().external_id == "5"
    assert User.objects.count() == 2


def test_one_whom_kajabi_does_not_know_is_left_to_staff(kajabi: Any, user: User, plan: Any, browser: Client) -> None:
    staff_actions.grant(user, plan, until=ago(-30), cause=SCHEDULE)
    Subscription.objects.update(provider="kajabi")
    Purchase.objects.update(is_grant=False)
    verdict = browser.get(url("verify", user)).json()
    assert (verdict["kajabi_status"]["status"], verdict["recommended_action"]) == ("not_found", "check_by_hand")
    answer = browser.post(url("sync", user)).json()
    assert (answer["success"], answer["old_status"], answer["new_status"]) == (False, "active", "active")


def test_one_with_nothing_on_either_side_agrees(kajabi: Any, user: User, plan: Any, browser: Client) -> None:
    verdict = browser.get(url("verify", user)).json()
    assert (verdict["mismatch"], verdict["database_status"]["subscription_status"]) == (False, None)


def test_what_was_paid_once_and_has_run_out_is_no_difference(kajabi: Any, reconciled: Any, browser: Client) -> None:
    sell(kajabi, 1, days_ago=500)
    kajabi.records["purchases"]["4001"]["attributes"]["payment_type"] = "single"
    reconciled()
    member = User.objects.get(email="member1@example.com")
    assert status_of(member) == "expired"
    assert browser.get(url("verify", member)).json()["mismatch"] is False
    assert browser.post(url("sync", member)).json()["new_status"] == "expired"


@pytest.mark.parametrize("trouble", [html(502), too_many(), Reset(), html(403)], ids=["html", "429", "reset", "403"])
def test_kajabi_down_is_a_502_that_says_what_failed_and_changes_nothing(
    member: User, browser: Client, kajabi: Any, trouble: Any
) -> None:
    change(kajabi, 1, deactivated_at=stamp(ago(1)))
    before = everything()
    kajabi.misbehave(*[trouble] * 10, on="/v1/transactions")
    answer = browser.get(url("verify", member))
    assert answer.status_code == 502
    assert answer.json()["success"] is False
    assert "/v1/transactions" in answer.json()["message"]
    assert everything() == before


def test_not_configured_is_a_503_that_names_the_settings(member: User, browser: Client, settings: Any) -> None:
    settings.KAJABI_CLIENT_ID = ""
    answer = browser.post(url("sync", member))
    assert (answer.status_code, "KAJABI_CLIENT_ID" in answer.json()["message"]) == (503, True)


def test_only_staff_may_ask_and_only_for_users_that_there_are(member: User, browser: Client) -> None:
    assert browser.get(url("verify", 10**9)).status_code == 404
    assert browser.get(url("verify", 10**30)).status_code == 404
    assert browser.get(url("verify", member).rstrip("/")).status_code == 200
    assert browser.get(url("sync", member)).status_code == 405
    assert browser.post(url("verify", member)).status_code == 405
    for visitor in (Client(), signed_in(member)):
        assert visitor.get(url("verify", member)).status_code in (401, 403)
        assert visitor.post(url("sync", member)).status_code in (401, 403)


def test_customer_of_somebody_else_is_a_conflict_for_staff(
    member: User, kajabi: Any, user: User, browser: Client
) -> None:
    kajabi.add(records.customer("1", email="jane@example.com"))
    before = everything()
    answer = browser.post(url("sync", user))
    said = f"Conflict: the id belongs to {member.email}, the e-mail to {user.email}"
    assert (answer.status_code, answer.json()["message"]) == (409, said)
    assert everything() == before


def test_two_syncs_at_once_say_it_once(
    transactional_db: None, kajabi: Any, plan: Any, user: User, at_once: Any
) -> None:
    sell(kajabi, 5, deactivated_at=stamp(ago(1)))
    kajabi.add(records.customer("5", email="jane@example.com"))
    provider = registry.provider("kajabi")
    results = at_once([lambda: subscription_check.sync(user, provider=provider, cause=SCHEDULE)] * 2)
    assert [one.new_status for one in results if isinstance(one, subscription_check.Synced)] == ["expired"] * 2
    assert sorted(Subscription.objects.get().facts.values_list("kind", flat=True)) == ["expired", "purchased"]


# In the console -------------------------------------------------------------------------------------------------------


def press(browser: Client, user: User, name: str) -> str:
    answer = browser.post(reverse("admin:accounts_user_act", args=[user.pk, name]), follow=True)
    assert answer.status_code == 200
    return " ".join(str(message) for message in answer.context["messages"])


def test_users_page_has_both_buttons(member: User, browser: Client, kajabi: Any) -> None:
    page = browser.get(page_of(member)).content.decode()
    assert "Kajabi: compare" in page
    assert "Kajabi: synchronise" in page
    assert press(browser, member, "verify-kajabi") == "Status at Kajabi: active. It is the same here."
    change(kajabi, 1, deactivated_at=stamp(ago(1)))
    told = press(browser, member, "verify-kajabi")
    difference = "NSSA Annual Membership: ended at the provider, access here."
    assert told == f"Status at Kajabi: expired. Here it is different: {difference}"
    assert press(browser, member, "sync-kajabi") == "Status before: active; now: expired."
    assert status_of(member) == "expired"


def test_button_says_what_failed_and_changes_nothing(member: User, browser: Client, kajabi: Any) -> None:
    before = everything()
    kajabi.misbehave(*[html(502)] * 10, on="/v1/purchases")
    assert "/v1/purchases" in press(browser, member, "sync-kajabi")
    assert everything() == before


def test_whoever_may_only_look_cannot_press(member: User) -> None:
    answer = clerk("view_user").post(reverse("admin:accounts_user_act", args=[member.pk, "sync-kajabi"]))
    assert answer.status_code == 403


def test_lists_do_not_offer_what_asks_a_provider(member: User, browser: Client) -> None:
    page = browser.get(reverse("admin:accounts_user_changelist")).content.decode()
    assert "send-set-up-mail" in page
    assert "sync-kajabi" not in page
