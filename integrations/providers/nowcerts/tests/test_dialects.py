"""Each dialect of NowCerts' webhooks, read into exact events."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from integrations.contracts.events import ContactReported, Event, PolicyReported
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.nowcerts import webhooks
from integrations.providers.nowcerts.provider import PROVIDER
from tests.fakes.nowcerts import FakeNowCerts

RECEIVED = datetime(2026, 3, 2, 10, 31, tzinfo=UTC)
SAID = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
INSURED = "5b1d7c1e-6f0a-4a63-9c52-0d8a1f0b7e01"
ADDRESS = {"address_line_1": "123 Main St", "city": "Miami", "state": "FL", "postal_code": "33101"}
NAMES = {"first_name": "Jane", "last_name": "Rivera"}


def read(payload: Mapping[str, Any], received_at: datetime = RECEIVED) -> Event:
    """Return the event of a payload, read as the inbox does: the envelope, then the event."""
    envelope = webhooks.read(payload)
    (event,) = PROVIDER.parse(
        StoredWebhook(
            endpoint="webhooks",
            event_type=envelope.event_type,
            external_id=envelope.external_id,
            payload=payload,
            received_at=received_at,
        )
    )
    return event


def test_sync_dialect_is_read(sample: Any) -> None:
    assert read(sample("INSURED_INSERT__sync")) == ContactReported(
        occurred_at=SAID,
        email="jane@example.com",
        identities={"email": "jane@example.com"},
        fields={**NAMES, "phone": "+13055550100", **ADDRESS},
    )


def test_insured_with_an_id_and_every_field_is_read(sample: Any) -> None:
    assert read(sample("INSURED_UPDATE__sync_with_id")) == ContactReported(
        occurred_at=RECEIVED,
        email="jane@example.com",
        aliases=("jane.rivera@example.com",),
        phones=("+13055550199",),
        identities={"contact": INSURED},
        fields={**NAMES, "phone": "+13055550100", **ADDRESS, "address_line_2": "Apt 4"},
        custom_fields={
            "middle_name": "Q.",
            "cell_phone": "+13055550199",
            "date_of_birth": "1990-05-17",
            "source": "Website",
            "nowcerts:Preferred language": "Spanish",
        },
    )


def test_notice_has_the_insured_and_no_values(sample: Any, nowcerts: FakeNowCerts) -> None:
    payload = sample("INSURED_UPDATE__notice")
    assert read(payload) == ContactReported(occurred_at=RECEIVED, identities={"contact": INSURED})
    assert webhooks.read(payload).is_notice


def test_zapier_record_without_an_event_name_is_read(sample: Any) -> None:
    payload = sample("PROSPECT_UPDATE__zapier")
    assert webhooks.read(payload).event_type == "PROSPECT_UPDATE"
    assert read(payload) == ContactReported(
        occurred_at=datetime(2026, 3, 2, 10, 29, 58, tzinfo=UTC),
        email="jane@example.com",
        identities={"contact": INSURED},
        fields={**NAMES, "phone": "+13055550100", **ADDRESS},
        custom_fields={"company": "Rivera Bakery"},
        changed_at=datetime(2026, 3, 2, 10, 29, 58, tzinfo=UTC),
    )


def test_policy_with_its_amounts_and_dates_is_read(sample: Any) -> None:
    assert read(sample("POLICY_INSERT__sync")) == PolicyReported(
        occurred_at=SAID,
        external_id="",
        email="jane@example.com",
        identities={"contact": INSURED},
        number="POL-12345",
        line_of_business="Auto",
        carrier="Sample Mutual",
        premium=120_000,
        currency="USD",
        effective_on=date(2026, 4, 1),
        expires_on=date(2027, 4, 1),
    )


def test_zapier_quote_is_read(sample: Any) -> None:
    assert read(sample("QUOTE_UPDATE__zapier")) == PolicyReported(
        occurred_at=RECEIVED,
        external_id="0c9e7a44-2d35-4f07-a3a1-91f3c5b8de03",
        email="jane@example.com",
        identities={"contact": INSURED},
        is_quote=True,
        number="Q-77",
        line_of_business="Homeowners",
        carrier="Sample Mutual",
        premium=231_050,
        currency="USD",
        effective_on=date(2026, 4, 1),
        expires_on=date(2027, 4, 1),
    )


@pytest.mark.parametrize(
    ("name", "external_id"),
    [("POLICY_UPDATE__notice", "8f6f3c52-4c1f-4b0e-8b8e-6a2f3e1d9c02"), ("INSURED_UPDATE__notice", INSURED)],
)
def test_notice_without_the_api_is_unmatched(sample: Any, name: str, external_id: str) -> None:
    envelope = webhooks.read(sample(name))
    assert (envelope.external_id, envelope.is_notice, envelope.record) == (external_id, True, "")
    with pytest.raises(Unmatched, match="only names a record"):
        read(sample(name))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("INSURED_INSERT", "INSURED_INSERT"),
        ("InsuredUpdate", "INSURED_UPDATE"),
        ("insured.created", "INSURED_INSERT"),
        ("Policy Changed", "POLICY_UPDATE"),
        ("QuoteInsert", "QUOTE_INSERT"),
        ("prospect_deleted", "PROSPECT_DELETE"),
        (32, "INSURED_UPDATE"),
        ("4", "POLICY_UPDATE"),
        ("TASK_INSERT", "TASK_INSERT"),
        ("99", "99"),
    ],
)
@pytest.mark.parametrize("name", ["event_type", "EventType", "event"])
def test_event_is_known_under_each_of_its_names(given: Any, meant: str, name: str) -> None:
    payload = {name: given, "data": {"email": "jane@example.com", "policyNumber": "POL-1"}}
    assert webhooks.read(payload).event_type == meant


@pytest.mark.parametrize(
    ("payload", "at"),
    [
        ({}, ("event_type",)),
        ({"event_type": ""}, ("event_type",)),
        ({"event_type": ["INSURED_INSERT"]}, ("event_type",)),
        ({"event_type": True}, ("event_type",)),
        ({"event_type": "INSURED_INSERT", "data": []}, ("data",)),
        ({"event_type": "INSURED_INSERT", "data": ["x"]}, ("data",)),
        ({"event_type": "INSURED_INSERT", "data": {"firstName": "Jane"}}, ("data", "email")),
        ({"event_type": "INSURED_INSERT", "data": {"email": {"home": "x"}}}, ("data", "eMail")),
        ({"event_type": "INSURED_INSERT", "data": {"address": {"city": []}}}, ("data", "address", "city")),
        ({"event_type": "POLICY_INSERT", "data": {"premium": 5}}, ("data", "policyNumber")),
        ({"event_type": "POLICY_INSERT", "data": {"policyNumber": "1", "premium": "much"}}, ("data", "premium")),
        ({"event_type": "POLICY_INSERT", "data": {"policyNumber": "1", "premium": "1e40"}}, ("data", "premium")),
        ({"event_type": "QUOTE_UPDATE", "data": {"number": "1", "effectiveDate": "soon"}}, ("data", "effectiveDate")),
    ],
)
def test_unreadable_field_is_named(payload: dict[str, Any], at: tuple[str, ...]) -> None:
    with pytest.raises(Unreadable) as caught:
        webhooks.read(payload)
    assert caught.value.at == at


@pytest.mark.parametrize(
    ("written", "cents"), [(1200.0, 120_000), ("1200", 120_000), ("$1,200.50", 120_050), (0, 0), (-15.25, -1_525)]
)
def test_premium_is_an_integer_of_cents(written: Any, cents: int) -> None:
    event = read({"event_type": "POLICY_UPDATE", "data": {"policyNumber": "1", "premium": written, "eMail": "j@x.com"}})
    assert isinstance(event, PolicyReported)
    assert event.premium == cents


def test_future_date_is_no_later_than_the_receipt(sample: Any) -> None:
    payload = sample("INSURED_INSERT__sync") | {"timestamp": "2027-01-01T00:00:00Z"}
    assert read(payload).occurred_at == RECEIVED


def test_digest_follows_the_protocol(sample: Any) -> None:
    """Worked out apart: sha256 of the JSON of source and of the payload's sorted JSON."""
    payload = {"event_type": "INSURED_INSERT", "data": {"firstName": "Duplicate", "email": "duplicate@example.com"}}
    envelope = webhooks.read(payload)
    assert envelope.key == "nowcerts_fed6ba238708b8ba156cb6d9e29f71353baef0b199aea66ecd9ec63828b4528e"
    assert envelope.record == "insured:duplicate@example.com"
    assert webhooks.read(dict(reversed(payload.items()))).key == envelope.key


def test_only_undated_payload_is_compared_with_the_last_event(sample: Any) -> None:
    assert webhooks.read(sample("INSURED_INSERT__sync")).record == ""
    assert webhooks.read(sample("INSURED_UPDATE__sync_with_id")).record == f"insured:{INSURED}"
    assert webhooks.read(sample("INSURED_UPDATE__notice")).record == ""


def test_handled_and_ignored_types_are_distinct() -> None:
    kinds = {f"{kind}_{verb}" for kind in ("INSURED", "PROSPECT", "POLICY", "QUOTE") for verb in ("INSERT", "UPDATE")}
    assert PROVIDER.handled == kinds | {"INSURED_DELETE", "PROSPECT_DELETE"}
    assert not PROVIDER.handled & set(PROVIDER.ignored)
