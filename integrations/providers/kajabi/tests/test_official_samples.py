"""Kajabi's own samples, where they lie beside the repository (they are not ours to copy)."""

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Contact, FormSubmission, Order, Payment, Plan, PlanOffer, Subscription, User

ROOT = Path(__file__).resolve().parents[4]
SAMPLES = ROOT.parent / "shared" / "contracts" / "kajabi"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="Kajabi's samples do not lie beside the repository"),
]


def sample(name: str) -> dict[str, Any]:
    resources = json.loads((SAMPLES / f"{name}_sample.json").read_text(encoding="utf-8"))
    return {"id": "0", "event": name, "payload": resources}


def test_the_sample_of_a_purchase_is_unmatched_until_its_offer_zero_is_mapped(process: Any, drain: Any) -> None:
    event = process(sample("purchase"), "/kajabi-webhook")
    assert (event.status, event.reason) == ("unmatched", "no plan for offer 0; map it to a plan, then retry")

    PlanOffer.objects.create(plan=Plan.objects.get(code="nssa_annual"), external_id="0")
    event.requeue()
    drain()
    event.refresh_from_db()
    assert event.status == "processed"
    user = User.objects.get()
    assert (user.email, user.first_name, user.last_name) == ("john.doe@example.com", "John", "Doe")
    assert user.identities.count() == 0, "the id 0 is everybody's"
    assert Subscription.objects.get().started_at.isoformat() == "2025-07-31T16:59:27.580000+00:00"


def test_the_sample_of_a_payment_is_a_charge_of_ten_dollars(process: Any) -> None:
    event = process(sample("payment_succeeded"), "/kajabi-webhook")
    assert event.status == "processed"
    payment = Payment.objects.get()
    assert (payment.kind, payment.amount, payment.currency, payment.external_id) == ("charge", 1000, "USD", "0")
    assert (payment.contact.email, payment.contact.name) == ("john.doe@example.com", "John Doe")
    assert User.objects.count() == 0, "it does not say what was paid for"


def test_the_sample_of_an_order_has_its_line_and_its_payment(process: Any) -> None:
    assert process(sample("order_created"), "/kajabi-webhook").status == "processed"
    order = Order.objects.get()
    assert (order.total, order.tax, order.discount, order.currency) == (1000, 200, 0, "USD")
    line = order.lines.get()
    assert (line.title, line.offer_id, line.quantity, line.total) == ("Kajabi Test Offer", "0", 1, 1000)
    assert Payment.objects.get().order_id_there == "0"


def test_the_sample_of_a_form_makes_a_lead_with_its_answers(process: Any) -> None:
    assert process(sample("form_submission"), "/kajabi-webhook").status == "processed"
    submission = FormSubmission.objects.get()
    assert (submission.form_title, submission.contact.email) == ("Sample Form", "john.doe@example.com")
    assert submission.answers["name"] == "John Doe"


def test_the_samples_of_a_tag_add_it_and_take_it_away(process: Any) -> None:
    assert process(sample("tag_added"), "/kajabi-webhook").status == "processed"
    contact = Contact.objects.get()
    assert (contact.email, contact.name, contact.phone) == ("sample@example.com", "Sample Recipient", "5555555555")
    assert (contact.city, contact.postal_code, contact.subscribed) == ("Kajabiwood", "99999", False)
    assert [(row.tag.name, row.is_present) for row in contact.tag_rows.all()] == [("Tag", True)]
    assert contact.mappings.count() == 0, "the id 0 is everybody's"

    assert process(sample("tag_removed"), "/kajabi-webhook").status == "processed"
    assert [(row.tag.name, row.is_present) for row in contact.tag_rows.all()] == [("Tag", False)]
    assert Contact.objects.count() == 1
