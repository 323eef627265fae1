"""Kajabi's own samples, where they lie beside the repository (they are not ours to copy)."""

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Plan, PlanOffer, Subscription, User
from integrations.models import InboxEvent

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


@pytest.mark.parametrize("name", ["payment_succeeded", "order_created", "form_submission", "tag_added", "tag_removed"])
def test_the_other_samples_are_kept_as_ignored(process: Any, name: str) -> None:
    event = process(sample(name), "/kajabi-webhook")
    assert (event.event_type, event.status) == (name, "ignored")
    assert InboxEvent.objects.count() == 1
    assert User.objects.count() == 0
