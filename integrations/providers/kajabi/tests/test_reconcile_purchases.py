"""Reconciliation of members with several purchases, and of ends that are taken back."""

from typing import Any

import pytest

from accounts.memberships.models import Purchase, Subscription
from integrations.contracts.pull import RunKind
from integrations.providers.kajabi.tests.plugin import OFFER_ID
from integrations.providers.kajabi.tests.sales import ago, change, sell, stamp
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
