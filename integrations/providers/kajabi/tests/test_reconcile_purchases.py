"""Reconciliation of members with several purchases, and of ends that are taken back."""

from typing import Any

import pytest

from accounts.memberships.models import Purchase, Subscription
from accounts.tests.admin_clients import signed_in
from integrations.contracts.pull import RunKind
from integrations.providers.kajabi.tests.plugin import OFFER_ID
from integrations.providers.kajabi.tests.sales import ago, change, pay, sell, stamp
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi

pytestmark = pytest.mark.django_db


def status() -> str:
    return Subscription.objects.get().status


def test_deactivation_that_is_taken_back_before_its_day_resumes_the_purchase(
    kajabi: FakeKajabi, reconciled: Any
) -> None:
    sell(kajabi, 1)
    reconciled()
    change(kajabi, 1, at=ago(2), deactivated_at=stamp(ago(-3)))
    reconciled()
    assert status() == "canceled"
    change(kajabi, 1, at=ago(1), deactivated_at=None)
    reconciled()
    assert status() == "active"
    change(kajabi, 1, at=ago(0.5), deactivated_at=stamp(ago(-4)))
    reconciled()
    assert status() == "canceled"
    change(kajabi, 1, at=ago(0.1), deactivated_at=None)
    reconciled()
    reconciled()
    assert status() == "active"


def test_cancellation_that_only_a_relay_reported_stays(
    kajabi: FakeKajabi, reconciled: Any, process: Any, relay: Any
) -> None:
    sell(kajabi, 1)
    reconciled()
    process(relay("member.subscription.canceled", "evt_1", "member1@example.com"))
    change(kajabi, 1, at=ago(-0.001))
    reconciled()
    assert status() == "canceled"


def test_deactivation_of_one_of_two_purchases_keeps_the_other(kajabi: FakeKajabi, reconciled: Any) -> None:
    sell(kajabi, 1)
    kajabi.add(records.purchase("5001", customer_id="1", offer_id=OFFER_ID, created_at=stamp(ago(29.99))))
    reconciled()
    change(kajabi, 1, deactivated_at=stamp(ago(1)))
    reconciled()
    assert Subscription.objects.get().has_access
    assert dict(Purchase.objects.values_list("external_id", "status")) == {"4001": "expired", "5001": "active"}
    audit = reconciled(kind=RunKind.AUDIT)
    assert list(audit.findings.values_list("kind", flat=True)) == []


def test_refund_of_a_part_is_no_difference_and_keeps_access(kajabi: FakeKajabi, reconciled: Any, staff: Any) -> None:
    sell(kajabi, 1)
    change(kajabi, 1, at=ago(29), amount_in_cents=29900)
    pay(kajabi, 1, "7001", days_ago=3, action="refund", amount_in_cents=-2000)
    reconciled()
    assert Subscription.objects.get().has_access
    assert Purchase.objects.get().refunded == 2000
    user = Subscription.objects.get().user
    verdict = signed_in(staff).get(f"/api/admin/users/{user.pk}/verify-kajabi-subscription/").json()
    assert (verdict["mismatch"], verdict["kajabi_status"]["status"]) == (False, "active")


@pytest.mark.usefixtures("workers")
def test_dispute_takes_access_and_is_no_difference(kajabi: FakeKajabi, reconciled: Any, staff: Any) -> None:
    sell(kajabi, 1)
    change(kajabi, 1, at=ago(29), amount_in_cents=29900)
    pay(kajabi, 1, "7001", days_ago=3, action="dispute", amount_in_cents=-29900)
    reconciled()
    subscription = Subscription.objects.get()
    assert (subscription.status, subscription.has_access) == ("disputed", False)
    url = f"/api/admin/users/{subscription.user_id}/{{}}-kajabi-subscription/"
    browser = signed_in(staff)
    assert browser.get(url.format("verify")).json()["mismatch"] is False
    assert browser.post(url.format("sync")).status_code == 200
    assert Subscription.objects.get().status == "disputed"


def test_purchase_that_begins_later_is_no_difference(kajabi: FakeKajabi, reconciled: Any) -> None:
    sell(kajabi, 1, days_ago=1)
    change(kajabi, 1, at=ago(0.5), effective_start_at=stamp(ago(-20)))
    reconciled()
    assert Subscription.objects.get().status == "scheduled"
    audit = reconciled(kind=RunKind.AUDIT)
    assert list(audit.findings.values_list("kind", flat=True)) == []
