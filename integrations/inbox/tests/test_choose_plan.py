"""A purchase of an offer that no plan sells: staff choose the plan on the event's page, and its buyers get access."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.memberships.models import Plan, PlanOffer, Subscription
from accounts.staff.models.audit_entry import AuditEntry
from accounts.tests.admin_clients import clerk, page_of, signed_in
from integrations.handlers.missing_plan import MissingPlan
from integrations.inbox import missing_plans
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db
OFFER = {"id": "off_789", "name": "Something (new); for 2"}


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def event(process: Any, relay: Any, plan: Any) -> InboxEvent:
    waiting: InboxEvent = process(relay(offer=OFFER))
    assert waiting.status == "unmatched"
    return waiting


@pytest.fixture
def coaching() -> Plan:
    return Plan.objects.create(code="coaching", name="Coaching", period_months=1)


def address(event: InboxEvent) -> str:
    return reverse("admin:integrations_inboxevent_act", args=[event.pk, "choose-plan"])


def choose(client: Client, event: InboxEvent, plan: Plan) -> list[str]:
    response = client.post(address(event), {"answered": "1", "plan": str(plan.pk)}, follow=True)
    return [str(message) for message in response.context["messages"]]


def test_chosen_plan_gives_access_to_every_buyer_of_the_offer(
    console: Client, event: InboxEvent, coaching: Plan, process: Any, relay: Any, drain: Any
) -> None:
    process(relay(id="evt_2", offer=OFFER, member={"id": "mem_2", "email": "ann@example.com"}))
    other = process(relay(id="evt_3", offer={"id": "off_78"}, member={"id": "mem_3", "email": "bob@example.com"}))
    page = console.get(address(event)).content.decode()
    assert "Offer off_789 (Something (new); for 2): 2 events wait for its plan" in page
    assert choose(console, event, coaching) == [
        "Offer off_789 (Something (new); for 2) gives access to Coaching. 2 events were queued again."
    ]
    drain()
    offer = PlanOffer.objects.get(external_id="off_789")
    assert (offer.provider, offer.plan) == ("kajabi", coaching)
    members = Subscription.objects.filter(plan=coaching).values_list("user__email", flat=True)
    assert sorted(members) == ["ann@example.com", "jane@example.com"]
    other.refresh_from_db()
    assert other.status == "unmatched", "another offer, whose ID begins alike"
    entry = AuditEntry.objects.get(action="event.choose_plan")
    assert (entry.target_id, str(entry.facts["answers"]["plan"])) == (str(event.pk), f"accounts.plan:{coaching.pk}")


def test_choosing_twice_retries_what_is_left_and_maps_once(console: Client, event: InboxEvent, coaching: Plan) -> None:
    assert missing_plans.give_plan(event, coaching).is_new
    event.refresh_from_db()
    assert choose(console, event, coaching) == ["1 row was left as it is: this does not apply to it."]
    assert PlanOffer.objects.filter(external_id="off_789").count() == 1


def test_offer_that_somebody_mapped_meanwhile_is_left_and_named(
    console: Client, event: InboxEvent, coaching: Plan, plan: Plan
) -> None:
    PlanOffer.objects.create(plan=plan, external_id="off_789")
    (answer,) = choose(console, event, coaching)
    assert answer.startswith(f"Offer off_789 (Something (new); for 2) was mapped to {plan.name} meanwhile.")
    event.refresh_from_db()
    assert (event.status, PlanOffer.objects.get(external_id="off_789").plan) == ("unmatched", plan)
    assert not AuditEntry.objects.filter(action="event.choose_plan", outcome="done").exists()
    assert choose(console, event, plan) == [
        f"Offer off_789 (Something (new); for 2) gives access to {plan.name}. 1 event was queued again."
    ]


def test_action_is_shown_only_for_want_of_a_plan(
    console: Client, event: InboxEvent, process: Any, relay: Any, coaching: Plan
) -> None:
    assert "Choose a plan and give access" in console.get(page_of(event)).content.decode()
    nobody = process(relay(id="evt_4", member={}))
    body = relay(id="evt_5")
    del body["offer"]
    no_offer, processed = process(body), process(relay(id="evt_6"))
    for one, status in ((nobody, "unmatched"), (no_offer, "unmatched"), (processed, "processed")):
        assert one.status == status
        assert "Choose a plan and give access" not in console.get(page_of(one)).content.decode()
        assert choose(console, one, coaching) == ["1 row was left as it is: this does not apply to it."]
    assert not PlanOffer.objects.filter(plan=coaching).exists()


def test_choosing_a_plan_requires_both_permissions(event: InboxEvent, coaching: Plan) -> None:
    allowed = ("view_inboxevent", "replay_inboxevent", "add_planoffer")
    browser = clerk(*allowed)
    staff = browser.get("/admin/").wsgi_request.user
    for missing in ("replay_inboxevent", "add_planoffer"):
        staff.user_permissions.set([])
        browser = _with(staff, [name for name in allowed if name != missing])
        assert browser.post(address(event), {"answered": "1", "plan": str(coaching.pk)}).status_code == 403
    browser = _with(staff, allowed)
    assert choose(browser, event, coaching) != []
    assert PlanOffer.objects.filter(plan=coaching).count() == 1


def _with(staff: Any, codenames: Any) -> Client:
    staff.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return signed_in(staff)


@pytest.mark.parametrize(
    "missing",
    [
        MissingPlan(offers=("7",)),
        MissingPlan(offers=("off_1", "prod_2"), title="Coaching (monthly)"),
        MissingPlan(offers=("0",), title="Ñandú"),
    ],
)
def test_reason_is_read_back_as_it_was_written(missing: MissingPlan) -> None:
    assert MissingPlan.from_reason(f"a date cannot be read; {missing.reason}") == missing
    assert MissingPlan.from_reason("the event names no e-mail") is None


def test_plans_page_shows_the_offers_of_settings(console: Client, plan: Plan, coaching: Plan, settings: Any) -> None:
    settings.NSSA_KAJABI_PRODUCT_ID = ["2151340480", "off_456"]
    page = console.get(page_of(plan)).content.decode()
    assert "kajabi: 2151340480, off_456 (setting NSSA_KAJABI_PRODUCT_ID)" in page
    assert "NSSA_KAJABI_PRODUCT_ID" not in console.get(page_of(coaching)).content.decode()


def test_action_is_offered_in_spanish(console: Client, event: InboxEvent) -> None:
    with translation.override("es"):
        page = console.get(page_of(event), headers={"Accept-Language": "es"}).content.decode()
    assert "Elegir un plan y dar acceso" in page


def test_offer_mapped_on_the_plans_page_lets_its_buyers_in_and_ends_the_problem(
    console: Client, event: InboxEvent, coaching: Plan, drain: Any
) -> None:
    def problems() -> list[str]:
        return [item.key for item in console.get("/admin/").context["attention"]]

    assert problems() == ["unmatched_events"]
    form = console.get(page_of(coaching)).context["adminform"].form
    answers = {name: "" if value is None else value for name, value in form.initial.items()}
    rows = {"offers-TOTAL_FORMS": 1, "offers-INITIAL_FORMS": 0, "offers-0-provider": "kajabi"}
    response = console.post(page_of(coaching), answers | rows | {"offers-0-external_id": "off_789"}, follow=True)
    said = [str(message) for message in response.context["messages"]]
    assert "1 event that waited for this plan is processed now." in said
    drain()
    assert Subscription.objects.get().plan == coaching
    assert problems() == []
