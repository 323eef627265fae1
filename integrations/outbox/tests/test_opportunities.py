"""A policy or quote of NowCerts is an opportunity in GoHighLevel: one, at the contact whose it is."""

from typing import Any

import pytest

from integrations.fields.models import PipelineRule
from integrations.outbox import repair
from integrations.outbox.models import OpportunityMapping, OutgoingWrite
from tests.fakes.http_server import Lost
from tests.harness.fake_sides import NOWCERTS_HOOK
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz"}
AUTO = {
    "number": "POL-123",
    "lineOfBusinessName": "Auto",
    "premium": 1200.5,
    "carrierName": "State Farm",
    "effectiveDate": "2026-02-01T00:00:00",
    "expirationDate": "2027-02-01T00:00:00",
}
DETAILS = ("policy_number", "carrier", "effective_date", "expiration_date")


@pytest.fixture(autouse=True)
def _fields_of_opportunities(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True  # the location lets a contact have several opportunities
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


def the_only(records: dict[str, Any]) -> Any:
    assert len(records) == 1, records
    return next(iter(records.values()))


def details(opportunity: Any) -> dict[str, str]:
    return {one["id"].removeprefix("of_"): one["fieldValue"] for one in opportunity["customFields"]}


def test_policy_becomes_an_opportunity_after_its_contact_is_created(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.hooks.clear()  # nothing was ever told of her
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    sides.settle()
    contact, opportunity = the_only(sides.ghl.contacts), the_only(sides.ghl.opportunities)
    assert contact["email"] == "ana@example.com"
    assert (opportunity["name"], opportunity["monetaryValue"], opportunity["status"]) == (
        "Auto Policy - POL-123",
        1200.5,
        "open",
    )
    assert opportunity["contactId"] == contact["id"]
    assert (opportunity["pipelineId"], opportunity["pipelineStageId"]) == ("pipe1", "stage1")
    assert details(opportunity) == {
        "policy_number": "POL-123",
        "carrier": "State Farm",
        "effective_date": "2026-02-01",
        "expiration_date": "2027-02-01",
    }


def test_an_insured_without_an_email_is_found_by_their_id(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(firstName="Ana", lastName="Ruiz", phone="+13055550100")
    sides.hooks.clear()
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    sides.settle()
    assert the_only(sides.ghl.opportunities)["contactId"] == the_only(sides.ghl.contacts)["id"]


def test_an_update_changes_the_same_opportunity_and_leaves_what_people_set_there(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    policy = sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    sides.settle()
    opportunity = the_only(sides.ghl.opportunities)
    sides.ghl.edit_opportunity(opportunity["id"], pipelineStageId="stage-won", status="won")
    sides.nowcerts.edit_policy(policy["id"], premium=1300)
    sides.settle()
    assert the_only(sides.ghl.opportunities)["monetaryValue"] == 1300
    assert (opportunity["pipelineStageId"], opportunity["status"]) == ("stage-won", "won")
    newest = OutgoingWrite.objects.filter(kind="opportunity").latest("pk")
    assert (newest.operation, newest.before, newest.after) == ("update", {"amount": 120050}, {"amount": 130000})


def test_two_policies_of_a_person_are_two_opportunities(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    home = AUTO | {"number": "Q-9", "lineOfBusinessName": "Home", "isQuote": True}
    sides.nowcerts.add_policy(**home, insuredDatabaseId=insured["id"])
    sides.settle()
    names = sorted(one["name"] for one in sides.ghl.opportunities.values())
    assert names == ["Auto Policy - POL-123", "Home Quote - Q-9"]
    assert len(sides.ghl.contacts) == 1


def test_opportunity_create_without_an_answer_is_not_repeated(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.ghl.lag = 30.0
    sides.ghl.misbehave(Lost(), on="/opportunities/search")
    sides.ghl.misbehave(Lost(), on="/opportunities/")
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    sides.settle()
    assert the_only(sides.ghl.opportunities)["name"] == "Auto Policy - POL-123"
    assert OpportunityMapping.objects.get().external_id in sides.ghl.opportunities


def test_second_policy_needs_review_where_one_opportunity_is_allowed(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = False
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    sides.settle()
    sides.nowcerts.add_policy(**AUTO | {"number": "POL-456"}, insuredDatabaseId=insured["id"])
    sides.settle()
    failed = OutgoingWrite.objects.get(status="failed")
    assert "let a contact have several opportunities" in failed.last_error
    assert the_only(sides.ghl.opportunities)["name"] == "Auto Policy - POL-123"

    sides.ghl.allows_duplicates = True
    repair.retry([failed])
    sides.settle()
    assert len(sides.ghl.opportunities) == 2


@pytest.mark.parametrize(
    ("line", "begins_at"),
    [("Auto", ("pipe-auto", "new")), ("auto", ("pipe-auto", "new")), ("Boat", ("pipe-any", "new"))],
)
def test_line_of_business_decides_the_first_stage(sides: HeldSides, line: str, begins_at: tuple[str, str]) -> None:
    for name, pipeline in (("Auto", "pipe-auto"), ("*", "pipe-any")):
        PipelineRule.objects.create(provider="gohighlevel", line_of_business=name, pipeline_id=pipeline, stage_id="new")
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO | {"lineOfBusinessName": line}, insuredDatabaseId=insured["id"])
    sides.settle()
    opportunity = the_only(sides.ghl.opportunities)
    assert (opportunity["pipelineId"], opportunity["pipelineStageId"]) == begins_at


def test_settings_decide_the_first_stage_without_a_rule(sides: HeldSides, settings: Any) -> None:
    settings.GHL_PIPELINES = {"Auto": ["pipe-set", "stage-set"]}
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    sides.settle()
    assert the_only(sides.ghl.opportunities)["pipelineId"] == "pipe-set"


def test_policy_of_the_seeds_is_matched_by_the_insureds_address(sides: HeldSides) -> None:
    record = {
        "policyNumber": "POL-12345",
        "policyType": "Auto",
        "premium": 1200.00,
        "carrier": "State Farm",
        "effectiveDate": "2024-02-01",
        "expirationDate": "2025-02-01",
        "insuredEmail": "ana@example.com",
    }
    sides.deliver((NOWCERTS_HOOK, {"event_type": "POLICY_INSERT", "data": record}))
    sides.settle()
    assert the_only(sides.ghl.opportunities)["name"] == "Auto Policy - POL-12345"
    assert the_only(sides.ghl.contacts)["email"] == "ana@example.com"


def test_deleted_opportunity_is_not_created_again(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    policy = sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    sides.settle()
    sides.ghl.opportunities.clear()
    sides.nowcerts.edit_policy(policy["id"], premium=1300)
    sides.settle()
    assert sides.ghl.opportunities == {}
    assert "was deleted there" in OutgoingWrite.objects.latest("pk").last_error
