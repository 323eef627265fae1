"""Kajabi signs nothing: what a native delivery names is read back before it is believed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from dateutil.relativedelta import relativedelta
from django.utils import timezone

from accounts.commerce.models import FormSubmission, Order, Payment
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import Contact, User
from integrations.inbox.models import InboxEvent
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi, html, too_many

pytestmark = pytest.mark.django_db
OFFER = "2150456456"
HOOK = "/kajabi-webhook/a-token-that-only-tests-know"
BOUGHT_AT = timezone.now().replace(microsecond=0) - timedelta(days=30)
TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _sold(plan: Any, kajabi: FakeKajabi) -> None:
    """Let Kajabi know Jane, who bought the membership a month ago."""
    kajabi.add(
        records.offer(OFFER, title="Membership"),
        records.tag("5", name="vip"),
        records.contact("11", email="jane@example.com", customer_id="21", tags=("5",), offers=(OFFER,)),
        records.customer("21", email="jane@example.com", contact_id="11"),
        records.purchase("31", customer_id="21", offer_id=OFFER, created_at=BOUGHT_AT.isoformat()),
        records.transaction("41", customer_id="21", purchases=("31",), created_at=BOUGHT_AT.isoformat()),
    )


@pytest.fixture
def deliver(process: Callable[..., Any]) -> Callable[..., InboxEvent]:
    """Posts a native hook with the token, as Kajabi does: deliver("purchase", resource, …)."""

    def send(event: str, *resources: dict[str, Any], **options: Any) -> Any:
        payload = {"id": resources[0]["id"], "event": event, "payload": list(resources)}
        return process(payload, HOOK, **({"sign": False} | options))

    return send


def purchase(purchase_id: str, *, email: str = "jane@example.com") -> list[dict[str, Any]]:
    """A `purchase` hook's resources, for the customer 21."""
    return [
        records.purchase(purchase_id, customer_id="21", offer_id=OFFER, created_at=BOUGHT_AT.isoformat()),
        records.customer("21", email=email),
    ]


def test_purchase_is_believed_as_kajabi_has_it_not_as_it_was_delivered(deliver: Any, kajabi: FakeKajabi) -> None:
    event = deliver("purchase", *purchase("31", email="mallory@example.com"))
    assert (event.status, event.is_signed) == ("processed", False)
    assert User.objects.get().email == "jane@example.com"
    assert Subscription.objects.get().started_at == BOUGHT_AT
    assert [exchange.asked.path for exchange in kajabi.exchanges][1:] == ["/v1/purchases/31", "/v1/customers/21"]


def test_delivery_that_a_relay_signed_counts_as_it_is(deliver: Any, kajabi: FakeKajabi) -> None:
    event = deliver("purchase", *purchase("999", email="ann@example.com"), sign=True)
    assert (event.status, event.is_signed) == ("processed", True)
    assert User.objects.get().email == "ann@example.com"
    assert not kajabi.exchanges


def test_without_credentials_the_token_in_the_address_is_enough(
    deliver: Any, kajabi: FakeKajabi, settings: Any
) -> None:
    settings.KAJABI_CLIENT_ID = ""
    assert deliver("purchase", *purchase("999", email="ann@example.com")).status == "processed"
    assert User.objects.get().email == "ann@example.com"
    assert not kajabi.exchanges


def test_what_kajabi_does_not_know_is_tried_for_ten_minutes_and_failed_then(
    deliver: Any, drain: Any, travel: Any, kajabi: FakeKajabi
) -> None:
    event = deliver("purchase", *purchase("999"))
    assert (event.status, event.last_error) == ("pending", "Kajabi does not know purchase 999")

    travel(TEN_MINUTES - timedelta(seconds=30))
    drain()
    event.refresh_from_db()
    assert event.status == "pending"

    travel(timedelta(minutes=30))
    drain()
    event.refresh_from_db()
    assert (event.status, event.reason) == ("failed", "Kajabi does not know purchase 999")
    assert User.objects.count() == Contact.objects.count() == 0
    assert [mail.kind for mail in EmailMessage.objects.all()] == ["staff_event_failed"]


def test_resource_that_shows_up_late_is_accepted(deliver: Any, drain: Any, travel: Any, kajabi: FakeKajabi) -> None:
    event = deliver("purchase", *purchase("32"))
    kajabi.add(purchase("32")[0])
    travel(timedelta(minutes=1))
    drain()
    event.refresh_from_db()
    assert event.status == "processed"
    assert User.objects.get().email == "jane@example.com"


@pytest.mark.parametrize("trouble", [html(502), too_many()])
def test_with_kajabi_down_nothing_is_believed_and_the_event_waits(
    deliver: Any, drain: Any, travel: Any, kajabi: FakeKajabi, settings: Any, trouble: Any
) -> None:
    settings.MAX_RETRIES = 0
    kajabi.misbehave(trouble, on="/v1/purchases/31")
    event = deliver("purchase", *purchase("31"))
    assert (event.status, User.objects.count(), Contact.objects.count()) == ("pending", 0, 0)
    travel(timedelta(minutes=1))
    drain()
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("processed", 2)


def test_delivery_about_the_id_0_alone_asks_nobody_and_waits_for_staff(deliver: Any, kajabi: FakeKajabi) -> None:
    event = deliver("purchase", *purchase("0"))
    assert (event.status, event.reason) == ("unmatched", "the event names no purchase that Kajabi could be asked for")
    assert not kajabi.exchanges


def test_payment_renews_what_kajabi_says_was_paid_for(deliver: Any, kajabi: FakeKajabi, travel: Any) -> None:
    deliver("purchase", *purchase("31"))
    next_year = timezone.now().replace(microsecond=0) + timedelta(days=365)
    travel(timedelta(days=365))
    paid = records.transaction("42", customer_id="21", purchases=("31",), created_at=next_year.isoformat())
    kajabi.add(paid)

    event = deliver("payment_succeeded", {part: paid[part] for part in ("id", "type", "attributes")})
    assert event.status == "processed", event.reason
    end = Subscription.objects.get().current_period_end
    assert end is not None
    assert end > BOUGHT_AT + relativedelta(months=23)
    payment = Payment.objects.get()
    assert (payment.external_id, payment.kind, payment.amount, payment.currency) == ("42", "charge", 29900, "USD")
    assert payment.purchase_ids == ["31"]
    assert payment.contact.user == User.objects.get()


def test_payment_for_what_no_plan_sells_is_recorded_and_waits_for_staff(deliver: Any, kajabi: FakeKajabi) -> None:
    kajabi.add(records.purchase("33", customer_id="21", offer_id="777"))
    kajabi.add(records.transaction("43", customer_id="21", purchases=("33",)))
    event = deliver("payment_succeeded", records.transaction("43", customer_id="21"))
    assert (event.status, event.reason) == ("unmatched", "no plan for offer 777; map it to a plan, then retry")
    assert Payment.objects.get().external_id == "43"
    assert Contact.objects.get().email == "jane@example.com"
    assert {effect.description for effect in event.effects.all()} >= {"contact created", "charge recorded"}


def test_order_is_recorded_with_its_lines(deliver: Any, kajabi: FakeKajabi) -> None:
    kajabi.add(
        records.order("51", customer_id="21", order_items=("61",)),
        records.order_item("61", order_id="51", offer_id=OFFER),
    )
    event = deliver("order_created", records.order("51", customer_id="21"))
    assert event.status == "processed"
    order = Order.objects.get()
    assert (order.external_id, order.total, order.currency) == ("51", 29900, "USD")
    assert [(line.offer_id, line.quantity) for line in order.lines.all()] == [(OFFER, 1)]


def test_answers_of_a_form_belong_to_whoever_has_the_address(deliver: Any, kajabi: FakeKajabi) -> None:
    kajabi.add(
        records.form("71", title="Survey"),
        records.form_submission("81", form_id="71", email="Jane@Example.com", custom_1="blue"),
    )
    event = deliver("form_submission", records.form_submission("81", form_id="71", email="mallory@example.com"))
    assert event.status == "processed"
    submission = FormSubmission.objects.get()
    assert (submission.form_title, submission.answers["custom_1"]) == ("Survey", "blue")
    assert (submission.contact.email, Contact.objects.count()) == ("jane@example.com", 1)


def test_form_is_read_by_few_calls_though_kajabi_ignores_its_filter(deliver: Any, kajabi: FakeKajabi) -> None:
    kajabi.ignored_filters = {"email", "email_contains"}
    for number in range(300):
        kajabi.add(records.contact(str(1000 + number), email=f"somebody{number}@example.com"))
    kajabi.add(records.form("71", title="Survey"), records.form_submission("81", form_id="71", email="x@example.com"))
    assert deliver("form_submission", records.form_submission("81", form_id="71", email="")).status == "processed"
    assert len(kajabi.asked_for("/v1/contacts")) == 1


def test_form_without_an_address_is_unmatched(deliver: Any, kajabi: FakeKajabi) -> None:
    kajabi.add(records.form("71", title="Survey"), records.form_submission("81", form_id="71", email=""))
    event = deliver("form_submission", records.form_submission("81", form_id="71", email=""))
    assert event.status == "unmatched"
    assert "names no e-mail" in event.reason
