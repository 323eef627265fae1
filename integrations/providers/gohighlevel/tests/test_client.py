"""The client against a fake GoHighLevel over real HTTP: what it finds, makes and changes, and how it bears bad days."""

from typing import Any

import pytest

from integrations.providers.gohighlevel.client import GoHighLevelClient, Written
from integrations.toolkit.failures import NotConfigured, NotFound, Refused, TemporaryFailure
from integrations.toolkit.pace import Headroom
from tests.fakes.gohighlevel import API_KEY, LOCATION_ID, Answer, FakeGoHighLevel, Lost, Reset, too_many

JANE = {"firstName": "Jane", "email": "jane@example.com", "phone": "+13055550100"}


def test_every_call_sends_version_and_key(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", **JANE)
    assert client.contact("c1")["email"] == "jane@example.com"
    headers = ghl.exchanges[-1].asked.headers
    assert (headers["version"], headers["authorization"]) == ("2021-07-28", f"Bearer {API_KEY}")
    assert headers["accept"] == "application/json"


def test_contact_is_created_in_the_configured_location(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    written = client.create_contact({**JANE, "customFields": [{"id": "f1", "field_value": "blue"}]})
    assert (written.is_new, written.record["email"]) == (True, "jane@example.com")
    assert ghl.contacts[written.external_id]["locationId"] == LOCATION_ID
    assert client.contact(written.external_id)["customFields"] == [{"id": "f1", "value": "blue"}]


@pytest.mark.parametrize(
    ("given", "matched_by"),
    [({"email": "JANE@example.com"}, "email"), ({"email": "other@example.com", "phone": "+13055550100"}, "phone")],
)
def test_existing_contact_is_returned_as_a_match(
    client: GoHighLevelClient, ghl: FakeGoHighLevel, given: dict[str, str], matched_by: str
) -> None:
    ghl.add_contact(id="c1", **JANE)
    assert client.create_contact(given) == Written(external_id="c1", is_new=False, matched_by=matched_by)
    assert len(ghl.contacts) == 1


def test_other_refusal_of_a_contact_is_raised(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    body = b'{"statusCode":422,"message":["email must be an email","phone must be a string"]}'
    ghl.misbehave(Answer(status=422, body=body))
    with pytest.raises(Refused, match="email must be an email; phone must be a string") as caught:
        client.create_contact({"email": "x"})
    assert caught.value.status == 422
    assert ghl.contacts == {}


def test_create_with_a_lost_answer_is_not_repeated_and_the_next_try_finds_the_contact(
    client: GoHighLevelClient, ghl: FakeGoHighLevel
) -> None:
    ghl.misbehave(Lost())
    with pytest.raises(TemporaryFailure, match="got no answer"):
        client.create_contact(JANE)
    assert len(ghl.exchanges) == 1
    found = client.find_contact(email="jane@example.com")
    assert found is not None
    assert client.create_contact(JANE) == Written(external_id=found["id"], is_new=False, matched_by="email")
    assert len(ghl.contacts) == 1


def test_idempotent_call_is_repeated(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    ghl.add_contact(id="c1", **JANE)
    ghl.misbehave(Reset())
    assert client.update_contact("c1", {"city": "Tampa"})["city"] == "Tampa"
    ghl.misbehave(Lost())
    assert client.update_contact("c1", {"city": "Miami"})["city"] == "Miami"
    assert len(ghl.contacts) == 1


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"email": " Jane@Example.com "}, "c1"),
        ({"phone": "+13055550100"}, "c1"),
        ({"email": "nobody@example.com"}, None),
        ({"email": "", "phone": " "}, None),
    ],
)
def test_contact_is_found_by_email_or_phone(
    client: GoHighLevelClient, ghl: FakeGoHighLevel, given: dict[str, str], found: str | None
) -> None:
    ghl.add_contact(id="c1", **JANE)
    contact = client.find_contact(**given)
    assert (contact["id"] if contact else None) == found
    assert len(ghl.exchanges) == (1 if any(text.strip() for text in given.values()) else 0)


def test_plus_of_a_phone_is_escaped(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    client.find_contact(phone="+13055550100")
    assert ("number", "+13055550100") in ghl.exchanges[-1].asked.query


@pytest.mark.parametrize("status", [400, 404])
def test_unknown_contact_is_not_found(client: GoHighLevelClient, ghl: FakeGoHighLevel, status: int) -> None:
    ghl.unknown_is = status
    with pytest.raises(NotFound, match="not found"):
        client.contact("c404")


@pytest.mark.parametrize("external_id", ["", " ", ".", ".."])
def test_id_that_changes_the_path_is_not_sent(
    client: GoHighLevelClient, ghl: FakeGoHighLevel, external_id: str
) -> None:
    with pytest.raises(ValueError, match="an id is expected"):
        client.update_contact(external_id, {})
    assert ghl.exchanges == []


def test_opportunity_is_created_once_and_changed(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    fields = {"pipelineId": "pipe1", "pipelineStageId": "stage1", "name": "Auto", "status": "open", "contactId": "c1"}
    made = client.create_opportunity(fields)
    assert made.is_new
    assert client.create_opportunity(fields) == Written(external_id=made.external_id, is_new=False)
    assert client.update_opportunity(made.external_id, {"monetaryValue": 1200})["monetaryValue"] == 1200
    assert [one["id"] for one in client.opportunities_of("c1")] == [made.external_id]
    assert client.opportunities_of("c2") == []
    assert [stage["id"] for stage in client.pipelines()[0]["stages"]] == ["stage1"]


def test_custom_fields_are_those_of_one_model(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> None:
    ghl.custom_fields = [{"id": "f1", "model": "contact"}, {"id": "f2", "model": "opportunity"}]
    assert [field["id"] for field in client.custom_fields("opportunity")] == ["f2"]


@pytest.mark.parametrize(
    ("setting", "status", "hint"),
    [("GHL_API_KEY", 401, "Check GHL_API_KEY"), ("GHL_LOCATION_ID", 403, "Check that GHL_LOCATION_ID")],
)
def test_wrong_credentials_say_what_to_check(
    ghl: FakeGoHighLevel, settings: Any, setting: str, status: int, hint: str
) -> None:
    setattr(settings, setting, "wrong")
    with pytest.raises(Refused, match=hint) as caught:
        GoHighLevelClient().pipelines()
    assert caught.value.status == status
    assert API_KEY not in str(caught.value)


def test_missing_settings_are_named(settings: Any) -> None:
    settings.GHL_API_KEY = settings.GHL_LOCATION_ID = ""
    with pytest.raises(NotConfigured, match="set GHL_API_KEY and GHL_LOCATION_ID"):
        GoHighLevelClient()


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"contact": null}', b'{"contact": {"email": "x"}}'])
def test_answer_of_an_unknown_shape_is_refused(client: GoHighLevelClient, ghl: FakeGoHighLevel, body: bytes) -> None:
    ghl.misbehave(Answer(status=200, body=body), Answer(status=200, body=body))
    with pytest.raises(Refused, match="without a contact"):
        client.contact("c1")
    with pytest.raises(Refused, match='without a list under "pipelines"'):
        client.pipelines()


# The limit ------------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def paced(ghl: FakeGoHighLevel, clock: Clock) -> GoHighLevelClient:
    """A client as another process would have it, on a clock of the test's."""
    made = GoHighLevelClient(sleep=clock.sleep)
    made._pace._clock = clock
    ghl.clock = clock
    return made


def test_several_processes_together_stay_within_the_limit(ghl: FakeGoHighLevel) -> None:
    clock = Clock()
    processes = [paced(ghl, clock) for _process in range(3)]
    for number in range(230):
        processes[number % 3].pipelines()
        clock.now += 0.01
    assert {exchange.answer.status for exchange in ghl.exchanges if exchange.answer} == {200}
    assert clock.now - 1_800_000_000.0 > 2 * 10
    assert ghl.exchanges[-1].asked.path == "/opportunities/pipelines"


def test_call_over_the_limit_pauses_all_and_is_repeated(ghl: FakeGoHighLevel) -> None:
    clock = Clock()
    one, other = paced(ghl, clock), paced(ghl, clock)
    ghl.misbehave(too_many())
    began = clock.now
    assert one.pipelines()
    assert clock.now - began >= 10
    assert other.headroom() == Headroom(remaining=99, daily_remaining=199_999)
