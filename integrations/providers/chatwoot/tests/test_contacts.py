"""Account webhooks about contacts: they land in their company, with the id that Chatwoot gives them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.people.models import Company, Contact, ContactMapping
from integrations.contracts.events import CompanyReported, ContactReported
from integrations.contracts.exceptions import Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.inbox.models import InboxEvent
from integrations.providers.chatwoot.provider import PROVIDER
from integrations.providers.chatwoot.webhooks import read

RECEIVED = datetime(2026, 3, 2, 10, 31, tzinfo=UTC)


def parsed(payload: Any) -> Any:
    envelope = read(payload)
    stored = StoredWebhook(
        endpoint="account",
        event_type=envelope.event_type,
        external_id=envelope.external_id,
        payload=payload,
        received_at=RECEIVED,
    )
    return PROVIDER.parse(stored)


def test_contact_reports_its_company_too(fixture: Any) -> None:
    assert parsed(fixture("contact_created__account_webhook")) == [
        CompanyReported(occurred_at=RECEIVED, account_id="123", name="Test Company S.A."),
        ContactReported(
            occurred_at=RECEIVED,
            email="jane@example.com",
            identities={"contact": "4501"},
            company="123",
            fields={"first_name": "Jane", "last_name": "Doe", "phone": "+51 1 555 0100", "city": "Lima",
                    "country": "Peru"},
            custom_fields={"plan": "gold"},
            is_whole=True,
        ),
    ]  # fmt: skip


def test_empty_value_clears_the_field_and_missing_one_leaves_it(fixture: Any) -> None:
    _company, contact = parsed(fixture("contact_updated__account_webhook"))
    assert contact.fields == {"first_name": "Jane", "last_name": "Doe-Roe", "phone": ""}
    assert contact.custom_fields == {"plan": "gold", "chatwoot_identifier": "crm-77"}


def test_time_in_the_payload_counts_unless_it_is_still_to_come(fixture: Any) -> None:
    payload = fixture("contact_created__account_webhook")
    assert parsed(payload | {"updated_at": "2026-03-02T10:00:00Z"})[1].occurred_at.hour == 10
    assert parsed(payload | {"updated_at": "2026-03-02T10:00:00Z"})[1].occurred_at.minute == 0
    assert parsed(payload | {"updated_at": "2030-01-01T00:00:00Z"})[1].occurred_at == RECEIVED


def test_contact_without_an_id_cannot_be_read() -> None:
    with pytest.raises(Unreadable, match="names no contact"):
        parsed({"event": "contact_created", "email": "jane@example.com"})


@pytest.mark.django_db
def test_contact_lands_in_its_company_whose_own_webhook_was_lost(tell: Any, fixture: Any, drain: Any) -> None:
    answer = tell(fixture("contact_created__account_webhook"), delivery="d-1")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    drain()
    contact = Contact.objects.get()
    assert contact.company == Company.objects.get(chatwoot_account_id="123")
    assert (contact.email, contact.name, contact.phone) == ("jane@example.com", "Jane Doe", "+51 1 555 0100")
    mapping = ContactMapping.objects.get()
    assert (mapping.provider, mapping.kind, mapping.external_id) == ("chatwoot", "contact", "4501")
    effects = [effect.description for effect in InboxEvent.objects.get().effects.all()]
    assert effects == ["company created", "contact created", "contact belongs to chatwoot_123"]


@pytest.mark.django_db
def test_change_changes_the_contact_and_a_copy_changes_nothing(tell: Any, fixture: Any, drain: Any) -> None:
    tell(fixture("contact_created__account_webhook"), delivery="d-1")
    drain()
    for _time in range(2):
        tell(fixture("contact_updated__account_webhook"), delivery="d-2")
        drain()
    contact = Contact.objects.get()
    assert (contact.name, contact.phone, contact.city) == ("Jane Doe-Roe", "", "Lima")
    assert InboxEvent.objects.get(key="delivery:d-2").duplicates == 1


@pytest.mark.django_db
def test_visitor_without_an_email_is_a_contact(tell: Any, drain: Any) -> None:
    tell({"event": "contact_created", "id": 9, "name": "red-sky-12", "email": None, "account": {"id": 5, "name": "S"}})
    drain()
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name, str(contact.company)) == ("", "red-sky-12", "S")


@pytest.mark.django_db
def test_one_address_in_two_accounts_is_two_contacts_and_a_question_for_staff(
    tell: Any, fixture: Any, drain: Any
) -> None:
    tell(fixture("contact_created__account_webhook"))
    tell(fixture("contact_created__account_webhook") | {"id": 4502, "account": {"id": 124, "name": "Other"}})
    drain()
    belongs = {(row.external_id, row.contact.company.company_id) for row in ContactMapping.objects.all()}
    assert belongs == {("4501", "chatwoot_123"), ("4502", "chatwoot_124")}
    assert Contact.objects.first().possible_duplicates.count() == 1  # type: ignore[union-attr]


@pytest.mark.django_db
def test_account_event_is_accepted_at_the_endpoint_of_account_webhooks_too(tell: Any, fixture: Any, drain: Any) -> None:
    tell(fixture("account_updated__installation"))
    drain()
    assert Company.objects.get().name == "Test Company International"


@pytest.mark.django_db
def test_event_without_a_name_is_unreadable(tell: Any) -> None:
    answer = tell({"id": 5})
    assert answer.status_code == 400
    assert "no event" in answer.json()["detail"]
