"""POST /api/v1/sync/manual: staff have one record synced now, or are told what that would change."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.commerce.models import Policy
from accounts.people.models import Contact, ContactChange, ContactMapping, User
from accounts.staff.tests.callers import bearer
from core.queue import waiting
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.outbox.models import OpportunityMapping, OutgoingWrite
from tests.fakes.http_server import Answer
from tests.fakes.nowcerts import failure
from tests.harness.fake_sides import contact_as, insured_as
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
URL = "/api/v1/sync/manual"
ANA = {"firstName": "Ana", "lastName": "Ruiz", "email": "ana@example.com", "phone": "+13055550100"}
TO_GHL = {"source": "nowcerts", "entity_type": "contact", "direction": "to_ghl", "data": ANA}
TO_NOWCERTS = {"source": "ghl", "entity_type": "contact", "direction": "to_nowcerts", "data": ANA}
POLICY = {
    "policyNumber": "POL-123",
    "policyType": "Auto",
    "premium": 1200.0,
    "carrier": "State Farm",
    "insuredEmail": "ana@example.com",
}
TABLES = (Contact, ContactChange, ContactMapping, ContactRefresh, InboxEvent, OutgoingWrite, Policy, OpportunityMapping)
Ask = Callable[..., Any]


@pytest.fixture
def ask(staff: User) -> Ask:
    """Asks for a sync as a script of staff would."""

    def post(body: Any, *, user: User | None = staff) -> Any:
        headers = bearer(user) if user is not None else {}
        return Client().post(URL, body, "application/json", headers=headers)

    return post


@pytest.fixture
def workers(sides: HeldSides, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that do what is due whenever a request looks again, on a clock that waits for nobody."""

    def work(seconds: float) -> None:
        sides.settle()

    monkeypatch.setattr(waiting, "sleep", work)


@pytest.fixture
def slow_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WAITS", 0.0)


def the(records: dict[str, Any]) -> Any:
    """The only one of a side's records."""
    assert len(records) == 1, records
    return next(iter(records.values()))


def rows() -> dict[str, list[Any]]:
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in TABLES}


def changing_calls(sides: HeldSides) -> list[Any]:
    """Return the requests to both sides that may have changed something there, in their order."""
    return [
        exchange.asked
        for side in (sides.nowcerts, sides.ghl)
        for exchange in side.exchanges
        if exchange.asked.method != "GET"
        and not exchange.asked.path.endswith(("/search", "/api/token", "/api/auth/login"))
    ]


# Who may ask, and how -------------------------------------------------------------------------------------------------


def test_only_staff_may_ask(sides: HeldSides, ask: Ask, user: User) -> None:
    assert ask(TO_GHL, user=None).status_code == 401
    assert ask(TO_GHL, user=user).status_code == 401  # the token of somebody who is no staff
    assert Client().get(f"{URL}/1").status_code == 401
    assert (InboxEvent.objects.count(), sides.ghl.exchanges, sides.nowcerts.exchanges) == (0, [], [])


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"source": "kajabi"}, ["source"]),
        ({"source": None}, ["source"]),
        ({"direction": "to_nowcerts"}, ["direction"]),
        ({"direction": "ghl"}, ["direction"]),
        ({"data": "Ana"}, ["data"]),
        ({"data": []}, ["data"]),
        ({"data": {"firstName": "Ana"}}, ["data", "email"]),
        ({"data": {"email": "ana@example.com", "phone": {"home": "1"}}}, ["data", "phone"]),
        ({"data": {"phone": "+13055550100"}}, ["data"]),
        ({"entity_type": "invoice"}, ["entity_type"]),
        ({"entity_type": "policy", "data": {"policyType": "Auto"}}, ["data", "policyNumber"]),
        ({"dry_run": "yes"}, ["dry_run"]),
    ],
)
def test_invalid_request_is_refused_naming_the_field(
    sides: HeldSides, ask: Ask, changed: dict[str, Any], place: list[str]
) -> None:
    answer = ask(TO_GHL | changed)
    assert answer.status_code == 422, answer.content
    (fault,) = answer.json()["detail"]
    assert (fault["loc"], fault["type"]) == (["body", *place], "value_error")
    assert fault["msg"]
    assert (InboxEvent.objects.count(), sides.ghl.exchanges, sides.nowcerts.exchanges) == (0, [], [])


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"entity_type": "policy", "data": POLICY}, ["entity_type"]),
        ({"direction": "to_ghl"}, ["direction"]),
        ({"data": {"firstName": "Ana"}}, ["data", "email"]),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_gohighlevel_record_is_accepted_in_its_own_format(
    sides: HeldSides, ask: Ask, changed: dict[str, Any], place: list[str], dry_run: bool
) -> None:
    answer = ask(TO_NOWCERTS | changed | {"dry_run": dry_run})
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body", *place])
    assert InboxEvent.objects.count() == 0


def test_a_list_is_no_request(sides: HeldSides, ask: Ask) -> None:
    answer = ask([TO_GHL])
    assert (answer.status_code, answer.json()["detail"][0]["loc"]) == (422, ["body"])


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("missing", ["GHL_API_KEY", "CONTACT_SYNC"])
def test_a_target_that_is_not_connected_is_said(
    sides: HeldSides, ask: Ask, settings: Any, missing: str, dry_run: bool
) -> None:
    setattr(settings, missing, "" if missing == "GHL_API_KEY" else False)
    answer = ask(TO_GHL | {"dry_run": dry_run})
    assert (answer.status_code, answer.json()["success"]) == (503, False)
    assert "GoHighLevel is not connected" in answer.json()["detail"]
    assert InboxEvent.objects.count() == 0


# Dry runs -------------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_be_made_and_writes_nothing(sides: HeldSides, ask: Ask, wakeups: list[Any]) -> None:
    before = rows()
    answer = ask(TO_GHL | {"dry_run": True})
    assert answer.status_code == 200
    assert answer.json()["success"] is True
    here = {"first_name": "Ana", "last_name": "Ruiz", "email": "ana@example.com", "phone": "+13055550100"}
    made = here | {"source": "NowCerts"}
    assert answer.json()["data"] == {
        "dry_run": True,
        "here": {name: {"before": "", "after": value} for name, value in here.items()},
        "there": [
            {
                "provider": "gohighlevel",
                "kind": "contact",
                "operation": "create",
                "external_id": None,
                "changes": {name: {"before": None, "after": value} for name, value in made.items()},
            }
        ],
    }
    assert (rows(), wakeups, changing_calls(sides)) == (before, [], [])


def test_a_dry_run_compares_with_what_stands_there_now(sides: HeldSides, ask: Ask, wakeups: list[Any]) -> None:
    sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    sides.settle()
    contact = the(sides.ghl.contacts)
    sides.muted = True
    sides.ghl.edit(contact["id"], state="FL")
    before, calls = rows(), len(changing_calls(sides))
    wakeups.clear()
    told = {"email": "ana@example.com", "city": "Tampa"}
    answer = ask(TO_GHL | {"data": told, "dry_run": True})
    assert answer.status_code == 200
    assert answer.json()["data"]["there"] == [
        {
            "provider": "gohighlevel",
            "kind": "contact",
            "operation": "update",
            "external_id": contact["id"],
            "changes": {"city": {"before": "Miami", "after": "Tampa"}},
        }
    ]
    assert answer.json()["data"]["here"] == {
        "city": {"before": "Miami", "after": "Tampa"},
        "state": {"before": "", "after": "FL"},
    }
    assert (rows(), wakeups, len(changing_calls(sides))) == (before, [], calls)


def test_a_dry_run_and_the_sync_that_follows_say_the_same(sides: HeldSides, ask: Ask, workers: None) -> None:
    sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", city="Miami")
    sides.settle()
    asked = TO_GHL | {"data": {"email": "ana@example.com", "city": "Tampa", "firstName": "Anna"}}
    (foretold,) = ask(asked | {"dry_run": True}).json()["data"]["there"]
    (written,) = ask(asked).json()["data"]["writes"]
    assert written["changes"] == foretold["changes"] == {
        "city": {"before": "Miami", "after": "Tampa"},
        "first_name": {"before": "Ana", "after": "Anna"},
    }  # fmt: skip
    (afterwards,) = ask(asked | {"dry_run": True}).json()["data"]["there"]
    assert (afterwards["operation"], afterwards["changes"]) == ("none", {})


def test_a_dry_run_reads_a_record_that_is_named_by_its_id(sides: HeldSides, ask: Ask, wakeups: list[Any]) -> None:
    sides.muted = True
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", city="Orlando")
    before = rows()
    answer = ask(TO_NOWCERTS | {"data": {"id": contact["id"], "city": "nowhere"}, "dry_run": True})
    (there,) = answer.json()["data"]["there"]
    assert (there["operation"], there["changes"]["city"]) == ("create", {"before": None, "after": "Orlando"})
    assert (rows(), wakeups, changing_calls(sides)) == (before, [], [])


@pytest.mark.parametrize("entity_type", ["policy", "quote"])
def test_a_dry_run_of_a_policy_says_what_its_opportunity_would_be(
    sides: HeldSides, ask: Ask, wakeups: list[Any], entity_type: str
) -> None:
    before = rows()
    answer = ask(TO_GHL | {"entity_type": entity_type, "data": POLICY, "dry_run": True})
    assert answer.status_code == 200, answer.content
    contact, opportunity = answer.json()["data"]["there"]
    assert (contact["kind"], contact["operation"]) == ("contact", "create")
    assert (opportunity["kind"], opportunity["operation"]) == ("opportunity", "create")
    title = f"Auto {entity_type.capitalize()} - POL-123"
    assert opportunity["changes"] == {
        "title": {"before": None, "after": title},
        "amount": {"before": None, "after": 120000},
        "policy_number": {"before": None, "after": "POL-123"},
        "carrier": {"before": None, "after": "State Farm"},
    }
    assert (rows(), wakeups, changing_calls(sides)) == (before, [], [])


def test_a_dry_run_of_a_policy_compares_with_its_opportunity(sides: HeldSides, ask: Ask, workers: None) -> None:
    assert ask(TO_GHL | {"entity_type": "policy", "data": POLICY}).status_code == 200
    made = the(sides.ghl.opportunities)
    before, calls = rows(), len(changing_calls(sides))
    answer = ask(TO_GHL | {"entity_type": "policy", "data": POLICY | {"premium": 1300}, "dry_run": True})
    opportunity = answer.json()["data"]["there"][1]
    assert (opportunity["operation"], opportunity["external_id"]) == ("update", made["id"])
    assert opportunity["changes"]["amount"] == {"before": 120000, "after": 130000}
    assert (rows(), len(changing_calls(sides))) == (before, calls)


def test_a_dry_run_says_what_stands_in_the_way(sides: HeldSides, ask: Ask, wakeups: list[Any]) -> None:
    sides.ghl.misbehave(*[Answer(status=503, body=b"{}")] * 5)
    before = rows()
    answer = ask(TO_GHL | {"dry_run": True})
    assert (answer.status_code, answer.json()["success"]) == (502, False)
    assert "503" in answer.json()["detail"]
    assert answer.json()["data"]["there"][0]["operation"] == "unknown"
    assert (rows(), wakeups) == (before, [])


def test_a_dry_run_of_a_record_that_the_source_does_not_have_says_so(sides: HeldSides, ask: Ask) -> None:
    answer = ask(TO_NOWCERTS | {"data": {"id": "nobody"}, "dry_run": True})
    assert (answer.status_code, answer.json()["success"]) == (502, False)
    assert "does not know contact nobody" in answer.json()["detail"]


# Syncs ----------------------------------------------------------------------------------------------------------------


def test_a_sync_to_gohighlevel_writes_and_answers_what_it_wrote(
    sides: HeldSides, ask: Ask, workers: None, staff: User
) -> None:
    answer = ask(TO_GHL)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    contact = the(sides.ghl.contacts)
    assert (told["success"], told["message"]) == (True, "Sincronización completada")
    assert (told["data"]["status"], told["data"]["contact_id"]) == ("done", Contact.objects.get().pk)
    (write,) = told["data"]["writes"]
    assert (write["provider"], write["operation"], write["status"], write["external_id"], write["attempts"]) == (
        "gohighlevel", "create", "done", contact["id"], 1
    )  # fmt: skip
    assert write["changes"]["email"] == {"before": None, "after": "ana@example.com"}
    assert (contact["email"], contact["phone"], contact["source"]) == ("ana@example.com", "+13055550100", "NowCerts")
    event = InboxEvent.objects.get(endpoint="manual")
    assert (event.status, event.headers["x-staff"]) == ("processed", f"staff: {staff}")


def test_a_sync_to_nowcerts_of_a_contact_with_an_id_reads_it_there(sides: HeldSides, ask: Ask, workers: None) -> None:
    sides.muted = True
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz", city="Orlando")
    answer = ask(TO_NOWCERTS | {"data": {"id": contact["id"], "city": "what nobody there says"}})
    assert (answer.status_code, answer.json()["success"]) == (200, True), answer.content
    assert insured_as(the(sides.nowcerts.insureds)) == contact_as(contact)
    assert Contact.objects.get().city == "Orlando"


def test_an_insured_with_an_id_is_read_there_too(sides: HeldSides, ask: Ask, workers: None) -> None:
    sides.muted = True
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", city="Miami")
    answer = ask(TO_GHL | {"data": {"insuredDatabaseId": insured["id"], "city": "what nobody there says"}})
    assert (answer.status_code, the(sides.ghl.contacts)["city"]) == (200, "Miami")
    assert not ContactChange.objects.filter(name="city").exists()


def test_a_sync_of_what_is_known_already_looks_at_what_stands_there(sides: HeldSides, ask: Ask, workers: None) -> None:
    assert ask(TO_GHL).status_code == 200
    again = ask(TO_GHL)
    assert (again.status_code, again.json()["message"]) == (200, "Ya estaba igual: no hubo nada que escribir")
    assert [write["status"] for write in again.json()["data"]["writes"]] == ["not_needed"]
    assert [asked.method for asked in sides.writes(sides.ghl)] == ["POST"]


@pytest.mark.parametrize("entity_type", ["policy", "quote"])
def test_a_policy_becomes_an_opportunity_after_its_contact(
    sides: HeldSides, ask: Ask, workers: None, entity_type: str
) -> None:
    answer = ask(TO_GHL | {"entity_type": entity_type, "data": POLICY})
    assert answer.status_code == 200, answer.content
    opportunity = the(sides.ghl.opportunities)
    assert opportunity["name"] == f"Auto {entity_type.capitalize()} - POL-123"
    assert opportunity["contactId"] == the(sides.ghl.contacts)["id"]
    kinds = {(write["kind"], write["status"]) for write in answer.json()["data"]["writes"]}
    assert kinds == {("contact", "done"), ("opportunity", "done")}


def test_a_policy_with_an_id_is_read_there_with_its_insured(sides: HeldSides, ask: Ask, workers: None) -> None:
    sides.muted = True
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana")
    policy = sides.nowcerts.add_policy(number="POL-9", lineOfBusinessName="Home", insuredDatabaseId=insured["id"])
    asked = TO_GHL | {"entity_type": "policy", "data": {"policyDatabaseId": policy["id"]}}
    foretold = ask(asked | {"dry_run": True}).json()["data"]["there"]
    assert [(one["kind"], one["operation"]) for one in foretold] == [("contact", "create"), ("opportunity", "create")]
    answer = ask(asked)
    assert (answer.status_code, answer.json()["success"]) == (200, True), answer.content
    assert the(sides.ghl.opportunities)["name"] == "Home Policy - POL-9"
    assert answer.json()["data"]["contact_id"] == Contact.objects.get().pk


def test_a_policy_of_nobody_is_kept_and_said(sides: HeldSides, ask: Ask, workers: None) -> None:
    nobodys = {name: value for name, value in POLICY.items() if name != "insuredEmail"}
    answer = ask(TO_GHL | {"entity_type": "policy", "data": nobodys})
    assert (answer.status_code, answer.json()["success"]) == (502, False)
    assert answer.json()["detail"] == "NowCerts has no policy or quote with the number POL-123 (State Farm)"
    assert InboxEvent.objects.get().status == "failed"


def test_a_policy_is_found_by_its_number_alone(sides: HeldSides, ask: Ask, workers: None) -> None:
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz")
    sides.nowcerts.add_policy(number="POL-123", lineOfBusinessName="Auto", insuredDatabaseId=insured["id"])
    sides.hooks.clear()
    nobodys = {name: value for name, value in POLICY.items() if name != "insuredEmail"}
    asked = TO_GHL | {"entity_type": "policy", "data": nobodys}
    foretold = ask(asked | {"dry_run": True}).json()["data"]["there"]
    assert [(one["kind"], one["operation"]) for one in foretold] == [("contact", "create"), ("opportunity", "create")]
    answer = ask(asked)
    assert (answer.status_code, answer.json()["success"]) == (200, True), answer.content
    assert the(sides.ghl.opportunities)["name"] == "Auto Policy - POL-123"


# Slow workers, refusals -----------------------------------------------------------------------------------------------


def test_with_slow_workers_the_answer_says_where_to_look(
    sides: HeldSides, ask: Ask, slow_workers: None, staff: User
) -> None:
    answer = ask(TO_GHL)
    told = answer.json()
    assert (answer.status_code, told["success"], told["data"]["status"]) == (202, True, "pending")
    event = InboxEvent.objects.get()
    assert told["status_url"] == f"/api/v1/sync/manual/{event.pk}"
    headers = bearer(staff)
    assert Client().get(told["status_url"], headers=headers).status_code == 202
    sides.settle()
    end = Client().get(told["status_url"], headers=headers)
    assert (end.status_code, end.json()["data"]["status"]) == (200, "done")
    assert end.json()["data"]["writes"][0]["external_id"] == the(sides.ghl.contacts)["id"]
    assert "status_url" not in end.json()


def test_the_status_of_what_was_no_sync_is_not_found(sides: HeldSides, staff: User) -> None:
    sides.nowcerts.add_insured(eMail="ana@example.com")
    sides.settle()
    headers = bearer(staff)
    event = InboxEvent.objects.latest("pk")
    for key in (event.pk, 999_999, 10**30):
        assert Client().get(f"{URL}/{key}", headers=headers).status_code == 404


def test_what_the_provider_refuses_is_answered_with_its_words(sides: HeldSides, ask: Ask, workers: None) -> None:
    sides.nowcerts.misbehave(failure("State is not valid"), on="/api/Insured/OnlyInsertInsured")
    answer = ask(TO_NOWCERTS | {"data": ANA | {"state": "Florida?"}})
    told = answer.json()
    assert (answer.status_code, told["success"], told["data"]["status"]) == (502, False, "failed")
    assert "State is not valid" in told["detail"]
    assert told["data"]["writes"][0]["status"] == "failed"
    assert sides.nowcerts.insureds == {}


def test_a_record_that_was_deleted_there_is_said(sides: HeldSides, ask: Ask, workers: None) -> None:
    assert ask(TO_GHL).status_code == 200
    sides.ghl.delete_contact(next(iter(sides.ghl.contacts)))
    sides.settle()
    answer = ask(TO_GHL)
    assert (answer.status_code, sides.ghl.contacts) == (502, {})
    assert "was deleted there" in answer.json()["detail"]


def test_while_the_provider_is_away_the_answer_says_what_is_waited_for(
    sides: HeldSides, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = iter([sides.drain] * 3)
    monkeypatch.setattr(waiting, "sleep", lambda seconds: next(looks)())
    monkeypatch.setattr(waiting, "monotonic", iter([0.0, 1.0, 2.0, 99.0]).__next__)
    sides.ghl.misbehave(*[Answer(status=503, body=b"{}")] * 50)
    answer = ask(TO_GHL)
    assert (answer.status_code, answer.json()["success"]) == (202, True)
    assert "503" in answer.json()["message"]
    sides.heal()
    sides.settle()
    assert the(sides.ghl.contacts)["email"] == "ana@example.com"
