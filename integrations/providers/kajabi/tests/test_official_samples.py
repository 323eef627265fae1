"""Kajabi's own samples, where they lie beside the repository (not ours to copy): as they are, and made real."""

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.commerce.models import FormSubmission, Order, Payment
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, PlanOffer, Subscription
from accounts.people.models import Contact, User

ROOT = Path(__file__).resolve().parents[4]
_PLACE = Path("shared") / "contracts" / "kajabi"
SAMPLES = next((above / _PLACE for above in ROOT.parents if (above / _PLACE).is_dir()), ROOT / _PLACE)
EVENTS = ("purchase", "payment_succeeded", "order_created", "form_submission", "tag_added", "tag_removed")
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="Kajabi's samples do not lie beside the repository"),
]


def sample(name: str) -> dict[str, Any]:
    resources = json.loads((SAMPLES / f"{name}_sample.json").read_text(encoding="utf-8"))
    return {"id": "0", "event": name, "payload": resources}


def real(name: str) -> dict[str, Any]:
    """The sample as Kajabi would send it about something that it has: with the id 7 in place of 0."""
    text = json.dumps(sample(name)).replace('"id": "0"', '"id": "7"').replace('"item_id": 0', '"item_id": 7')
    return dict(json.loads(text))


@pytest.mark.parametrize("name", EVENTS)
def test_sample_is_a_test_delivery_that_leads_to_nothing(name: str, process: Any) -> None:
    event = process(sample(name), "/kajabi-webhook")
    assert (event.status, event.reason, event.attempts) == ("ignored", "a test delivery", 0)
    assert not Contact.objects.exists()
    assert not EmailMessage.objects.exists()


@pytest.mark.parametrize("name", EVENTS)
def test_sample_in_which_one_thing_is_real_is_no_test_delivery(name: str, receive: Any) -> None:
    for place in range(len(sample(name)["payload"])):
        body = sample(name)
        body["payload"][place]["id"] = 7
        assert receive(body, "/kajabi-webhook").status == "pending"


def test_real_purchase_is_unmatched_until_its_offer_is_mapped(process: Any, drain: Any) -> None:
    event = process(real("purchase"), "/kajabi-webhook")
    assert (event.status, event.reason) == (
        "unmatched",
        "no plan for offer 7 (Kajabi Test Offer); map it to a plan, then retry",
    )

    PlanOffer.objects.create(plan=Plan.objects.get(code="nssa_annual"), external_id="7")
    event.requeue()
    drain()
    event.refresh_from_db()
    assert event.status == "processed"
    user = User.objects.get()
    assert (user.email, user.first_name, user.last_name) == ("john.doe@example.com", "John", "Doe")
    assert user.contact.mappings.get(kind="customer").external_id == "7"
    assert Subscription.objects.get().started_at.isoformat() == "2025-07-31T16:59:27.580000+00:00"


def test_real_payment_is_a_charge_of_ten_dollars(process: Any) -> None:
    event = process(real("payment_succeeded"), "/kajabi-webhook")
    assert event.status == "processed"
    payment = Payment.objects.get()
    assert (payment.kind, payment.amount, payment.currency, payment.external_id) == ("charge", 1000, "USD", "7")
    assert (payment.contact.email, payment.contact.name) == ("john.doe@example.com", "John Doe")
    assert User.objects.count() == 0, "it does not say what was paid for"


def test_real_order_has_its_line_and_its_payment(process: Any) -> None:
    assert process(real("order_created"), "/kajabi-webhook").status == "processed"
    order = Order.objects.get()
    assert (order.total, order.tax, order.discount, order.currency) == (1000, 200, 0, "USD")
    line = order.lines.get()
    assert (line.title, line.offer_id, line.quantity, line.total) == ("Kajabi Test Offer", "7", 1, 1000)
    assert Payment.objects.get().external_order_id == "7"


def test_real_form_makes_a_lead_with_its_answers(process: Any) -> None:
    assert process(real("form_submission"), "/kajabi-webhook").status == "processed"
    submission = FormSubmission.objects.get()
    assert (submission.form_title, submission.contact.email) == ("Sample Form", "john.doe@example.com")
    assert submission.answers["name"] == "John Doe"


def test_real_tags_are_added_and_taken_away(process: Any) -> None:
    assert process(real("tag_added"), "/kajabi-webhook").status == "processed"
    contact = Contact.objects.get()
    assert (contact.email, contact.name, contact.phone) == ("sample@example.com", "Sample Recipient", "5555555555")
    assert (contact.city, contact.postal_code, contact.subscribed) == ("Kajabiwood", "99999", False)
    assert [(row.tag.name, row.is_present) for row in contact.tag_rows.all()] == [("Tag", True)]
    assert contact.mappings.get().external_id == "7"

    assert process(real("tag_removed"), "/kajabi-webhook").status == "processed"
    assert [(row.tag.name, row.is_present) for row in contact.tag_rows.all()] == [("Tag", False)]
    assert Contact.objects.count() == 1
