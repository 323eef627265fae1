"""Events are found under their person: by the address that they state, else by their ids."""

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.commerce.models import Policy
from accounts.people.tests.people import person
from integrations.contracts.events import (
    CompanyClosed,
    CompanyReported,
    ContactGone,
    ContactReported,
    Event,
    FormSubmitted,
    MoneyMoved,
    OrderPlaced,
    PolicyReported,
)
from integrations.contracts.membership_events import Buyer, SubscriptionCanceled
from integrations.handlers import Change, persons

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)
JANE: dict[str, Any] = {"occurred_at": NOW, "email": "Jane@Example.com"}
BY_ID: dict[str, Any] = {"occurred_at": NOW, "identities": {"customer": "9"}}
ORDER: dict[str, Any] = {"external_id": "1", "currency": "USD", "total": 1}
MONEY: dict[str, Any] = {"external_id": "1", "currency": "USD", "amount": 1, "kind": "charge"}


@pytest.mark.parametrize(
    "event",
    [
        SubscriptionCanceled(occurred_at=NOW, buyer=Buyer(email="Jane@Example.com")),
        ContactReported(**JANE),
        OrderPlaced(**JANE, **ORDER),
        MoneyMoved(**JANE, **MONEY),
        FormSubmitted(**JANE, external_id="1"),
        PolicyReported(**JANE, external_id="1", currency="USD"),
        CompanyReported(occurred_at=NOW, account_id="1", administrators=({"name": "x"}, {"email": "Jane@Example.com"})),
    ],
    ids=lambda event: type(event).__name__,
)
def test_person_is_found_by_the_address_in_the_event(event: Event) -> None:
    assert persons.stated_email([CompanyClosed(occurred_at=NOW, account_id="1"), event]) == "jane@example.com"


@pytest.mark.parametrize(
    "event",
    [
        ContactReported(**BY_ID),
        OrderPlaced(**BY_ID, **ORDER),
        MoneyMoved(**BY_ID, **MONEY),
        FormSubmitted(**BY_ID, external_id="1"),
        PolicyReported(**BY_ID, external_id="1", currency="USD"),
        ContactGone(occurred_at=NOW, contact_id="5"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_person_of_an_event_with_an_id_alone_is_found_by_the_id(event: Event) -> None:
    jane = person("jane@example.com", ids={"contact": "5", "customer": "9"})
    assert persons.stated_email([event]) == ""
    assert persons.known_email([event], [], provider="kajabi") == jane.email
    assert persons.known_email([event], [], provider="nowcerts") == "", "the ids of another provider are other ids"


def test_person_of_a_policy_that_is_known_by_its_number_is_the_policys_contact() -> None:
    jane = person("jane@example.com")
    policy = Policy.objects.create(contact=jane, provider="nowcerts", number="P-1", currency="USD", reported_at=NOW)
    event = PolicyReported(occurred_at=NOW, external_id="", number="P-1", currency="USD")
    changes = [Change(description="policy changed", target=policy)]
    assert persons.known_email([event], changes, provider="nowcerts") == "jane@example.com"


@pytest.mark.parametrize("event", [CompanyClosed(occurred_at=NOW, account_id="1"), ContactReported(**BY_ID)])
def test_event_about_an_unknown_person_has_no_person(event: Event) -> None:
    assert (persons.stated_email([event]), persons.known_email([event], [], provider="kajabi")) == ("", "")


@pytest.mark.parametrize("email", ["no address", "x" * 500])
def test_invalid_email_is_stored_as_it_is(email: str) -> None:
    event = CompanyReported(occurred_at=NOW, account_id="1", administrators=({"email": email},))
    assert persons.stated_email([event]) == email[:254]
