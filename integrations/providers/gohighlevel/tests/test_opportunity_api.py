"""GoHighLevel's opportunities against a fake over real HTTP: the values of a policy that they get and keep."""

import json
from datetime import timedelta
from typing import Any

import pytest

from integrations.contracts.exceptions import Gone
from integrations.contracts.mirror import Opportunity, OpportunityApi, OutgoingCall, Stage
from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.providers.gohighlevel.opportunity_api import DEALS, GoHighLevelOpportunities
from integrations.providers.gohighlevel.provider import PROVIDER
from tests.fakes.gohighlevel import LOCATION_ID, FakeGoHighLevel

FIELDS = "/locations/" + LOCATION_ID + "/customFields"
STAGE = Stage(pipeline_id="pipe1", stage_id="stage1")
AUTO = Opportunity(
    title="Auto Policy - POL-1",
    amount=120_050,
    details={"policy_number": "POL-1", "carrier": "Sample Mutual", "effective_date": "2026-04-01"},
)


@pytest.fixture
def api(client: GoHighLevelClient, ghl: FakeGoHighLevel) -> OpportunityApi:
    keys = {"f1": "opportunity.policy_number", "f2": "carrier", "f3": "opportunity.effective_date"}
    ghl.custom_fields = [{"id": key, "fieldKey": name, "model": "opportunity"} for key, name in keys.items()]
    ghl.custom_fields.append({"id": "f9", "fieldKey": "contact.carrier", "model": "contact"})
    return GoHighLevelOpportunities(client)


def made(api: OpportunityApi, wanted: Opportunity = AUTO) -> str:
    return api.send(api.creation(wanted, contact_id="c1", stage=STAGE)).external_id


def test_manifest_opens_the_api(ghl: FakeGoHighLevel, settings: Any) -> None:
    settings.GHL_PIPELINES = {"*": ("pipe1", "stage1")}
    assert PROVIDER.deals is DEALS
    assert (DEALS.identity, DEALS.stages()) == ("contact", {"*": ("pipe1", "stage1")})
    assert DEALS.open(5).of_contact("c1") == []


def test_policy_becomes_an_open_opportunity_and_reads_back(api: OpportunityApi, ghl: FakeGoHighLevel) -> None:
    call = api.creation(AUTO, contact_id="c1", stage=STAGE)
    assert call == OutgoingCall(
        method="POST",
        path="/opportunities/",
        body={
            "pipelineId": "pipe1",
            "pipelineStageId": "stage1",
            "status": "open",
            "contactId": "c1",
            "locationId": LOCATION_ID,
            "name": "Auto Policy - POL-1",
            "monetaryValue": 1200.5,
            "customFields": [
                {"id": "f1", "field_value": "POL-1"},
                {"id": "f2", "field_value": "Sample Mutual"},
                {"id": "f3", "field_value": "2026-04-01"},
            ],
        },
    )
    sent = api.send(call)
    assert (sent.existed, sent.answer["opportunity"]["id"]) == (False, sent.external_id)
    assert ghl.exchanges[-1].asked.body == json.dumps(call.body).encode()
    remote = api.read(sent.external_id)
    assert (remote.external_id, remote.contact_id, remote.values) == (sent.external_id, "c1", AUTO)
    assert remote.record["customFields"][0] == {"id": "f1", "fieldValue": "POL-1"}
    assert api.of_contact("c1") == [remote]


@pytest.mark.parametrize(("amount", "value"), [(120_000, 1200), (120_001, 1200.01), (0, 0)])
def test_remote_amount_is_in_major_units(api: OpportunityApi, ghl: FakeGoHighLevel, amount: int, value: float) -> None:
    external_id = made(api, Opportunity(title="Auto", amount=amount))
    assert ghl.opportunities[external_id]["monetaryValue"] == value
    assert api.read(external_id).values == Opportunity(title="Auto", amount=amount)


def test_unknown_amount_is_not_written(api: OpportunityApi) -> None:
    remote = api.read(made(api))
    assert "monetaryValue" not in api.creation(Opportunity(title="A", amount=None), contact_id="c", stage=STAGE).body
    assert api.change(remote, Opportunity(title="A", amount=None)).body == {"name": "A"}


def test_change_sends_what_differs_and_never_the_stage(api: OpportunityApi, ghl: FakeGoHighLevel) -> None:
    external_id = made(api)
    ghl.edit_opportunity(external_id, pipelineStageId="stage9", status="won", assignedTo="u1")
    wanted = Opportunity(title=AUTO.title, amount=130_000, details={**AUTO.details, "carrier": "Other", "x": ""})
    call = api.change(api.read(external_id), wanted)
    assert call == OutgoingCall(
        method="PUT",
        path=f"/opportunities/{external_id}",
        body={"monetaryValue": 1300, "customFields": [{"id": "f2", "field_value": "Other"}]},
        external_id=external_id,
    )
    assert api.send(call).external_id == external_id
    remote = api.read(external_id)
    assert remote.values == Opportunity(title=AUTO.title, amount=130_000, details={**AUTO.details, "carrier": "Other"})
    assert [remote.record[name] for name in ("pipelineStageId", "status", "assignedTo")] == ["stage9", "won", "u1"]
    assert api.change(remote, remote.values).body == {}


def test_existing_opportunity_is_returned_where_only_one_is_allowed(api: OpportunityApi, ghl: FakeGoHighLevel) -> None:
    external_id = made(api)
    sent = api.send(api.creation(AUTO, contact_id="c1", stage=STAGE))
    assert (sent.external_id, sent.existed, sent.answer["code"]) == (external_id, True, "OPPORTUNITY_NO_DUPLICATE")
    assert len(ghl.opportunities) == 1


def test_opportunities_of_a_contact_come_late_and_the_oldest_first(api: OpportunityApi, ghl: FakeGoHighLevel) -> None:
    ghl.allows_duplicates = True
    first, second = made(api), made(api)
    assert [one.external_id for one in api.of_contact("c1")] == [first, second]
    ghl.lag = 60
    assert api.of_contact("c1") == []
    assert api.read(second).external_id == second


def test_deleted_opportunity_is_gone(api: OpportunityApi, ghl: FakeGoHighLevel) -> None:
    remote = api.read(made(api))
    del ghl.opportunities[remote.external_id]
    with pytest.raises(Gone, match="any more"):
        api.read(remote.external_id)
    with pytest.raises(Gone, match="any more"):
        api.send(api.change(remote, Opportunity(title="A", amount=None)))


def test_stages_come_in_their_order(api: OpportunityApi, ghl: FakeGoHighLevel) -> None:
    stages = [{"id": "s2", "name": "Won", "position": 1}, {"id": "s1", "name": "New", "position": 0}]
    ghl.pipelines = [{"id": "p1", "name": "Policies", "stages": stages}, {"id": "p2", "name": "Empty", "stages": []}]
    assert api.stages() == [
        Stage(pipeline_id="p1", stage_id="s1", pipeline_name="Policies", stage_name="New"),
        Stage(pipeline_id="p1", stage_id="s2", pipeline_name="Policies", stage_name="Won"),
    ]


# Custom fields --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ({"id": "f3", "fieldValueString": "2026-04-01"}, "2026-04-01"),
        ({"id": "f3", "fieldValue": "2026-04-01T00:00:00.000Z"}, "2026-04-01"),
        ({"id": "f3", "type": "date", "fieldValueDate": 1_775_001_600_000}, "2026-04-01"),
        ({"id": "f3", "fieldValue": None}, ""),
    ],
)
def test_every_dialect_of_a_value_is_read(
    api: OpportunityApi, ghl: FakeGoHighLevel, field: dict[str, Any], expected: str
) -> None:
    ghl.add_opportunity(id="o1", name="Auto", contactId="c1", customFields=[field, {"id": "else", "fieldValue": "x"}])
    assert api.read("o1").values == Opportunity(title="Auto", amount=None, details={"effective_date": expected})


def test_fields_are_cached_for_some_minutes(api: OpportunityApi, ghl: FakeGoHighLevel, travel: Any) -> None:
    for minutes, times in ((0, 1), (4, 1), (6, 2)):
        travel(timedelta(minutes=minutes))
        api.creation(AUTO, contact_id="c1", stage=STAGE)
        assert len(ghl.asked_for(FIELDS)) == times


def test_missing_field_is_sent_by_name_until_it_exists(api: OpportunityApi, ghl: FakeGoHighLevel, travel: Any) -> None:
    wanted = Opportunity(title="Auto", amount=None, details={"expiration_date": "2027-04-01"})

    def written() -> Any:
        return api.creation(wanted, contact_id="c1", stage=STAGE).body["customFields"]

    assert written() == [{"key": "expiration_date", "field_value": "2027-04-01"}]
    assert api.read(made(api, wanted)).values.details == {}
    ghl.custom_fields.append({"id": "f4", "fieldKey": "opportunity.expiration_date", "model": "opportunity"})
    travel(timedelta(seconds=50))
    assert written() == [{"key": "expiration_date", "field_value": "2027-04-01"}]
    assert len(ghl.asked_for(FIELDS)) == 1
    travel(timedelta(seconds=70))
    assert written() == [{"id": "f4", "field_value": "2027-04-01"}]
    assert len(ghl.asked_for(FIELDS)) == 2


def test_fields_without_a_cache_are_looked_up_each_time(
    api: OpportunityApi, ghl: FakeGoHighLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.providers.gohighlevel import opportunity_fields

    class Away:
        def get(self, *arguments: Any, **options: Any) -> Any:
            raise ConnectionError

        set = get

    monkeypatch.setattr(opportunity_fields, "cache", Away())
    for times in (1, 2):
        api.creation(AUTO, contact_id="c1", stage=STAGE)
        assert len(ghl.asked_for(FIELDS)) == times
