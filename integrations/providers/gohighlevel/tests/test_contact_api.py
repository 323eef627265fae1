"""GoHighLevel's contacts against a fake over real HTTP: read, searched, created, changed and emptied."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from integrations.contracts.events import ContactReported
from integrations.contracts.exceptions import Gone
from integrations.contracts.mirror import ContactApi, OutgoingCall, RemoteContact
from integrations.providers.gohighlevel import fields
from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.providers.gohighlevel.contact_api import MIRROR, GoHighLevelContacts, marking
from integrations.providers.gohighlevel.provider import PROVIDER
from integrations.toolkit.changes import Cursor
from integrations.toolkit.failures import NotConfigured, Refused, TemporaryFailure
from tests.fakes.gohighlevel import LOCATION_ID, Answer, FakeGoHighLevel, Lost

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
        custom_fields={"ghl:f1": "blue", "ghl:dnd": ""},
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


def test_value_of_a_strange_type_is_left_out_of_the_record(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", email=["jane@example.com"], city="Miami")
    report = api.read("c1").report
    assert (report.email, report.fields) == ("", {"city": "Miami"})
    assert report.left_out == {"email": "a text is expected, a list came"}


# Looking for somebody -------------------------------------------------------------------------------------------------


def test_contact_is_found_by_email_in_any_case(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", email="Jane@Example.com")
    assert [one.external_id for one in api.search(emails=["jane@example.com"])] == ["c1"]
    assert api.search(emails=["other@example.com"]) == []
    assert api.search() == []


def test_contact_is_found_by_phone(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", phone="+13055550100")
    assert [one.external_id for one in api.search(phones=["+13055550100"])] == ["c1"]
    assert api.search(phones=["+13055550199"]) == []
    assert [dict(one.query).keys() for one in ghl.asked_for("/contacts/search/duplicate")] == [
        {"locationId", "number"}
    ] * 2


def test_contact_is_found_by_an_additional_email(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", email="jane@example.com", additionalEmails=[{"email": "J@work.example"}])
    assert [one.external_id for one in api.search(emails=["j@work.example"])] == ["c1"]


@pytest.mark.parametrize("more", [[{"email": "j@work.example"}], ["j@work.example"]])
def test_additional_addresses_and_numbers_are_read_as_objects_or_texts(
    api: ContactApi, ghl: FakeGoHighLevel, more: list[Any]
) -> None:
    main = {"email": "jane@example.com", "phone": "+13055550110"}
    ghl.add_contact(id="c1", **main, additionalEmails=more, additionalPhones=["+13055550111"])
    report = api.read("c1").report
    assert (report.aliases, report.phones, report.left_out) == (("j@work.example",), ("+13055550111",), {})


def test_match_in_another_field_is_ignored(
    api: ContactApi, ghl: FakeGoHighLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = ghl.add_contact(id="c1", email="other@example.com", phone="+13055550199")
    monkeypatch.setattr(ghl, "_matching", lambda wanted, **by: (contact, "email"))
    assert api.search(emails=["jane@example.com"]) == []
    assert api.search(phones=["+13055550100"]) == []


def test_address_and_number_of_nobody_are_one_call(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    assert api.search(emails=["jane@example.com"], phones=["+13055550100"]) == []
    assert len(ghl.exchanges) == 1


def test_all_who_share_a_number_are_found_where_none_has_the_address(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", firstName="Luis", phone="+13055550100")
    ghl.add_contact(id="c2", firstName="Eva", phone="+13055550100")
    ghl.lists_names = "lower"
    found = api.search(emails=["eva@example.com"], phones=["+13055550100"])
    assert [(one.external_id, one.report.fields["first_name"]) for one in found] == [("c1", "Luis"), ("c2", "Eva")]


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
    assert [one.report.email for one in api.search(emails=["jane@example.com"])] == ["jane@example.com"]


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
    assert report.custom_fields == {"ghl:f1": "red", "ghl:f2": "tall", "ghl:dnd": ""}


def test_every_field_can_be_written_and_emptied(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    values = dict.fromkeys(MIRROR.fields, "x") | {"email": "j@example.com", "phone": "+13055550100"}
    values |= {"custom_fields.date_of_birth": "1990-05-17", "custom_fields.ghl:f1": "blue"}
    values |= {"custom_fields.ghl:assignedTo": "u1", "custom_fields.ghl:dnd": "true"}
    remote = made(api, values)
    assert _values(remote) == values
    call = api.change(remote, dict.fromkeys(values, ""))
    assert {name for name, value in call.body.items() if value == ""} == {"postalCode", "country"}
    api.send(call)
    assert _values(api.read(remote.external_id)) == dict.fromkeys(values, "")


def test_address_of_another_contact_is_refused_and_names_them(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", email="jane@example.com")
    remote = made(api, {"email": "other@example.com"})
    sent = api.send(api.change(remote, {"email": "jane@example.com"}))
    assert (sent.existed, sent.external_id, sent.contested) == (True, "c1", "email")
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


# Tags of a rule -------------------------------------------------------------------------------------------------------

TAGS = "custom_fields.ghl:tags"


def test_new_contact_has_its_tags_from_the_start(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    call = api.creation(JANE | {TAGS: "VIP, deleted elsewhere, lead"})
    assert (call.body["tags"], call.then) == (["lead", "vip"], ())
    assert made(api, JANE | {TAGS: "vip, lead"}).report.tags == ("lead", "vip")


def test_change_of_tags_names_only_those_that_the_record_lacks_or_has_too_many(
    api: ContactApi, ghl: FakeGoHighLevel
) -> None:
    contact = ghl.add_contact(id="c1", email="jane@example.com", tags=["Old  one", "VIP", "deleted elsewhere"])
    call = api.change(api.read("c1"), {TAGS: "lead, vip, gold", "city": "Tampa"})
    path = "/contacts/c1/tags"
    assert call == OutgoingCall(
        method="PUT",
        path="/contacts/c1",
        body={"city": "Tampa"},
        external_id="c1",
        then=(
            OutgoingCall(method="POST", path=path, body={"tags": ["gold", "lead"]}, external_id="c1"),
            OutgoingCall(method="DELETE", path=path, body={"tags": ["Old  one"]}, external_id="c1"),
        ),
    )
    ghl.edit("c1", tags=[*contact["tags"], "a moment ago"])
    for _time in range(2):
        sent = api.send(call)
        assert (sent.external_id, sent.answer["contact"]["city"]) == ("c1", "Tampa")
        tags = ["VIP", "deleted elsewhere", "a moment ago", "gold", "lead"]
        assert (contact["tags"], sent.answer["tags"]) == (tags, tags)


@pytest.mark.parametrize(
    ("tags", "methods"),
    [("a, b, c", ["POST"]), ("a", ["DELETE"]), ("", ["DELETE"]), ("a, c", ["POST", "DELETE"])],
)
def test_change_of_tags_alone_makes_no_other_call(
    api: ContactApi, ghl: FakeGoHighLevel, tags: str, methods: list[str]
) -> None:
    ghl.add_contact(id="c1", tags=["a", "b"])
    api.send(api.change(api.read("c1"), {TAGS: tags}))
    assert [exchange.asked.method for exchange in ghl.exchanges[1:]] == methods
    assert fields.parse_tags(ghl.contacts["c1"]["tags"]) == tags


def test_refused_tags_are_named_and_contested_values_stop_before_them(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", email="jane@example.com", tags=[])
    ghl.add_contact(id="c2", email="other@example.com")
    remote = api.read("c1")
    refusal = {"statusCode": 422, "message": ["tags must be shorter"]}
    ghl.misbehave(Answer(status=422, body=_json(refusal)), on="/contacts/c1/tags")
    assert api.send(api.change(remote, {TAGS: "x"})).refused == {TAGS: "tags must be shorter"}
    sent = api.send(api.change(remote, {TAGS: "x", "email": "other@example.com"}))
    assert (sent.existed, sent.contested, ghl.contacts["c1"]["tags"]) == (True, "email", [])


@pytest.mark.parametrize("status", [400, 404])
def test_contact_that_is_deleted_before_its_tags_are_written_is_gone(
    api: ContactApi, ghl: FakeGoHighLevel, status: int
) -> None:
    ghl.unknown_is = status
    ghl.add_contact(id="c1", tags=["a"])
    call = api.change(api.read("c1"), {TAGS: "b"})
    ghl.delete_contact("c1")
    with pytest.raises(Gone):
        api.send(call)


def test_rule_may_name_what_gohighlevel_alone_has(ghl: FakeGoHighLevel) -> None:
    ghl.custom_fields = [{"id": "f1", "name": "Colour", "fieldKey": "contact.colour", "model": "contact"}]
    assert MIRROR.own_fields is not None
    names = [name for name, _label in MIRROR.own_fields(5)]
    assert names == ["assignedTo", "dnd", "tags", "f1"]


# The mark of what was deleted elsewhere -------------------------------------------------------------------------------


def test_mark_is_added_to_the_tags_and_taken_away_again(api: ContactApi, ghl: FakeGoHighLevel) -> None:
    contact = ghl.add_contact(email="jane@example.com", tags=["vip"])
    for _time in range(2):
        sent = api.send(marking(contact["id"], True))
        assert (sent.external_id, sent.answer) == (contact["id"], {"tags": ["vip", "deleted elsewhere"]})
    for _time in range(2):
        assert api.send(marking(contact["id"], False)).answer == {"tags": ["vip"]}


@pytest.mark.parametrize("status", [400, 404])
def test_mark_of_a_deleted_contact_says_that_it_is_gone(api: ContactApi, ghl: FakeGoHighLevel, status: int) -> None:
    ghl.unknown_is = status
    with pytest.raises(Gone):
        api.send(marking("gone", True))
