"""POST /api/v1/webhooks/nowcerts: what is answered, what is kept, and what it leads to."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import Client

from accounts.commerce.models import Policy
from accounts.people.models import Contact, ContactMapping
from integrations.inbox.models import InboxEvent, LastReceived
from integrations.providers.nowcerts import webhooks
from integrations.providers.nowcerts.tests.conftest import ENDPOINT, TOKEN
from tests.fakes.nowcerts import FakeNowCerts, Reset

pytestmark = pytest.mark.django_db
INSURED = "5b1d7c1e-6f0a-4a63-9c52-0d8a1f0b7e01"
POLICY = "8f6f3c52-4c1f-4b0e-8b8e-6a2f3e1d9c02"


def insured(city: str, **changes: Any) -> dict[str, Any]:
    """An update without a date, of one insured."""
    record = {"insuredDatabaseId": INSURED, "firstName": "Jane", "eMail": "jane@example.com", "city": city}
    return {"event_type": "INSURED_UPDATE", "data": record | changes}


# Answers --------------------------------------------------------------------------------------------------------------


def test_event_is_stored_and_answered_by_the_protocol(deliver: Any, sample: Any) -> None:
    payload = sample("INSURED_INSERT__sync")
    answer = deliver(payload)
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "message": "Evento recibido",
            "event_id": webhooks.read(payload).key,
            "data": {"event_type": "INSURED_INSERT", "status": "queued"},
        },
    )
    event = InboxEvent.objects.get()
    assert (event.provider, event.event_type, event.status, event.payload) == (
        "nowcerts",
        "INSURED_INSERT",
        "pending",
        payload,
    )


@pytest.mark.parametrize("name", ["INSURED_INSERT__sync", "INSURED_UPDATE__sync_with_id"])
def test_duplicate_is_a_conflict_and_stored_once(deliver: Any, sample: Any, name: str) -> None:
    event_id = deliver(sample(name)).json()["event_id"]
    again = [deliver(sample(name)), deliver(dict(reversed(sample(name).items())))]
    assert [(answer.status_code, answer.json()) for answer in again] == [
        (409, {"detail": f"Evento ya procesado: {event_id}"})
    ] * 2
    assert InboxEvent.objects.get().duplicates == 2


def test_schema_error_names_the_field_and_is_stored_as_failed(deliver: Any) -> None:
    answer = deliver({"event_type": "INSURED_INSERT", "data": {"firstName": "Jane"}})
    assert (answer.status_code, answer.json()) == (
        422,
        {
            "detail": [
                {
                    "loc": ["body", "data", "email"],
                    "msg": "email: an e-mail, a phone or an id is expected",
                    "type": "value_error",
                }
            ]
        },
    )
    assert InboxEvent.objects.get().status == "failed"
    broken = deliver(b"{")
    assert (broken.status_code, broken.json()["detail"][0]["loc"]) == (422, ["body"])


def test_unhandled_type_is_stored_as_ignored(deliver: Any) -> None:
    answer = deliver({"event_type": "POLICY_DELETE", "data": {"policyDatabaseId": POLICY}})
    assert answer.json()["message"] == "Evento ignorado: a deletion there deletes nothing here"
    assert answer.json()["data"]["status"] == "ignored"
    assert InboxEvent.objects.get().status == "ignored"


def test_sender_is_asked_to_retry_while_nothing_can_be_stored(
    deliver: Any, sample: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(InboxEvent, "store", away)
    answer = deliver(sample("INSURED_INSERT__sync"))
    assert (answer.status_code, answer["Retry-After"]) == (429, "30")
    assert InboxEvent.objects.count() == 0


def test_only_a_signature_or_a_token_is_accepted(deliver: Any, sample: Any, settings: Any) -> None:
    payload = sample("INSURED_INSERT__sync")
    assert deliver(payload, by="nobody").status_code == 403
    settings.NOWCERTS_WEBHOOK_TOKEN = []
    assert deliver(payload).status_code == 403
    assert InboxEvent.objects.count() == 0
    assert deliver(payload, by="relay").status_code == 200
    assert InboxEvent.objects.get().is_signed


def test_token_in_the_url_is_accepted(post: Any, sample: Any) -> None:
    assert post(sample("INSURED_INSERT__sync"), f"{ENDPOINT}/{TOKEN}", sign=False).status_code == 200
    assert post(sample("INSURED_INSERT__sync"), f"{ENDPOINT}/wrong", sign=False).status_code == 403
    assert Client().get(ENDPOINT).status_code == 405


def test_accepting_takes_at_most_two_statements(deliver: Any, sample: Any, django_assert_num_queries: Any) -> None:
    deliver(sample("POLICY_INSERT__sync"))
    with django_assert_num_queries(1):
        assert deliver(sample("INSURED_INSERT__sync")).status_code == 200
    for status, statements in ((200, 2), (409, 3)):  # a copy counts for its day, too
        with django_assert_num_queries(statements):
            assert deliver(sample("INSURED_UPDATE__sync_with_id")).status_code == status


# A → B → A ------------------------------------------------------------------------------------------------------------


def test_value_changed_back_is_three_events_and_its_repetitions_none(deliver: Any, drain: Any, travel: Any) -> None:
    statuses = []
    for number, city in enumerate(["Miami", "Miami", "Tampa", "Miami", "Miami"]):
        travel(timedelta(minutes=number))
        statuses.append(deliver(insured(city), by="relay").status_code)
        drain()
    assert statuses == [200, 409, 200, 200, 409]
    assert [event.payload["data"]["city"] for event in InboxEvent.objects.order_by("pk")] == ["Miami", "Tampa", "Miami"]
    assert Contact.objects.get().city == "Miami"


def test_repetition_after_a_day_is_a_new_event(deliver: Any, travel: Any) -> None:
    deliver(insured("Miami"))
    travel(timedelta(hours=23))
    assert deliver(insured("Miami")).status_code == 409
    travel(timedelta(hours=25))
    assert deliver(insured("Miami")).status_code == 200
    assert InboxEvent.objects.count() == 2


def test_repetition_after_another_record_is_a_duplicate(deliver: Any) -> None:
    deliver(insured("Miami"))
    deliver(insured("Tampa", insuredDatabaseId=POLICY))
    assert deliver(insured("Miami")).status_code == 409


def test_event_of_a_request_that_died_is_no_duplicate_the_next_time(deliver: Any) -> None:
    envelope = webhooks.read(insured("Miami"))
    LastReceived.objects.number_of(provider="nowcerts", record=envelope.record, digest=envelope.key)
    assert deliver(insured("Miami")).status_code == 200
    assert deliver(insured("Miami")).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_same_payloads_at_once_are_one_event(deliver: Any, at_once: Any) -> None:
    deliver(insured("Tampa"))
    answers = at_once([lambda: deliver(insured("Miami")).status_code] * 6)
    assert sorted(answers) == [200, 409, 409, 409, 409, 409]
    assert InboxEvent.objects.count() == 2


# What it leads to -----------------------------------------------------------------------------------------------------


def test_insured_without_an_id_is_a_contact_whose_changes_are_applied(deliver: Any, drain: Any, sample: Any) -> None:
    payload = sample("INSURED_INSERT__sync")
    deliver(payload)
    drain()
    changed = {"event_type": "INSURED_UPDATE", "data": payload["data"] | {"phone": "305-555-0142"}}
    deliver(changed)
    drain()
    contact = Contact.objects.get()
    assert (contact.email, contact.name, contact.phone, contact.city) == (
        "jane@example.com",
        "Jane Rivera",
        "+13055550142",
        "Miami",
    )
    mapping = ContactMapping.objects.get()
    assert (mapping.kind, mapping.external_id, mapping.last_synced_values["phone"]) == (
        "email",
        "jane@example.com",
        "+13055550142",
    )


def test_unsigned_delivery_is_a_hint_and_the_insured_is_read(
    deliver: Any, drain: Any, travel: Any, nowcerts: FakeNowCerts
) -> None:
    nowcerts.add_insured(id=INSURED, firstName="Jane", lastName="Rivera", eMail="jane@example.com", city="Miami")
    deliver(insured("A forged city"))
    drain()
    travel(timedelta(minutes=1))
    drain()
    assert InboxEvent.objects.get().status == "processed"
    assert (Contact.objects.get().name, Contact.objects.get().city) == ("Jane Rivera", "Miami")


def test_each_notice_is_a_new_event_and_refreshes_the_record(
    deliver: Any, drain: Any, travel: Any, nowcerts: FakeNowCerts, sample: Any
) -> None:
    record = nowcerts.add_insured(id=INSURED, eMail="jane@example.com", city="Miami")
    for number, city in enumerate(["Miami", "Tampa", "Miami"]):
        record["city"] = city
        assert deliver(sample("INSURED_UPDATE__notice"), by="relay").status_code == 200
        travel(timedelta(minutes=2 * number + 1))
        drain()
        travel(timedelta(minutes=2 * number + 2))
        drain()
        assert Contact.objects.get().city == city
    assert InboxEvent.objects.get().duplicates == 2


def test_insured_unknown_to_nowcerts_is_retried(deliver: Any, drain: Any, nowcerts: FakeNowCerts, sample: Any) -> None:
    deliver(sample("POLICY_UPDATE__notice"))
    drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.last_error) == ("pending", f"NowCerts does not know policy {POLICY}")


def test_policy_notice_is_read_with_its_insured(deliver: Any, drain: Any, nowcerts: FakeNowCerts, sample: Any) -> None:
    nowcerts.add_insured(id=INSURED, eMail="jane@example.com")
    nowcerts.add_policy(
        id=POLICY,
        number="POL-1",
        lineOfBusinessName="Auto",
        carrierName="Sample Mutual",
        premium=1200.0,
        effectiveDate="2026-04-01T00:00:00",
        insuredDatabaseId=INSURED,
    )
    nowcerts.misbehave(Reset(), on="/api/PolicyDetailList()")
    deliver(sample("POLICY_UPDATE__notice"))
    drain()
    policy = Policy.objects.get()
    assert (policy.external_id, policy.number, policy.premium, policy.currency) == (POLICY, "POL-1", 120_000, "USD")
    assert policy.contact.email == "jane@example.com"
    assert policy.effective_on is not None
    assert policy.effective_on.isoformat() == "2026-04-01"
    assert policy.expires_on is None


def test_signed_policy_without_an_insured_is_looked_up_by_number(
    deliver: Any, drain: Any, nowcerts: FakeNowCerts, sample: Any
) -> None:
    nowcerts.add_insured(id=INSURED, eMail="jane@example.com")
    nowcerts.add_policy(id=POLICY, number="POL-12345", premium=1300.0, insuredDatabaseId=INSURED)
    payload = sample("POLICY_INSERT__sync")
    del payload["data"]["insuredDatabaseId"], payload["data"]["insuredEmail"]
    deliver(payload, by="relay")
    drain()
    policy = Policy.objects.get()
    assert (policy.external_id, policy.premium, policy.contact.email) == (POLICY, 130_000, "jane@example.com")


def test_signed_policy_with_the_id_of_its_insured_is_accepted_and_the_insured_is_read(
    deliver: Any, drain: Any, nowcerts: FakeNowCerts, sample: Any
) -> None:
    nowcerts.add_insured(id=INSURED, eMail="jane@example.com", city="Miami")
    payload = sample("POLICY_INSERT__sync")
    del payload["data"]["insuredEmail"]
    deliver(payload, by="relay")
    drain()
    policy = Policy.objects.get()
    assert (policy.number, policy.premium) == ("POL-12345", 120_000)
    assert (policy.contact.email, policy.contact.city) == ("jane@example.com", "Miami")
    assert nowcerts.asked_for("/api/PolicyDetailList()") == []


def test_signed_policy_with_the_email_of_its_insured_makes_no_call(
    deliver: Any, drain: Any, nowcerts: FakeNowCerts, sample: Any
) -> None:
    deliver(sample("POLICY_INSERT__sync"), by="relay")
    drain()
    assert Policy.objects.get().contact.email == "jane@example.com"
    assert nowcerts.asked_for("/api/PolicyDetailList()") == []


def test_insured_of_a_policy_is_a_contact_with_or_without_an_email(
    deliver: Any, drain: Any, nowcerts: FakeNowCerts, sample: Any
) -> None:
    nowcerts.add_insured(id=INSURED, firstName="Jane", lastName="Rivera", city="Miami")
    nowcerts.add_policy(id=POLICY, number="POL-1", insuredDatabaseId=INSURED)
    for _time in range(2):
        deliver(sample("POLICY_UPDATE__notice"))
        drain()
    contact = Contact.objects.get()
    assert (contact.name, contact.email, contact.city) == ("Jane Rivera", "", "Miami")
    assert Policy.objects.get().contact == contact
    assert ContactMapping.objects.get().external_id == INSURED


def test_policy_without_an_insured_is_unmatched(deliver: Any, drain: Any, sample: Any) -> None:
    payload = sample("POLICY_INSERT__sync")
    del payload["data"]["insuredDatabaseId"], payload["data"]["insuredEmail"]
    deliver(payload)
    drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.reason) == (
        "unmatched",
        "policy POL-12345: nobody is named, neither by an id nor by an e-mail, and it is not known here; with the API "
        "of NowCerts set up it would be looked up there",
    )
    assert Policy.objects.count() == 0
    assert Contact.objects.count() == 0
