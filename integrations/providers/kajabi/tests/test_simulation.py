"""Every fixture can be made somebody's own event, as `manage.py simulate` does, and is understood then."""

import json
from pathlib import Path
from typing import Any

import pytest

from accounts.commerce.models import FormSubmission, Order, Payment
from accounts.people.models import Contact
from integrations import registry
from integrations.providers.kajabi.simulation import SIMULATION

pytestmark = pytest.mark.django_db
FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.json"))
ANN = {"email": "ann@example.com", "first_name": "Ann", "last_name": "Lee"}


def personal(path: Path) -> dict[str, Any]:
    return SIMULATION.personalise(json.loads(path.read_text(encoding="utf-8")), ANN)


def url_of(payload: dict[str, Any]) -> str:
    return f"/{registry.endpoint_of('kajabi', SIMULATION.endpoint_for(payload)).path}"


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_fixture_becomes_somebodys_own_event(process: Any, path: Path) -> None:
    payload = personal(path)
    event = process(payload, url_of(payload))
    ends = {"test": "ignored", "assessment.completed": "unmatched"}  # no activity counts an assessment by itself
    assert event.status == ends.get(path.stem.split("__")[0], "processed"), event.reason
    if event.status != "ignored":
        assert event.person_email == "ann@example.com"
        people = [] if path.stem.startswith("progress") else ["ann@example.com"]  # it is kept by its address alone
        assert [str(contact) for contact in Contact.objects.all()] == people


def test_one_persons_simulated_events_stay_one_contact_with_everything(process: Any) -> None:
    for path in FIXTURES:
        if "native" in path.stem and not path.stem.startswith("tag_removed"):
            payload = personal(path)
            process(payload, url_of(payload))
    contact = Contact.objects.get()
    assert (contact.email, contact.name, contact.phone) == ("ann@example.com", "Ann Lee", "+1 207 555 0100")
    assert contact.user is not None
    assert {mapping.kind for mapping in contact.mappings.all()} == {"contact", "customer"}
    assert [row.tag.name for row in contact.tag_rows.filter(is_present=True)] == ["Annual members"]
    assert Order.objects.get().lines.get().title == "NSSA Annual Membership"
    assert Payment.objects.count() == 2, "two simulated payments"
    assert FormSubmission.objects.get().form_title == "Course Completion Form"
