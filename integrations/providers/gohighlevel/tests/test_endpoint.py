"""POST /api/v1/webhooks/ghl: what is answered, what is kept, and what it leads to."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from accounts.people.models import Contact, ContactMapping
from integrations.inbox.models import InboxEvent
from tests.fakes.gohighlevel import FakeGoHighLevel

pytestmark = pytest.mark.django_db
CONTACT_ID = "nmFmQEsNgz6AVpgLVUJ0"


def test_app_webhook_is_stored_by_one_statement_and_answered(
    deliver: Any, sample: Any, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        answer = deliver(sample("ContactCreate__app"))
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "message": "Evento recibido",
            "event_id": "ghl_3f1b8c1a-95a4-4a3e-8a4b-7c6f1d2e9b10",
            "data": {"event_type": "ContactCreate", "status": "queued"},
        },
    )


def test_app_duplicate_is_no_conflict(deliver: Any, sample: Any) -> None:
    for name in ("ContactCreate__app", "OpportunityCreate__app"):
        payload = sample(name) | {"timestamp": timezone.now().isoformat()}
        first, again = deliver(payload).json(), deliver(payload)
        assert (again.status_code, again.json()["duplicate"]) == (200, True)
        assert (again.json()["event_id"], again.json()["message"]) == (first["event_id"], "Evento ya procesado")
    assert InboxEvent.objects.count() == 2


def test_workflow_duplicate_is_a_conflict(deliver: Any, sample: Any) -> None:
    for name in ("contact.created__sync", "contact.updated__workflow"):
        event_id = deliver(sample(name), by="token").json()["event_id"]
        again = deliver(sample(name), by="token")
        assert (again.status_code, again.json()) == (409, {"detail": f"Evento ya procesado: {event_id}"})
    assert InboxEvent.objects.count() == 2


def test_schema_error_names_the_field(deliver: Any) -> None:
    answer = deliver({"event": "contact.created", "contact": {"email": 5.5, "phone": []}}, by="token")
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", "contact", "phone"])
    assert InboxEvent.objects.get().status == "failed"


def test_sender_is_asked_to_retry_while_nothing_can_be_stored(
    deliver: Any, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(InboxEvent, "store", away)
    answer = deliver(sample("ContactCreate__app"))
    assert (answer.status_code, answer["Retry-After"]) == (429, "30")


def test_change_reported_twice_is_one_contact(deliver: Any, drain: Any, sample: Any) -> None:
    deliver(sample("ContactUpdate__app"))
    deliver(sample("ContactCreate__app"))
    drain()
    contact = Contact.objects.get()
    assert (contact.email, contact.name, contact.phone) == ("jane@example.com", "Jane Rivera", "+13055550100")
    assert contact.custom_fields["company"] == "Rivera Bakery"
    assert [row.tag.name for row in contact.tag_rows.all()] == ["vip"]
    assert ContactMapping.objects.get(provider="gohighlevel").external_id == CONTACT_ID


def test_signed_contact_without_the_api_is_accepted(deliver: Any, drain: Any, sample: Any) -> None:
    deliver(sample("ContactCreate__app"))
    drain()
    assert Contact.objects.get().city == "Orlando"


def test_signed_late_copy_changes_nothing(deliver: Any, drain: Any, sample: Any, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id=CONTACT_ID, email="jane@example.com", city="Tampa")
    deliver(sample("ContactUpdate__app"))
    drain()
    assert Contact.objects.get().city == "Tampa", "the copy's values are not used"
    assert [exchange.asked.path for exchange in ghl.exchanges] == [f"/contacts/{CONTACT_ID}"]


def test_unsigned_contact_is_a_hint_and_is_read(
    deliver: Any, drain: Any, travel: Any, sample: Any, ghl: FakeGoHighLevel
) -> None:
    ghl.add_contact(id=CONTACT_ID, email="jane@example.com", firstName="Jane", city="Tampa", tags=["vip"])
    deliver(sample("contact.updated__workflow"), by="token")
    drain()
    travel(timedelta(minutes=1))
    drain()
    assert InboxEvent.objects.get().status == "processed"
    contact = Contact.objects.get()
    assert (contact.city, contact.address_line_1) == ("Tampa", "")
    assert [exchange.asked.path for exchange in ghl.exchanges] == [f"/contacts/{CONTACT_ID}"]


def test_unsigned_contact_that_does_not_exist_is_not_accepted(
    deliver: Any, drain: Any, sample: Any, ghl: FakeGoHighLevel
) -> None:
    deliver(sample("contact.updated__workflow"), by="token")
    drain()
    assert Contact.objects.count() == 0
    assert len(ghl.exchanges) == 1


def test_unsigned_contact_without_an_id_is_accepted_by_its_token(
    deliver: Any, drain: Any, sample: Any, ghl: FakeGoHighLevel
) -> None:
    deliver(sample("contact.created__sync"), by="token")
    drain()
    assert Contact.objects.get().city == "Orlando"
    assert ghl.exchanges == []


def test_each_notice_is_a_new_event_and_refreshes_the_contact(
    deliver: Any, drain: Any, travel: Any, ghl: FakeGoHighLevel
) -> None:
    contact = ghl.add_contact(id="c1", email="jane@example.com")
    for number, city in enumerate(["Tampa", "Orlando"]):
        contact["city"] = city
        assert deliver({"event": "contact.updated", "contact": {"id": "c1"}}, by="token").status_code == 200
        travel(timedelta(minutes=2 * number + 1))
        drain()
        travel(timedelta(minutes=2 * number + 2))
        drain()
        assert Contact.objects.get().city == city
    assert InboxEvent.objects.get().duplicates == 1


def test_value_changed_back_is_three_events(deliver: Any, drain: Any, travel: Any, sample: Any) -> None:
    payload = sample("contact.created__sync") | {"event": "contact.updated"}
    statuses = []
    for minute, city in enumerate(["Orlando", "Tampa", "Orlando"]):
        travel(timedelta(minutes=minute))
        contact = payload["contact"] | {"city": city}
        statuses.append(deliver(payload | {"contact": contact}, by="token").status_code)
        drain()
    assert statuses == [200, 200, 200]
    assert Contact.objects.get().city == "Orlando"
