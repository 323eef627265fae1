"""A policy's lines of business come in many shapes; they name the opportunity, and the first with a rule places it."""

from typing import Any

import pytest

from accounts.commerce.models import Policy
from integrations.fields.models import PipelineRule
from integrations.providers.nowcerts.policy_fields import lines_of_business
from tests.harness.fake_sides import NOWCERTS_HOOK
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz"}


@pytest.mark.parametrize(
    ("record", "lines"),
    [
        ({"lineOfBusinessName": "Personal Auto"}, "Personal Auto"),
        ({"lineOfBusinesses": [{"lineOfBusinessName": "Personal Auto"}]}, "Personal Auto"),
        ({"lineOfBusinesses": ["Auto"]}, "Auto"),
        ({"LineOfBusinesses": ["Auto", "Home"]}, "Auto, Home"),
        ({"lineOfBusinesses": "Auto, Home"}, "Auto, Home"),
        ({"linesOfBusiness": [{"name": "Auto"}, {"Name": "Umbrella"}]}, "Auto, Umbrella"),
        ({"lines_of_business": ["Auto"]}, "Auto"),
        ({"line_of_business_name": "Auto"}, "Auto"),
        ({"line_of_businesses": [{"line_of_business_name": "Auto"}]}, "Auto"),
        ({"lineOfBusiness": {"name": "Auto"}}, "Auto"),
        ({"lineOfBusiness": {"lineOfBusiness": {"name": "Auto"}}}, "Auto"),
        ({"lineOfBusinessName": "Auto", "lineOfBusinesses": [{"lineOfBusinessName": "auto"}, "Home"]}, "Auto, Home"),
        ({"lineOfBusinessName": None, "lineOfBusinesses": ["Auto"]}, "Auto"),
        ({"policyType": "Auto"}, "Auto"),
        ({"policyType": "New Business", "lineOfBusinesses": ["Auto"]}, "Auto"),
        ({"lineOfBusinesses": []}, ""),
        ({"lineOfBusinesses": [None, 5, True, {}, [], "N/A"]}, ""),
        ({"lineOfBusinesses": 7}, ""),
        ({}, ""),
        ({"lineOfBusinesses": [f"Line {number}" for number in range(100)]}, ", ".join(f"Line {n}" for n in range(18))),
    ],
)
def test_lines_are_read_in_every_shape(record: dict[str, Any], lines: str) -> None:
    assert lines_of_business(record) == lines


def rules(*lines: str) -> None:
    for line in lines:
        PipelineRule.objects.create(
            provider="gohighlevel", line_of_business=line, pipeline_id=f"pipe of {line}", stage_id="new"
        )


def placed(sides: HeldSides) -> tuple[str, str]:
    (only,) = sides.ghl.opportunities.values()
    return only["name"], only["pipelineId"]


def test_list_of_records_names_the_opportunity_and_its_pipeline(sides: HeldSides) -> None:
    rules("Personal Auto", "*")
    insured = sides.nowcerts.add_insured(**ANA)
    lines = [{"lineOfBusinessName": "Personal Auto"}]
    sides.nowcerts.add_policy(number="REAL-1", lineOfBusinesses=lines, insuredDatabaseId=insured["id"])
    sides.settle()
    assert placed(sides) == ("Personal Auto Policy - REAL-1", "pipe of Personal Auto")


@pytest.mark.parametrize(
    ("ruled", "pipeline"),
    [
        (["Umbrella", "*"], "pipe of Umbrella"),
        (["umbrella", "boat", "*"], "pipe of boat"),
        (["Boat, Umbrella", "Boat"], "pipe of Boat, Umbrella"),
        (["*"], "pipe of *"),
    ],
)
def test_first_line_with_a_rule_decides_the_pipeline(sides: HeldSides, ruled: list[str], pipeline: str) -> None:
    rules(*ruled)
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(number="P-1", lineOfBusinesses=["Boat", "Umbrella"], insuredDatabaseId=insured["id"])
    sides.settle()
    assert placed(sides) == ("Boat, Umbrella Policy - P-1", pipeline)


def test_confirmed_record_never_erases_what_it_does_not_hold(sides: HeldSides) -> None:
    rules("Personal Auto", "*")
    insured = sides.nowcerts.add_insured(**ANA)
    policy = sides.nowcerts.add_policy(
        number="REAL-1", premium=900, lineOfBusinesses=[], carrierName="", insuredDatabaseId=insured["id"]
    )
    sides.hooks.clear()
    data = {"policyDatabaseId": policy["id"], "lineOfBusinessName": "Personal Auto", "carrier": "Acme", "premium": 1}
    sides.deliver((NOWCERTS_HOOK, {"event_type": "POLICY_INSERT", "data": data}))
    sides.settle()
    assert placed(sides) == ("Personal Auto Policy - REAL-1", "pipe of Personal Auto")
    stored = Policy.objects.get()
    assert (stored.carrier, stored.premium) == ("Acme", 90_000), "what the record holds goes before"

    sides.nowcerts.edit_policy(policy["id"], premium=950)
    sides.settle()
    assert placed(sides) == ("Personal Auto Policy - REAL-1", "pipe of Personal Auto")
