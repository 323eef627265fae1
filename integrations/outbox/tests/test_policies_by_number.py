"""A policy event names a number and nobody: NowCerts is asked whose it is, and the opportunity is made at that person.

The event is the one of the sync's specification, word for word.
"""

from datetime import timedelta
from typing import Any

import pytest

from accounts.commerce.models import Policy
from accounts.people.models import Contact, ContactMapping
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from tests.harness.fake_sides import NOWCERTS_HOOK
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz"}
BEN = {"eMail": "ben@example.com", "firstName": "Ben", "lastName": "Soto"}
EVENT: dict[str, Any] = {
    "event_type": "POLICY_INSERT",
    "data": {
        "policyNumber": "POL-12345",
        "policyType": "Auto",
        "premium": 1200.00,
        "carrier": "State Farm",
        "effectiveDate": "2024-02-01",
        "expirationDate": "2025-02-01",
    },
}
# The policy of the event as NowCerts lists it.
LISTED = {
    "number": "POL-12345",
    "lineOfBusinessName": "Auto",
    "premium": 1200.0,
    "carrierName": "State Farm",
    "effectiveDate": "2024-02-01T00:00:00",
    "expirationDate": "2025-02-01T00:00:00",
}
RENEWED = LISTED | {
    "premium": 1300.0,
    "effectiveDate": "2025-02-01T00:00:00",
    "expirationDate": "2026-02-01T00:00:00",
}
DETAILS = ("policy_number", "carrier", "effective_date", "expiration_date")


@pytest.fixture(autouse=True)
def _fields_of_opportunities(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    sides.ghl.custom_fields[:] = [
        {
            "id": f"of_{name}",
            "name": name,
            "fieldKey": f"opportunity.{name}",
            "dataType": "TEXT",
            "model": "opportunity",
        }
        for name in DETAILS
    ]


def told(**changes: Any) -> dict[str, Any]:
    """The event with other values in its record; None leaves one out."""
    event_type = changes.pop("event_type", EVENT["event_type"])
    record = {name: value for name, value in (EVENT["data"] | changes).items() if value is not None}
    return {"event_type": event_type, "data": record}


def deliver(sides: HeldSides, event: dict[str, Any]) -> Any:
    answer = sides.deliver((NOWCERTS_HOOK, event))
    assert answer.status_code in (200, 409), answer.content
    return answer


def listed(sides: HeldSides, insured: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A policy of this insured at NowCerts, of which no webhook tells."""
    policy = sides.nowcerts.add_policy(**LISTED | fields, insuredDatabaseId=insured["id"])
    sides.hooks.clear()
    return policy


def the(records: dict[str, Any]) -> Any:
    assert len(records) == 1, records
    return next(iter(records.values()))


def deals(sides: HeldSides) -> list[tuple[str, float, str]]:
    """The opportunities: name, value and the e-mail of whose they are."""
    return sorted(
        (one["name"], one["monetaryValue"], sides.ghl.contacts[one["contactId"]]["email"])
        for one in sides.ghl.opportunities.values()
    )


def asked_for_number(sides: HeldSides) -> list[str]:
    asked = sides.nowcerts.asked_for("/api/PolicyDetailList()")
    return [filters for one in asked if "number" in (filters := dict(one.query)["$filter"])]


def test_policy_event_as_specified_makes_the_contact_and_the_opportunity(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    policy = listed(sides, insured)
    deliver(sides, EVENT)
    sides.settle()
    contact, opportunity = the(sides.ghl.contacts), the(sides.ghl.opportunities)
    assert (contact["email"], contact["firstName"]) == ("ana@example.com", "Ana")
    assert (opportunity["name"], opportunity["monetaryValue"]) == ("Auto Policy - POL-12345", 1200)
    assert opportunity["contactId"] == contact["id"]
    assert (opportunity["pipelineId"], opportunity["pipelineStageId"]) == ("pipe1", "stage1")
    assert {one["id"].removeprefix("of_"): one["fieldValue"] for one in opportunity["customFields"]} == {
        "policy_number": "POL-12345",
        "carrier": "State Farm",
        "effective_date": "2024-02-01",
        "expiration_date": "2025-02-01",
    }
    assert asked_for_number(sides) == ["(number eq 'POL-12345')"]
    assert Policy.objects.get().external_id == policy["id"]


def test_policy_event_of_a_known_contact_uses_their_record(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    listed(sides, insured)
    deliver(sides, EVENT)
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1200, "ana@example.com")]
    assert (Contact.objects.count(), len(sides.ghl.contacts)) == (1, 1)


@pytest.mark.parametrize("event_type", ["QUOTE_INSERT", "QUOTE_UPDATE"])
def test_quote_event_finds_the_quote_and_not_the_policy_of_that_number(sides: HeldSides, event_type: str) -> None:
    listed(sides, sides.nowcerts.add_insured(**BEN))
    listed(sides, sides.nowcerts.add_insured(**ANA), isQuote=True)
    deliver(sides, told(event_type=event_type))
    sides.settle()
    assert deals(sides) == [("Auto Quote - POL-12345", 1200, "ana@example.com")]


def test_policy_event_sent_twice_makes_one_opportunity(sides: HeldSides) -> None:
    listed(sides, sides.nowcerts.add_insured(**ANA))
    assert [deliver(sides, EVENT).status_code for _time in range(2)] == [200, 409]
    sides.settle()
    assert len(sides.ghl.opportunities) == 1


def test_update_event_changes_the_opportunity_that_the_insert_made(sides: HeldSides) -> None:
    policy = listed(sides, sides.nowcerts.add_insured(**ANA))
    deliver(sides, EVENT)
    sides.settle()
    sides.nowcerts.edit_policy(policy["id"], premium=1350.5)
    sides.hooks.clear()
    deliver(sides, told(event_type="POLICY_UPDATE", premium=1350.5))
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1350.5, "ana@example.com")]


@pytest.mark.parametrize("number", ["O'Neil's 7", "POL 12 345", "000123", "A&B=1/2 #+%", "Ñ-7"])
def test_number_with_quotes_spaces_zeros_and_signs_is_found_as_it_is(sides: HeldSides, number: str) -> None:
    sides.nowcerts.compares_case = True
    listed(sides, sides.nowcerts.add_insured(**BEN), number=number.replace(" ", "").lstrip("0") + "x")
    listed(sides, sides.nowcerts.add_insured(**ANA), number=number)
    deliver(sides, told(policyNumber=number))
    sides.settle()
    assert deals(sides) == [(f"Auto Policy - {number}", 1200, "ana@example.com")]
    doubled = number.replace("'", "''")
    assert asked_for_number(sides) == [f"(number eq '{doubled}')"]


def test_number_that_another_policy_has_in_other_case_is_found_as_it_is(sides: HeldSides) -> None:
    listed(sides, sides.nowcerts.add_insured(**BEN), number="POL-123456")
    listed(sides, sides.nowcerts.add_insured(**BEN | {"eMail": "b2@example.com"}), number="pol-12345")
    listed(sides, sides.nowcerts.add_insured(**ANA))
    deliver(sides, EVENT)
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1200, "ana@example.com")]


def test_number_in_other_case_than_listed_is_found(sides: HeldSides) -> None:
    listed(sides, sides.nowcerts.add_insured(**ANA), number="pol-12345")
    deliver(sides, EVENT)
    sides.settle()
    assert deals(sides) == [("Auto Policy - pol-12345", 1200, "ana@example.com")]


def test_event_before_its_policy_is_listed_is_tried_again(sides: HeldSides) -> None:
    deliver(sides, EVENT)
    sides.drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.last_error) == (
        Status.PENDING,
        "NowCerts has no policy or quote with the number POL-12345 (State Farm, 2024-02-01 to 2025-02-01)",
    )
    listed(sides, sides.nowcerts.add_insured(**ANA))
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1200, "ana@example.com")]


def test_policy_that_is_never_listed_fails_after_ten_minutes_and_says_what_was_looked_for(sides: HeldSides) -> None:
    deliver(sides, EVENT)
    sides.settle()
    event = InboxEvent.objects.get()
    assert event.status == Status.FAILED
    assert "the number POL-12345" in event.last_error
    assert event.finished_at is not None
    assert event.finished_at - event.received_at >= timedelta(minutes=10)
    assert (Contact.objects.count(), Policy.objects.count(), sides.ghl.opportunities) == (0, 0, {})


def test_event_before_its_insured_is_listed_is_tried_again(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    listed(sides, insured)
    hidden = sides.nowcerts.insureds.pop(insured["id"])
    deliver(sides, EVENT)
    sides.drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.last_error) == (
        Status.PENDING,
        f"policy POL-12345 belongs to {insured['id']}, whom neither NowCerts nor we know",
    )
    sides.nowcerts.insureds[insured["id"]] = hidden
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1200, "ana@example.com")]


def test_policy_of_no_insured_waits_for_staff_by_name(sides: HeldSides) -> None:
    sides.nowcerts.add_policy(**LISTED)
    sides.hooks.clear()
    deliver(sides, EVENT)
    sides.settle()
    event = InboxEvent.objects.get()
    assert (event.status, event.reason) == (
        Status.UNMATCHED,
        "policy POL-12345: nobody is named, neither by an id nor by an e-mail, and it is not known here",
    )


@pytest.mark.parametrize(("term", "value"), [(LISTED, 1200), (RENEWED, 1300)])
def test_renewal_with_the_number_of_the_term_before_is_told_apart_by_its_dates(
    sides: HeldSides, term: dict[str, Any], value: float
) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    first, second = listed(sides, insured), listed(sides, insured, **RENEWED)
    dates = {name: str(term[name])[:10] for name in ("effectiveDate", "expirationDate")}
    deliver(sides, told(**dates))
    sides.settle()
    assert Policy.objects.get().external_id == (first if term is LISTED else second)["id"]
    assert deals(sides) == [("Auto Policy - POL-12345", value, "ana@example.com")]


def test_two_terms_of_one_number_are_two_opportunities(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    listed(sides, insured)
    deliver(sides, EVENT)
    sides.settle()
    listed(sides, insured, **RENEWED)
    deliver(sides, told(effectiveDate="2025-02-01", expirationDate="2026-02-01", premium=1300))
    sides.settle()
    assert [value for _name, value, _email in deals(sides)] == [1200, 1300]


def test_number_without_dates_means_the_newest_term(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    listed(sides, insured, **RENEWED)
    listed(sides, insured)
    deliver(sides, told(effectiveDate=None, expirationDate=None))
    sides.settle()
    assert [value for _name, value, _email in deals(sides)] == [1300]


def test_renewal_that_is_not_listed_yet_does_not_change_the_term_before(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    listed(sides, insured)
    deliver(sides, told(effectiveDate="2025-02-01", expirationDate="2026-02-01"))
    sides.drain()
    assert InboxEvent.objects.get().last_error == (
        "NowCerts has no policy or quote with the number POL-12345 (State Farm, 2025-02-01 to 2026-02-01), "
        "but for 2024-02-01 to 2025-02-01"
    )
    listed(sides, insured, **RENEWED)
    sides.settle()
    assert [value for _name, value, _email in deals(sides)] == [1300]


def test_number_that_another_carrier_gave_to_somebody_else_is_told_apart_by_the_carrier(sides: HeldSides) -> None:
    listed(sides, sides.nowcerts.add_insured(**BEN), carrierName="Another Mutual")
    listed(sides, sides.nowcerts.add_insured(**ANA))
    deliver(sides, EVENT)
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1200, "ana@example.com")]


def test_number_of_two_insureds_is_a_question_that_names_both(sides: HeldSides) -> None:
    ana, ben = sides.nowcerts.add_insured(**ANA), sides.nowcerts.add_insured(**BEN)
    policies = [listed(sides, ana), listed(sides, ben)]
    deliver(sides, EVENT)
    sides.settle()
    event = InboxEvent.objects.get()
    assert event.status == Status.UNMATCHED
    for fact in ("POL-12345", f"Ana Ruiz (insured {ana['id']})", f"Ben Soto (insured {ben['id']})"):
        assert fact in event.reason
    assert all(policy["id"] in event.reason for policy in policies)
    assert (Policy.objects.count(), Contact.objects.count(), sides.ghl.opportunities) == (0, 0, {})


def test_number_of_two_insureds_is_the_ones_whose_address_is_named(sides: HeldSides) -> None:
    listed(sides, sides.nowcerts.add_insured(**ANA))
    listed(sides, sides.nowcerts.add_insured(**BEN))
    deliver(sides, told(insuredEmail="BEN@example.com"))
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1200, "ben@example.com")]


def test_event_with_an_address_that_contradicts_the_list_believes_the_list(sides: HeldSides) -> None:
    """Whoever has the token could name anybody."""
    listed(sides, sides.nowcerts.add_insured(**ANA))
    deliver(sides, told(insuredEmail="ben@example.com"))
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1200, "ana@example.com")]


def test_event_with_an_insureds_id_and_a_number_reads_both(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    listed(sides, insured)
    deliver(sides, told(insuredDatabaseId=insured["id"]))
    sides.settle()
    assert deals(sides) == [("Auto Policy - POL-12345", 1200, "ana@example.com")]
    assert ContactMapping.objects.get(provider="nowcerts", kind="contact").external_id == insured["id"]


def test_without_the_api_the_event_waits_for_staff_and_says_what_is_missing(sides: HeldSides, settings: Any) -> None:
    settings.NOWCERTS_USERNAME = settings.NOWCERTS_PASSWORD = ""
    deliver(sides, EVENT)
    sides.settle()
    event = InboxEvent.objects.get()
    assert (event.status, event.reason) == (
        Status.UNMATCHED,
        "policy POL-12345: nobody is named, neither by an id nor by an e-mail, and it is not known here; with the API "
        "of NowCerts set up it would be looked up there",
    )
