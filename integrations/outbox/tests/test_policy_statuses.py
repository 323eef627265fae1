"""The status of a policy decides that of its opportunity, once for each change; what people set otherwise stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.commerce.models import Policy
from integrations.fields.models import PolicyStatusRule
from integrations.outbox.models import OpportunityMapping, OutgoingWrite
from integrations.providers.nowcerts.policy_fields import status_in_name
from tests.fakes.http_server import Lost
from tests.harness.fake_sides import NOWCERTS_HOOK
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz"}
AUTO = {"number": "POL-123", "lineOfBusinessName": "Auto", "premium": 1200.5, "carrierName": "State Farm"}
YESTERDAY, TOMORROW = ((timezone.now() + timedelta(days=days)).strftime("%Y-%m-%dT00:00:00") for days in (-1, 1))


@pytest.fixture
def policy(sides: HeldSides) -> Any:
    """A policy at NowCerts whose opportunity is open."""
    sides.ghl.allows_duplicates = True
    insured = sides.nowcerts.add_insured(**ANA)
    record = sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    sides.settle()
    assert opportunity(sides)["status"] == "open"
    return record


def opportunity(sides: HeldSides) -> Any:
    (only,) = sides.ghl.opportunities.values()
    return only


def edit(sides: HeldSides, policy: Any, **fields: Any) -> str:
    sides.nowcerts.edit_policy(policy["id"], **fields)
    sides.settle()
    return str(opportunity(sides)["status"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "Active"}, "won"),
        ({"status": "Bound"}, "won"),
        ({"policyStatus": "In Force"}, "won"),
        ({"status": "IN-FORCE"}, "won"),
        ({"status": "Renewed"}, "won"),
        ({"status": {"name": "Reinstated"}}, "won"),
        ({"status": "Canceled"}, "lost"),
        ({"status": "Cancelled - Non-Payment"}, "lost"),
        ({"status": "cancelled (insured's request)"}, "lost"),
        ({"policyStatus": "Non-Renewed"}, "lost"),
        ({"cancellationDate": YESTERDAY}, "lost"),
        ({"status": "Active", "cancellationDate": YESTERDAY}, "lost"),
        ({"status": "Active", "cancellationDate": TOMORROW}, "won"),
        ({"status": "Active", "cancellationDate": YESTERDAY, "reinstatementDate": TOMORROW}, "won"),
        ({"status": "Active", "cancellationDate": "0001-01-01T00:00:00"}, "won"),
        ({"status": "Pending Cancellation"}, "open"),
        ({"status": "Expired"}, "open"),
        ({"status": "Rewritten"}, "open"),
        ({"status": "N/A"}, "open"),
        ({"status": ["Canceled"]}, "open"),
        ({"isQuote": True, "status": "Quoted"}, "open"),
        ({"isQuote": True, "status": "Active"}, "open"),
        ({"isQuote": True, "status": "Declined"}, "lost"),
        ({"isQuote": True, "status": "Expired"}, "lost"),
        ({"isQuote": True, "status": "Bound"}, "won"),
    ],
)
def test_status_of_a_policy_decides_that_of_its_opportunity(
    sides: HeldSides, policy: Any, fields: dict[str, Any], expected: str
) -> None:
    assert edit(sides, policy, **fields) == expected


def test_status_stands_in_the_write_as_other_values_do(sides: HeldSides, policy: Any) -> None:
    assert edit(sides, policy, status="Canceled") == "lost"
    write = OutgoingWrite.objects.filter(kind="opportunity").latest("pk")
    assert (write.before["status"], write.after["status"], write.request["body"]["status"]) == ("open", "lost", "lost")
    assert Policy.objects.get().status == "Canceled"


def test_new_policy_begins_with_its_status(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO, status="Active", insuredDatabaseId=insured["id"])
    sides.settle()
    assert opportunity(sides)["status"] == "won"


def test_what_people_set_stays_until_the_policys_status_changes(sides: HeldSides, policy: Any) -> None:
    assert edit(sides, policy, status="Active") == "won"
    sides.ghl.edit_opportunity(opportunity(sides)["id"], status="abandoned", pipelineStageId="stage-9")
    assert edit(sides, policy, premium=1300) == "abandoned"
    assert edit(sides, policy, status="Active") == "abandoned"
    assert edit(sides, policy, status="In Force") == "abandoned", "another word for the same"
    assert edit(sides, policy, status="Canceled") == "lost"
    assert opportunity(sides)["pipelineStageId"] == "stage-9"
    assert edit(sides, policy, status="Reinstated") == "won"


def test_unknown_status_between_two_known_ones_is_left_out(sides: HeldSides, policy: Any) -> None:
    statuses = [edit(sides, policy, status=status) for status in ("Active", "Under Review", "Canceled")]
    assert statuses == ["won", "won", "lost"]


def test_status_that_people_set_before_any_was_synced_stays(sides: HeldSides, policy: Any) -> None:
    """As after an upgrade: the statuses of all policies are read for the first time."""
    OpportunityMapping.objects.update(policy_status=None)
    sides.ghl.edit_opportunity(opportunity(sides)["id"], status="lost")
    assert edit(sides, policy, status="Active") == "lost"
    assert edit(sides, policy, status="Canceled") == "lost"
    assert edit(sides, policy, status="Active") == "won"


def test_status_whose_answer_was_lost_is_written_once(sides: HeldSides, policy: Any) -> None:
    sides.ghl.misbehave(Lost(), Lost(), on=f"/opportunities/{opportunity(sides)['id']}")
    assert edit(sides, policy, status="Canceled") == "lost"
    sides.ghl.edit_opportunity(opportunity(sides)["id"], status="open")
    assert edit(sides, policy, premium=1) == "open"


def test_status_in_the_name_of_an_event_counts_where_the_record_has_none(sides: HeldSides, policy: Any) -> None:
    sides.deliver((NOWCERTS_HOOK, {"EventType": "PolicyCanceled", "PolicyDatabaseId": policy["id"]}))
    sides.settle()
    assert opportunity(sides)["status"] == "lost"


def test_status_of_the_record_goes_before_the_name_of_an_event(sides: HeldSides, policy: Any) -> None:
    sides.muted = True
    sides.nowcerts.edit_policy(policy["id"], status="Active")
    sides.muted = False
    sides.deliver((NOWCERTS_HOOK, {"event_type": "POLICY_CANCELED", "data": {"policyDatabaseId": policy["id"]}}))
    sides.settle()
    assert opportunity(sides)["status"] == "won"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("POLICY_CANCELED", "Canceled"),
        ("policy.cancelled", "Canceled"),
        ("PolicyRenewed", "Renewed"),
        ("POLICY_NON_RENEWED", "Non-Renewed"),
        ("PolicyNonRenewed", "Non-Renewed"),
        ("POLICY_BOUND", "Bound"),
        ("QUOTE_DECLINED", "Declined"),
        ("QUOTE_LOST", "Lost"),
        ("POLICY_EXPIRED", "Expired"),
        ("POLICY_REINSTATED", "Reinstated"),
        ("POLICY_PENDING_CANCELLATION", ""),
        ("POLICY_UPDATE", ""),
        ("NEW_POLICY", ""),
    ],
)
def test_name_of_an_event_says_a_status_or_none(name: str, status: str) -> None:
    assert status_in_name(name) == status


@pytest.mark.parametrize(
    ("rule", "result", "fields", "expected"),
    [
        ("expired", "lost", {"status": "Expired"}, "lost"),
        ("Policy Expired", "lost", {"status": "Expired"}, "lost"),
        ("Quote Expired", "abandoned", {"status": "Expired"}, "open"),
        ("Quote Expired", "abandoned", {"status": "Expired", "isQuote": True}, "abandoned"),
        ("CANCELED", "", {"status": "Canceled"}, "open"),
        ("Under review", "abandoned", {"status": "under-review"}, "abandoned"),
    ],
)
def test_rule_of_staff_goes_before_the_default(
    sides: HeldSides, policy: Any, rule: str, result: str, fields: dict[str, Any], expected: str
) -> None:
    PolicyStatusRule.objects.create(policy_status=rule, opportunity_status=result)
    assert edit(sides, policy, **fields) == expected


def test_older_report_does_not_bring_a_status_back(sides: HeldSides, policy: Any) -> None:
    assert edit(sides, policy, status="Canceled") == "lost"
    Policy.objects.update(reported_times={"status": (timezone.now() + timedelta(hours=1)).timestamp()})
    assert edit(sides, policy, status="Active") == "lost"
