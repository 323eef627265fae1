"""Purchases that a list names, of an offer that no plan sells: told to staff, and read again once a plan sells it."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, PlanOffer, Subscription
from accounts.tests.admin_clients import signed_in
from core.cause import SCHEDULE
from core.console import attention
from integrations import registry
from integrations.providers.kajabi.tests.sales import change, sell
from integrations.reconcile import missing_plans, runs
from integrations.reconcile.models import ProviderRecord, SyncRun
from tests.fakes.kajabi import FakeKajabi

pytestmark = pytest.mark.django_db
PLANS = "/admin/accounts/plan/"


@pytest.fixture
def left_out(kajabi: FakeKajabi, reconciled: Any) -> FakeKajabi:
    """Read a purchase of the plan's offer, and two of another that no plan sells."""
    sell(kajabi, 1)
    for number in (2, 3):
        sell(kajabi, number, days_ago=20, offer_id="777")
    reconciled()
    return kajabi


def waiting() -> list[tuple[str, str, int]]:
    return [(one.provider, one.offer, one.purchases) for one in missing_plans.offers()]


def problem() -> int:
    return sum(item.count for item in attention.everything() if item.key == "offers_without_plan")


def with_access() -> set[str]:
    return set(Subscription.objects.giving_access().values_list("user__email", flat=True))


def save_offer(staff: Any, plan: Plan, offer: str) -> Any:
    """Add an offer to a plan as its page does; return the page that follows."""
    console, page = signed_in(staff), f"{PLANS}{plan.pk}/change/"
    form = console.get(page).context["adminform"].form
    inline = {f"offers-{name}": "0" for name in ("INITIAL_FORMS", "MIN_NUM_FORMS")}
    known = list(plan.offers.all())
    inline |= {"offers-TOTAL_FORMS": str(len(known) + 1), "offers-INITIAL_FORMS": str(len(known))}
    for place, one in enumerate(known):
        inline |= {
            f"offers-{place}-{name}": value
            for name, value in {
                "id": one.pk, "plan": plan.pk, "provider": one.provider, "external_id": one.external_id,
            }.items()
        }  # fmt: skip
    new = len(known)
    inline |= {f"offers-{new}-provider": "kajabi", f"offers-{new}-external_id": offer, f"offers-{new}-plan": plan.pk}
    return console.post(page, {**form.initial, **inline}, follow=True)


def test_offer_is_named_where_plans_are_and_counted_on_home(left_out: FakeKajabi, staff: Any) -> None:
    assert (waiting(), problem()) == ([("kajabi", "777", 2)], 1)
    console = signed_in(staff)
    for page in (PLANS, f"{PLANS}add/", f"{PLANS}{Plan.objects.get().pk}/change/"):
        shown = console.get(page).content.decode()
        assert "Kajabi: offer 777, 2 purchases" in shown, page
    assert 'list="waiting-offers"' in shown


def test_offer_that_a_plan_sells_is_read_again_and_its_welcomes_are_held_back(
    left_out: FakeKajabi, reconciled: Any, staff: Any
) -> None:
    shown = save_offer(staff, Plan.objects.get(), "777").content.decode()
    assert "2 purchases that were read without a plan are read again" in shown
    assert (waiting(), problem(), with_access()) == ([], 0, {"member1@example.com"})
    (run,) = missing_plans.read_again()
    assert (run.kind, run.status) == ("backfill", "pending")
    assert missing_plans.read_again() == [], "one reading for all"
    reconciled(run)
    assert with_access() == {f"member{number}@example.com" for number in (1, 2, 3)}
    greetings = EmailMessage.objects.filter(to__in=["member2@example.com", "member3@example.com"])
    assert set(greetings.values_list("status", flat=True)) == {"held"}


def test_reading_that_is_open_already_is_waited_for(left_out: FakeKajabi, reconciled: Any) -> None:
    open_run = runs.start(registry.provider("kajabi"), cause=SCHEDULE)
    PlanOffer.objects.create(plan=Plan.objects.get(), external_id="777")
    assert missing_plans.read_again() == []
    SyncRun.objects.filter(pk=open_run.pk).update(status="done")  # it had read these purchases before
    (run,) = missing_plans.read_again()
    reconciled(run)
    assert len(with_access()) == 3


def test_failed_backfill_is_begun_anew(left_out: FakeKajabi, reconciled: Any) -> None:
    failed = SyncRun.objects.get()
    SyncRun.objects.filter(pk=failed.pk).update(status="failed", stage="transactions", page=9)
    PlanOffer.objects.create(plan=Plan.objects.get(), external_id="777")
    (run,) = missing_plans.read_again()
    assert run.pk != failed.pk
    reconciled(run)
    assert len(with_access()) == 3


def test_purchase_that_cannot_be_applied_for_another_reason_is_not_read_each_minute(
    left_out: FakeKajabi, reconciled: Any
) -> None:
    left_out.records["purchases"]["4002"]["relationships"]["customer"] = {"data": None}
    change(left_out, 2)
    PlanOffer.objects.create(plan=Plan.objects.get(), external_id="777")
    (run,) = missing_plans.read_again()
    reconciled(run)
    assert with_access() == {"member1@example.com", "member3@example.com"}
    assert (missing_plans.read_again(), waiting()) == ([], [])


def test_offer_that_is_taken_from_its_plan_again_waits_again(left_out: FakeKajabi, reconciled: Any) -> None:
    mapped = PlanOffer.objects.create(plan=Plan.objects.get(), external_id="777")
    (run,) = missing_plans.read_again()
    mapped.delete()
    reconciled(run)
    assert waiting() == [("kajabi", "777", 2)]


def test_offer_of_a_setting_is_read_again(left_out: FakeKajabi, reconciled: Any, settings: Any) -> None:
    Plan.objects.update(code="nssa_annual")
    settings.NSSA_KAJABI_PRODUCT_ID = ["777"]
    assert (waiting(), problem()) == ([], 0)
    (run,) = missing_plans.read_again()
    reconciled(run)
    assert len(with_access()) == 3


def test_purchases_that_were_left_out_before_are_told_as_well(left_out: FakeKajabi) -> None:
    told = waiting()
    ProviderRecord.objects.update(unsold_offer="")
    migration = import_module("integrations.migrations.0038_offers_without_plan")
    migration.name_offers(apps, None)
    assert waiting() == told
