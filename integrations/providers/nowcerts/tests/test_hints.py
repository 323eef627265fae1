"""Webhooks as hints: the id of a record is all that is needed, and nothing strange beside it decides or refuses."""

import json
from datetime import timedelta
from typing import Any

import pytest

from accounts.people.models import Contact
from integrations.inbox.models import InboxEvent
from integrations.providers.nowcerts import webhooks
from integrations.providers.nowcerts.provider import PROVIDER
from integrations.providers.nowcerts.tests.conftest import ENDPOINT, TOKEN
from tests.fakes.nowcerts import FakeNowCerts

pytestmark = pytest.mark.django_db
INSURED = "5b1d7c1e-6f0a-4a63-9c52-0d8a1f0b7e01"
POLICY = "8f6f3c52-4c1f-4b0e-8b8e-6a2f3e1d9c02"
STRANGE: list[Any] = [True, 5.5, "strange", [], ["x"], {}, {"id": "x"}, {"a": {"b": []}}]


def finish(drain: Any, travel: Any) -> None:
    drain()
    travel(timedelta(minutes=1))
    drain()


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
@pytest.mark.parametrize("name", ["INSURED_UPDATE__notice", "INSURED_UPDATE__sync_with_id", "PROSPECT_UPDATE__zapier"])
def test_no_strange_field_refuses_a_hint(sample: Any, nowcerts: FakeNowCerts, name: str, strange: Any) -> None:
    payload = sample(name)
    inner = payload.get("data")
    for holder in (payload, inner if isinstance(inner, dict) else {}):
        for field in list(holder):
            if field in ("insuredDatabaseId", "InsuredDatabaseId", "database_id", "data", "event_type"):
                continue
            before, holder[field] = holder[field], strange
            envelope = webhooks.read(payload)
            assert (envelope.event_type in PROVIDER.handled, envelope.external_id) == (True, INSURED), field
            holder[field] = before


@pytest.mark.parametrize("strange", STRANGE, ids=repr)
def test_name_of_an_event_decides_nothing_beside_an_id(
    deliver: Any, drain: Any, travel: Any, nowcerts: FakeNowCerts, strange: Any
) -> None:
    nowcerts.add_insured(id=INSURED, firstName="Jane", eMail="jane@example.com", city="Tampa")
    assert deliver({"EventType": strange, "InsuredDatabaseId": INSURED}).status_code == 200
    finish(drain, travel)
    event = InboxEvent.objects.get()
    assert (event.status, event.event_type) == ("processed", "INSURED_UPDATE")
    assert Contact.objects.get().city == "Tampa"


@pytest.mark.parametrize(
    ("payload", "event_type"),
    [
        ({"EventType": "ClientTouched", "InsuredDatabaseId": INSURED}, "INSURED_UPDATE"),
        ({"event_type": "CLAIM_MERGED", "data": {"insuredDatabaseId": INSURED}}, "INSURED_UPDATE"),
        ({"event_type": ["INSURED_UPDATE"], "data": {"insuredId": INSURED, "eMail": []}}, "INSURED_UPDATE"),
        ({"data": {"databaseId": INSURED, "firstName": "Jane"}}, "INSURED_UPDATE"),
        ({"event_type": "INSURED_UPDATE", "InsuredDatabaseId": INSURED, "data": "none"}, "INSURED_UPDATE"),
        ({"EventType": "Touched", "InsuredDatabaseId": INSURED, "PolicyDatabaseId": POLICY}, "POLICY_UPDATE"),
        ({"event_type": "POLICY_UPDATE", "data": {"policyDatabaseId": POLICY, "premium": "much"}}, "POLICY_UPDATE"),
        ({"event_type": "CLAIM_INSERT", "data": {"databaseId": "a claim's"}}, "CLAIM_INSERT"),
        ({"event_type": "CLAIM_INSERT", "id": "a claim's"}, "CLAIM_INSERT"),
    ],
)
def test_unknown_event_is_a_change_of_what_it_names(
    nowcerts: FakeNowCerts, payload: dict[str, Any], event_type: str
) -> None:
    assert webhooks.read(payload).event_type == event_type


def test_unknown_event_is_ignored_without_the_api() -> None:
    payload = {"EventType": "ClientTouched", "InsuredDatabaseId": INSURED, "eMail": "jane@example.com"}
    assert webhooks.read(payload).event_type == "ClientTouched"


def test_strange_value_is_left_out_without_the_api(deliver: Any, drain: Any, sample: Any) -> None:
    payload = sample("PROSPECT_UPDATE__zapier") | {"city": ["Miami"], "zip_code": {"code": 1}, "event": {"at": 1}}
    assert deliver(payload).status_code == 200
    drain()
    contact = Contact.objects.get()
    assert (contact.email, contact.state, contact.city, contact.postal_code) == ("jane@example.com", "FL", "", "")


def test_rows_are_events_each_by_itself(deliver: Any, drain: Any, sample: Any) -> None:
    """An array of records, as a relay collects them; one that names nobody fails beside the others."""
    row = sample("PROSPECT_UPDATE__zapier")
    rows = [{**row, "database_id": f"id-{number}", "e_mail": f"jane{number}@example.com"} for number in range(3)]
    answer = deliver(json.dumps([*rows, {"first_name": "Nobody"}]).encode())
    drain()
    assert [line["status"] for line in answer.json()["batch"]] == [200, 200, 200, 422]
    assert sorted(Contact.objects.values_list("email", flat=True)) == [
        f"jane{number}@example.com" for number in range(3)
    ]
    assert sorted(InboxEvent.objects.values_list("status", flat=True)) == ["failed", *["processed"] * 3]


def test_rows_under_data_are_events_each_by_itself(deliver: Any, drain: Any) -> None:
    rows = [{"insuredDatabaseId": f"id-{number}", "eMail": f"jane{number}@example.com"} for number in range(2)]
    payload = {"event_type": "INSURED_UPDATE", "timestamp": "2026-03-02T10:30:00Z", "data": [*rows, "nobody"]}
    answer = deliver(payload)
    drain()
    assert (answer.status_code, [line["status"] for line in answer.json()["batch"]]) == (200, [200, 200, 422])
    assert Contact.objects.count() == 2
    assert [line["status"] for line in deliver(payload).json()["batch"]] == [409, 409, 422]


def test_one_row_under_data_is_answered_like_a_record(deliver: Any) -> None:
    row = {"insuredDatabaseId": INSURED, "eMail": "jane@example.com"}
    assert deliver({"event_type": "INSURED_UPDATE", "data": [row]}).json()["success"] is True
    assert InboxEvent.objects.get().payload == {"event_type": "INSURED_UPDATE", "data": row}


def test_fields_of_a_form_are_a_record(post: Any, drain: Any) -> None:
    form = b"database_id=id-1&first_name=Jane&e_mail=jane%40example.com"
    environ = {"CONTENT_TYPE": "application/x-www-form-urlencoded", "HTTP_AUTHORIZATION": f"Bearer {TOKEN}"}
    assert post(form, ENDPOINT, sign=False, **environ).status_code == 200
    drain()
    assert Contact.objects.get().first_name == "Jane"
