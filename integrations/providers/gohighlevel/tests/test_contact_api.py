"""GoHighLevel's contacts against a fake over real HTTP: read, searched, created, changed and emptied."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.contracts.events import ContactReported
from integrations.contracts.exceptions import Gone, Permanent
from integrations.contracts.mirror import ContactApi, OutgoingCall, RemoteContact
from integrations.providers.gohighlevel import fields
from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.providers.gohighlevel.contact_api import MIRROR, GoHighLevelContacts
from integrations.providers.gohighlevel.provider import PROVIDER
from integrations.toolkit.changes import Cursor
from integrations.toolkit.failures import NotConfigured, Refused, TemporaryFailure
from tests.fakes.gohighlevel import LOCATION_ID, FakeGoHighLevel, Lost

JANE = {"email": "jane@example.com", "first_name": "Jane", "phone": "+13055550100"}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def api(client: GoHighLevelClient) -> ContactApi:
    return GoHighLevelContacts(client)


def made(api: ContactApi, values: dict[str, Any]) -> RemoteContact:
    return api.read(api.send(api.creation(values)).external_id)


def test_manifest_opens_the_api(ghl: FakeGoHighLevel) -> None:
    assert PROVIDER.mirror is MIRROR
    assert (MIRROR.own_prefix, MIRROR.source) == ("ghl:", "GHL")
    assert {"email", "country", "custom_fields.company"} <= MIRROR.fields
    ghl.add_contact(id="c1", email="jane@example.com")
    assert MIRROR.open(5).read("c1").external_id == "c1"


def test_api_that_is_not_configured_is_not_opened(settings: Any) -> None:
    settings.GHL_API_KEY = ""
    with pytest.raises(NotConfigured, match="set GHL_API_KEY"):
        MIRROR.open(5)


def test_contact_read_equals_the_report_of_its_webhook(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.now = lambda: NOON
    ghl.add_contact(id="c1", email="Jane@Example.com", city="Tampa", customFields=[{"id": "f1", "value": "blue"}])
    began = timezone.now()
    remote = api.read("c1")
    assert began <= remote.report.occurred_at <= timezone.now()
    assert remote.report == ContactReported(
        occurred_at=remote.report.occurred_at,
        email="Jane@Example.com",
        identities={"contact": "c1"},
        fields={"city": "Tampa"},
        custom_fields={"ghl:f1": "blue"},
        tags=(),
        is_whole=True,
        changed_at=NOON,
    )
    assert remote.record["city"] == "Tampa"


@pytest.mark.parametrize("status", [400, 404])
def test_deleted_contact_is_gone(api: ContactApi, ghl: FakeGoHighLevel, status: int) -> None:
    ghl.unknown_is = status
    ghl.add_contact(id="c1", email="jane@example.com")
    remote = api.read("c1")
    ghl.delete_contact("c1")
    with pytest.raises(Gone, match="no contact c1 any more"):
        api.read("c1")
    with pytest.raises(Gone, match="no contact c1 any more"):
        api.send(api.change(remote, {"city": "Tampa"}))


def test_unreadable_record_fails_permanently(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", email=["jane@example.com"])
    with pytest.raises(Permanent, match="contact c1 cannot be read: email: a text is expected"):
        api.read("c1")


# Looking for somebody -------------------------------------------------------------------------------------------------


def test_contact_is_found_by_email_in_any_case(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", email="Jane@Example.com")
    assert [one.external_id for one in api.with_email("jane@example.COM")] == ["c1"]
    assert api.with_email("other@example.com") == []
    assert api.with_email("") == []


def test_contact_is_found_by_phone(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", phone="+13055550100")
    assert [one.external_id for one in api.with_phone("+13055550100")] == ["c1"]
    assert api.with_phone("+13055550199") == []
    assert [dict(one.query).keys() for one in ghl.asked_for("/contacts/search/duplicate")] == [
        {"locationId", "number"}
    ] * 2


def test_contact_is_found_by_an_additional_email(
    api: ContactApi, ghl: FakeGoHighLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = ghl.add_contact(id="c1", email="jane@example.com", additionalEmails=[{"email": "J@work.example"}])
    monkeypatch.setattr(ghl, "_matching", lambda wanted: contact)
    assert [one.external_id for one in api.with_email("j@work.example")] == ["c1"]


def test_match_in_another_field_is_ignored(
    api: ContactApi, ghl: FakeGoHighLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = ghl.add_contact(id="c1", email="other@example.com", phone="+13055550199")
    monkeypatch.setattr(ghl, "_matching", lambda wanted: contact)
    assert api.with_email("jane@example.com") == []
    assert api.with_phone("+13055550100") == []


# Writing --------------------------------------------------------------------------------------------------------------


def test_new_contact_is_sent_as_planned(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    call = api.creation(
        {**JANE, "custom_fields.company": "Rivera Bakery", "custom_fields.ghl:f1": "blue", "tags": ["no"]}
    )
    assert call == OutgoingCall(
        method="POST",
        path="/contacts/",
        body={
            "email": "jane@example.com",
            "firstName": "Jane",
            "phone": "+13055550100",
            "companyName": "Rivera Bakery",
            "customFields": [{"id": "f1", "field_value": "blue"}],
            "locationId": LOCATION_ID,
        },
    )
    sent = api.send(call)
    assert (sent.existed, sent.answer["contact"]["id"]) == (False, sent.external_id)
    asked = ghl.exchanges[-1].asked
    assert (asked.method, asked.path, asked.body) == (call.method, call.path, _json(call.body))
    assert ghl.contacts[sent.external_id]["customFields"] == [{"id": "f1", "value": "blue"}]


def test_existing_contact_is_returned_unchanged(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", phone="+13055550100", firstName="Ann")
    sent = api.send(api.creation(JANE))
    assert (sent.external_id, sent.existed, sent.answer["meta"]["matchingField"]) == ("c1", True, "phone")
    assert (len(ghl.contacts), ghl.contacts["c1"]["firstName"]) == (1, "Ann")


def test_creation_with_a_lost_answer_is_not_repeated_and_is_found_by_search(
    api: ContactApi, ghl: FakeGoHighLevel
) -> None:
    ghl.misbehave(Lost())
    with pytest.raises(TemporaryFailure):
        api.send(api.creation(JANE))
    assert len(ghl.exchanges) == 1
    assert [one.report.email for one in api.with_email("jane@example.com")] == ["jane@example.com"]


def test_change_sends_the_changed_fields_only(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    remote = made(api, JANE | {"custom_fields.ghl:f1": "blue", "custom_fields.ghl:f2": "tall"})
    ghl.edit(remote.external_id, tags=["vip"])
    call = api.change(remote, {"city": "Tampa", "custom_fields.ghl:f1": "red"})
    assert call == OutgoingCall(
        method="PUT",
        path=f"/contacts/{remote.external_id}",
        body={"city": "Tampa", "customFields": [{"id": "f1", "field_value": "red"}]},
        external_id=remote.external_id,
    )
    sent = api.send(call)
    assert (sent.external_id, sent.existed, sent.answer["contact"]["city"]) == (remote.external_id, False, "Tampa")
    assert ghl.exchanges[-1].asked.body == _json(call.body)
    report = api.read(remote.external_id).report
    assert (report.email, report.fields["phone"], report.tags) == ("jane@example.com", "+13055550100", ("vip",))
    assert report.custom_fields == {"ghl:f1": "red", "ghl:f2": "tall"}


def test_every_field_can_be_written_and_emptied(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    values = dict.fromkeys(MIRROR.fields, "x") | {"email": "j@example.com", "phone": "+13055550100"}
    values |= {"custom_fields.date_of_birth": "1990-05-17", "custom_fields.ghl:f1": "blue"}
    remote = made(api, values)
    assert _values(remote) == values
    call = api.change(remote, dict.fromkeys(values, ""))
    assert {name for name, value in call.body.items() if value == ""} == {"postalCode", "country"}
    api.send(call)
    assert _values(api.read(remote.external_id)) == dict.fromkeys(values, "")


def test_email_of_another_contact_is_refused(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", email="jane@example.com")
    remote = made(api, {"email": "other@example.com"})
    with pytest.raises(Refused, match="does not allow duplicated contacts"):
        api.send(api.change(remote, {"email": "jane@example.com"}))
    assert ghl.contacts[remote.external_id]["email"] == "other@example.com"


# The fake -------------------------------------------------------------------------------------------------------------


def test_fake_reports_each_change_and_a_creation_twice(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    reports: list[tuple[str, Any]] = []
    ghl.on_change = lambda name, record: reports.append((name, record.get("city")))
    remote = made(api, JANE)
    api.send(api.change(remote, {"city": "Tampa"}))
    ghl.edit(remote.external_id, city="Miami")
    ghl.delete_contact(remote.external_id)
    assert reports == [
        ("ContactCreate", None),
        ("ContactUpdate", None),
        ("ContactUpdate", "Tampa"),
        ("ContactUpdate", "Miami"),
        ("ContactDelete", "Miami"),
    ]


def test_search_lags_and_read_does_not(api: ContactApi, client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    ghl.lag, moment = 5.0, NOON
    ghl.now = lambda: moment
    remote = made(api, JANE)
    api.send(api.change(remote, {"city": "Tampa"}))
    assert client.changed_contacts(Cursor.at("", since=NOON)) == []
    assert api.read(remote.external_id).report.fields["city"] == "Tampa"
    moment = NOON + timedelta(seconds=5)
    assert [one["city"] for one in client.changed_contacts(Cursor.at("", since=NOON))] == ["Tampa"]


@pytest.mark.parametrize("born", ["1990-05-17", "1961-12-31"])
def test_contact_of_a_search_equals_the_contact_read(
    client: GoHighLevelClient, ghl: FakeGoHighLevel, born: str
) -> None:
    ghl.add_contact(id="c1", email="jane@example.com", address1="1 Main St", dateOfBirth=born)
    [found] = client.changed_contacts(Cursor.at("", since=NOON))
    assert (found["address"], "address1" in found) == ("1 Main St", False)
    assert fields.read(found) == fields.read(client.contact("c1"))
    assert fields.read(found)["custom_fields.date_of_birth"] == born


def test_unknown_field_name_is_refused(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1")
    with pytest.raises(Refused, match="property foobar should not exist"):
        client.update_contact("c1", {"foobar": "x"})


def _values(remote: RemoteContact) -> dict[str, Any]:
    custom = {f"custom_fields.{name}": value for name, value in remote.report.custom_fields.items()}
    return {"email": remote.report.email, **remote.report.fields, **custom}


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()
