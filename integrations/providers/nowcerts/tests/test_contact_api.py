"""NowCerts' insureds against a fake over real HTTP: read, searched, created, changed, and never emptied."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from integrations.contracts.events import ContactReported
from integrations.contracts.exceptions import Gone
from integrations.contracts.mirror import ContactApi, OutgoingCall, RemoteContact
from integrations.providers.nowcerts.client import NowCertsClient
from integrations.providers.nowcerts.contact_api import MIRROR, NowCertsInsureds
from integrations.providers.nowcerts.provider import PROVIDER
from integrations.toolkit.failures import NotConfigured, Refused, TemporaryFailure
from tests.fakes.nowcerts import FakeNowCerts, Lost, failure

JANE = {"email": "jane@example.com", "first_name": "Jane", "last_name": "Rivera"}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def api(client: NowCertsClient) -> ContactApi:
    return NowCertsInsureds(client)


def made(api: ContactApi, values: dict[str, Any]) -> RemoteContact:
    return api.read(api.send(api.creation(values)).external_id)


def test_manifest_opens_the_api(nowcerts: FakeNowCerts) -> None:
    assert PROVIDER.mirror is MIRROR
    assert (MIRROR.own_prefix, MIRROR.source) == ("nowcerts:", "NowCerts")
    assert {"email", "address_line_2", "custom_fields.company"} <= MIRROR.fields
    jane = nowcerts.add_insured(eMail="jane@example.com")
    assert MIRROR.open(5).read(jane["id"]).external_id == jane["id"]


def test_api_that_is_not_configured_is_not_opened() -> None:
    with pytest.raises(NotConfigured, match="set NOWCERTS_USERNAME"):
        MIRROR.open(5)


def test_insured_read_equals_the_report_of_its_webhook(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    nowcerts.now = lambda: NOON
    jane = nowcerts.add_insured(
        eMail="jane@example.com",
        eMail2="j@work.example",
        phone="(305) 555-0100",
        customFieldsSimple=[{"text": "Colour", "value": "blue"}],
    )
    began = timezone.now()
    report = api.read(jane["id"]).report
    assert began <= report.occurred_at <= timezone.now()
    assert report == ContactReported(
        occurred_at=report.occurred_at,
        email="jane@example.com",
        aliases=("j@work.example",),
        identities={"contact": jane["id"]},
        fields={"phone": "+13055550100"},
        custom_fields={"nowcerts:Colour": "blue"},
        is_whole=True,
        changed_at=NOON,
    )


def test_deleted_insured_is_gone(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    jane = nowcerts.add_insured(eMail="jane@example.com")
    nowcerts.delete_insured(jane["id"])
    with pytest.raises(Gone, match="any more"):
        api.read(jane["id"])
    assert nowcerts.deleted == [jane]


# Looking for somebody -------------------------------------------------------------------------------------------------


def test_insureds_are_found_by_email_and_phone_the_oldest_first(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    for name, created in (("new", "2026-03-02T10:00:00Z"), ("old", "2025-03-02T10:00:00Z")):
        nowcerts.add_insured(id=name, eMail="Jane@example.com", cellPhone="305-555-0100", createDate=created)
    assert [one.external_id for one in api.search(emails=["jane@example.com"])] == ["old", "new"]
    assert [one.external_id for one in api.search(phones=["+13055550100"])] == ["old", "new"]
    assert api.search(emails=["other@example.com"]) == []
    assert api.search() == []


def test_ignored_filter_matches_nobody(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    nowcerts.ignores_filters = True
    nowcerts.add_insured(eMail="other@example.com", phone="305-555-0199")
    assert api.search(emails=["jane@example.com"], phones=["+13055550100"]) == []


def test_address_that_is_a_part_of_another_is_not_it(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    nowcerts.add_insured(id="diana", eMail="diana@example.com")
    nowcerts.add_insured(id="ana", eMail="ana@example.com.mx, ana@example.com", createDate="2027-01-01T00:00:00Z")
    assert [one.external_id for one in api.search(emails=["ana@example.com"])] == ["ana"]


def test_search_may_lag_and_read_does_not(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    nowcerts.lag, moment = 5.0, NOON
    nowcerts.now = lambda: moment
    remote = made(api, JANE)
    assert api.search(emails=["jane@example.com"]) == []
    assert remote.report.email == "jane@example.com"
    moment = NOON + timedelta(seconds=5)
    assert [one.external_id for one in api.search(emails=["jane@example.com"])] == [remote.external_id]


# New ones -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("setting", "number", "word"), [("insured", 0, "Insured"), ("prospect", 1, "Prospect")])
def test_new_contact_has_the_type_of_the_setting(
    api: ContactApi, nowcerts: FakeNowCerts, settings: Any, setting: str, number: int, word: str
) -> None:
    settings.NOWCERTS_NEW_CONTACTS_AS = setting
    call = api.creation(
        {**JANE, "custom_fields.source": "GHL", "custom_fields.nowcerts:Colour": "blue", "country": "US"}
    )
    assert call == OutgoingCall(
        method="POST",
        path="/api/Insured/OnlyInsertInsured",
        body={
            "eMail": "jane@example.com",
            "firstName": "Jane",
            "lastName": "Rivera",
            "referralSourceCompanyName": "GHL",
            "customFieldsSimple": [{"text": "Colour", "value": "blue"}],
            "type": number,
            "active": True,
            "insuredType": 1,
        },
    )
    sent = api.send(call)
    assert (sent.existed, sent.answer["status"]) == (False, 1)
    assert nowcerts.exchanges[-1].asked.body == json.dumps(call.body).encode()
    assert nowcerts.insureds[sent.external_id]["type"] == word


@pytest.mark.parametrize(
    ("values", "insured_type"),
    [
        ({"custom_fields.company": "Rivera Bakery"}, 0),
        ({"custom_fields.company": "Rivera Bakery", "first_name": "Jane"}, 1),
        ({"first_name": "Jane"}, 1),
    ],
)
def test_company_without_a_person_is_commercial(api: ContactApi, values: dict[str, Any], insured_type: int) -> None:
    assert api.creation(values).body["insuredType"] == insured_type


def test_creation_with_a_lost_answer_is_not_repeated(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    nowcerts.misbehave(Lost(), on="/api/Insured/OnlyInsertInsured")
    with pytest.raises(TemporaryFailure):
        api.send(api.creation(JANE))
    assert len(nowcerts.insureds) == 1
    assert len(api.search(emails=["jane@example.com"])) == 1


def test_failure_with_http_200_is_a_refusal(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    remote = made(api, JANE)
    nowcerts.misbehave(failure("no"), on="/api/Insured/Insert")
    with pytest.raises(Refused, match="failed, with HTTP 200: no"):
        api.send(api.change(remote, {"city": "Miami"}))
    assert "city" not in nowcerts.insureds[remote.external_id]


# Changes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("empties", [False, True])
def test_change_keeps_the_other_fields(api: ContactApi, nowcerts: FakeNowCerts, empties: bool) -> None:
    nowcerts.upsert_empties_unnamed = empties
    had = {
        "type": "Prospect",
        "active": False,
        "insuredType": "Commercial",
        "commercialName": "Rivera Bakery",
        "eMail": "jane@example.com",
        "eMail2": "j@work.example",
        "phone": "(305) 555-0100",
        "dba": "The Bakery",
        "description": "Bread",
        "customFieldsSimple": [{"text": "Colour", "value": "blue"}, {"text": "Size", "value": "tall"}],
    }
    external_id = nowcerts.add_insured(**had, dateOfBirth="0001-01-01T00:00:00")["id"]
    call = api.change(api.read(external_id), {"city": "Miami", "custom_fields.nowcerts:Colour": "red"})
    assert (call.path, call.external_id) == ("/api/Insured/Insert", external_id)
    assert api.send(call).external_id == external_id
    assert nowcerts.exchanges[-1].asked.body == json.dumps(call.body).encode()
    custom = [{"text": "Size", "value": "tall"}, {"text": "Colour", "value": "red"}]
    kept = {name: nowcerts.insureds[external_id].get(name) for name in had}
    kept["customFieldsSimple"] = sorted(kept["customFieldsSimple"], key=lambda field: str(field["text"]), reverse=True)
    assert kept == had | {"insuredType": 0, "customFieldsSimple": custom}
    assert nowcerts.insureds[external_id]["city"] == "Miami"
    assert "dateOfBirth" not in call.body


def test_change_has_all_required_fields(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    remote = api.read(nowcerts.add_insured(firstName="Jane")["id"])
    assert api.change(remote, {"city": "Miami"}).body == {
        "firstName": "Jane",
        "city": "Miami",
        "databaseId": remote.external_id,
        "type": 0,
        "active": True,
        "insuredType": 1,
    }


def test_every_field_can_be_written_and_emptied(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    values = dict.fromkeys(MIRROR.fields, "x") | {"email": "j@example.com", "phone": "+13055550100"}
    values |= {"custom_fields.cell_phone": "+13055550199", "custom_fields.date_of_birth": "1990-05-17"}
    values |= {"custom_fields.nowcerts:Colour": "blue"}
    remote = made(api, values)
    assert _values(remote) == values
    api.send(api.change(remote, dict.fromkeys(values, "")))
    assert _values(api.read(remote.external_id)) == dict.fromkeys(values, "")


def test_change_with_a_lost_answer_is_repeated(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    remote = made(api, JANE)
    nowcerts.misbehave(Lost(), on="/api/Insured/Insert")
    assert api.send(api.change(remote, {"city": "Miami"})).external_id == remote.external_id
    assert (len(nowcerts.insureds), nowcerts.insureds[remote.external_id]["city"]) == (1, "Miami")


def test_change_written_on_a_namesake_is_gone(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    remote = made(api, JANE)
    namesake = nowcerts.add_insured(firstName="Jane", lastName="Rivera", eMail="another.jane@example.com")
    nowcerts.delete_insured(remote.external_id)
    with pytest.raises(Gone, match=f"it wrote on {namesake['id']} instead"):
        api.send(api.change(remote, {"city": "Miami"}))


# The fake -------------------------------------------------------------------------------------------------------------


def test_fake_reports_each_change(api: ContactApi, nowcerts: FakeNowCerts) -> None:
    reports: list[tuple[str, Any]] = []
    nowcerts.on_change = lambda name, record: reports.append((name, record.get("city")))
    remote = made(api, JANE)
    api.send(api.change(remote, {"city": "Miami"}))
    nowcerts.edit(remote.external_id, city="Tampa", type="Prospect")
    nowcerts.delete_insured(remote.external_id)
    nowcerts.edit_policy(nowcerts.add_policy(number="POL-1")["id"], city="-")
    assert reports == [
        ("INSURED_INSERT", None),
        ("INSURED_UPDATE", "Miami"),
        ("PROSPECT_UPDATE", "Tampa"),
        ("PROSPECT_DELETE", "Tampa"),
        ("POLICY_INSERT", None),
        ("POLICY_UPDATE", "-"),
    ]


def test_insert_without_a_required_field_is_refused(client: NowCertsClient, nowcerts: FakeNowCerts) -> None:
    with pytest.raises(Refused, match="type is required"):
        client.update_insured({"databaseId": str(uuid4()), "active": True, "insuredType": 1})


def _values(remote: RemoteContact) -> dict[str, Any]:
    custom = {f"custom_fields.{name}": value for name, value in remote.report.custom_fields.items()}
    return {"email": remote.report.email, **remote.report.fields, **custom}
