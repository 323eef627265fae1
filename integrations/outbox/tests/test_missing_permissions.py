"""A permission that is missing at a provider: what needs it waits, staff get one mail, and everything else goes on."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.mail.models import EmailMessage
from accounts.tests.admin_clients import page_of, signed_in
from accounts.tests.presses import list_of
from core.cause import Cause
from integrations import registry
from integrations.inbox.models import InboxEvent
from integrations.operations import health
from integrations.outbox import circuits, repair
from integrations.outbox.models import Circuit, OutgoingWrite
from integrations.reconcile import runs
from integrations.reconcile.models import SyncRun
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.fakes.http_server import Answer, Asked
from tests.fakes.nowcerts import FakeNowCerts
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": "+13055550100", "city": "Miami"}
AUTO = {"number": "POL-123", "lineOfBusinessName": "Auto", "premium": 1200.5}
WITHOUT_SCOPE = Answer(
    status=401, body=b'{"statusCode": 401, "message": "The token is not authorized for this scope."}'
)
FORBIDDEN = Answer(status=403, body=b'{"message": "Authorization has been denied for this request."}')


@pytest.fixture(autouse=True)
def _one_address(settings: Any) -> None:
    settings.ADMIN_EMAIL = ["staff@example.com"]
    health.forget()


class Refusing:
    """Refuses every call of a fake whose method and path begin so, until `give` is called."""

    def __init__(self, fake: FakeGoHighLevel | FakeNowCerts, answer: Answer, *calls: str) -> None:
        self.fake, self.calls, self.refused = fake, calls, 0
        self.usual = fake.answer

        def refuse(asked: Asked) -> Answer:
            if f"{asked.method} {asked.path}".startswith(self.calls):
                self.refused += 1
                return answer
            return self.usual(asked)

        fake.answer = refuse  # type: ignore[method-assign]

    def give(self) -> None:
        self.fake.answer = self.usual  # type: ignore[method-assign]


def pass_time(sides: HeldSides, *, minutes: int) -> None:
    """Deliver what came, then let time pass, a minute at a time."""
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        sides.deliver(hook)
    for _minute in range(minutes):
        sides.drain()
        sides.forward(timedelta(minutes=1))
    sides.drain()


def questions() -> list[Any]:
    rows = EmailMessage.objects.filter(kind="staff_question", context__question="missing_permission")
    return [row.context["details"][0] for row in rows.order_by("pk")]


def state() -> dict[str, Any]:
    health.forget()
    return health.report()


def open_circuits() -> list[tuple[str, str, str]]:
    rows = Circuit.objects.exclude(opened_at=None).order_by("pk")
    return list(rows.values_list("provider", "resource", "permission"))


@pytest.mark.parametrize(
    ("calls", "resource", "permission"),
    [
        (["GET /opportunities", "POST /opportunities"], "opportunities", "opportunities.readonly"),
        (["POST /opportunities"], "opportunities", "opportunities.write"),
        (["GET /locations"], "custom fields", "locations/customFields.readonly"),
    ],
)
@pytest.mark.parametrize("status", [401, 403])
def test_missing_scope_of_opportunities_leaves_contacts_alone(
    sides: HeldSides, calls: list[str], resource: str, permission: str, status: int
) -> None:
    sides.ghl.allows_duplicates = True
    answer = Answer(status=status, body=WITHOUT_SCOPE.body)
    refusing = Refusing(sides.ghl, answer, *calls)
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    pass_time(sides, minutes=40)
    assert open_circuits() == [("gohighlevel", resource, permission)]
    assert [one["email"] for one in sides.ghl.contacts.values()] == ["ana@example.com"]
    waiting = OutgoingWrite.objects.get(kind="opportunity")
    assert (waiting.status, waiting.failures, sides.ghl.opportunities) == ("pending", 0, {})
    assert permission in waiting.last_error or "is open" in waiting.last_error
    assert questions() == [permission], "one mail, however often it is tried"
    assert refusing.refused < 12, "it is left alone for longer and longer"
    report = state()
    assert (report["status"], report["missing_permissions"]) == ("degraded", {"gohighlevel": [permission]})
    assert report["circuits"][f"gohighlevel {resource}"] in ("open", "half-open")

    sides.nowcerts.edit(insured["id"], city="Tampa")
    pass_time(sides, minutes=1)
    assert next(iter(sides.ghl.contacts.values()))["city"] == "Tampa"

    refusing.give()
    pass_time(sides, minutes=12)
    assert [one["name"] for one in sides.ghl.opportunities.values()] == ["Auto Policy - POL-123"]
    assert (open_circuits(), state()["status"], "missing_permissions" in state()) == ([], "healthy", False)


def test_missing_scope_of_contacts_is_named_and_opportunities_of_known_contacts_go_on(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    refusing = Refusing(sides.ghl, WITHOUT_SCOPE, "PUT /contacts")
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    pass_time(sides, minutes=3)
    assert open_circuits() == [("gohighlevel", "contacts", "contacts.write")]
    assert len(sides.ghl.opportunities) == 1
    refusing.give()
    pass_time(sides, minutes=12)
    assert next(iter(sides.ghl.contacts.values()))["city"] == "Tampa"
    assert (open_circuits(), questions()) == ([], ["contacts.write"])


def test_missing_scope_given_and_taken_again_is_asked_about_again(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    insured = sides.nowcerts.add_insured(**ANA)
    for number in ("POL-1", "POL-2"):
        refusing = Refusing(sides.ghl, WITHOUT_SCOPE, "POST /opportunities")
        sides.nowcerts.add_policy(**AUTO | {"number": number}, insuredDatabaseId=insured["id"])
        pass_time(sides, minutes=2)
        refusing.give()
        pass_time(sides, minutes=12)
    assert (len(sides.ghl.opportunities), questions()) == (2, ["opportunities.write"] * 2)


def test_revoked_credentials_are_one_circuit_of_the_provider_and_one_mail(sides: HeldSides, settings: Any) -> None:
    sides.ghl.allows_duplicates = True
    right, settings.GHL_API_KEY = settings.GHL_API_KEY, "revoked"
    for number in range(3):
        insured = sides.nowcerts.add_insured(eMail=f"p{number}@example.com", firstName="Ana", lastName=str(number))
        sides.nowcerts.add_policy(**AUTO | {"number": f"POL-{number}"}, insuredDatabaseId=insured["id"])
    pass_time(sides, minutes=30)
    assert open_circuits() == [("gohighlevel", "", "credentials")]
    assert questions() == ["credentials"]
    assert state()["missing_permissions"] == {"gohighlevel": ["credentials"]}
    assert set(OutgoingWrite.objects.values_list("status", "failures")) == {("pending", 0)}

    settings.GHL_API_KEY = right
    pass_time(sides, minutes=12)
    assert (len(sides.ghl.contacts), len(sides.ghl.opportunities), open_circuits()) == (3, 3, [])


def test_server_errors_of_opportunities_alone_let_contacts_through(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = True
    refusing = Refusing(sides.ghl, Answer(status=503, body=b"{}"), "GET /opportunities", "POST /opportunities")
    insured = sides.nowcerts.add_insured(**ANA)
    for number in range(4):
        sides.nowcerts.add_policy(**AUTO | {"number": f"POL-{number}"}, insuredDatabaseId=insured["id"])
    pass_time(sides, minutes=5)
    assert open_circuits() == [("gohighlevel", "opportunities", "")]
    sides.nowcerts.edit(insured["id"], city="Tampa")
    pass_time(sides, minutes=1)
    assert next(iter(sides.ghl.contacts.values()))["city"] == "Tampa"
    refusing.give()
    pass_time(sides, minutes=130)
    assert (len(sides.ghl.opportunities), questions()) == (4, [])


def test_event_that_may_not_be_read_waits_and_is_processed_when_it_may(sides: HeldSides) -> None:
    refusing = Refusing(sides.nowcerts, FORBIDDEN, "GET /api/PolicyDetailList")
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    pass_time(sides, minutes=30)
    assert len(sides.ghl.contacts) == 1, "insureds go on"
    waiting = InboxEvent.objects.get(event_type="POLICY_INSERT")
    assert (waiting.status, waiting.failures) == ("pending", 0)
    assert open_circuits() == [("nowcerts", "policies", "read policies")]
    assert questions() == ["read policies"]
    refusing.give()
    pass_time(sides, minutes=12)
    waiting.refresh_from_db()
    assert (waiting.status, open_circuits()) == ("processed", [])


def test_contact_that_may_not_be_read_waits_and_its_events_do_not_fail(sides: HeldSides) -> None:
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz")
    refusing = Refusing(sides.ghl, WITHOUT_SCOPE, f"GET /contacts/{contact['id']}")
    pass_time(sides, minutes=30)
    assert open_circuits() == [("gohighlevel", "contacts", "contacts.readonly")]
    assert InboxEvent.objects.filter(status="failed").count() == 0
    refusing.give()
    pass_time(sides, minutes=12)
    assert [one["eMail"] for one in sides.nowcerts.insureds.values()] == ["ana@example.com"]
    assert open_circuits() == []


def test_list_that_may_not_be_read_is_left_out_and_read_by_the_next_run(sides: HeldSides) -> None:
    sides.ghl.allows_duplicates = sides.muted = True
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    refusing = Refusing(sides.nowcerts, FORBIDDEN, "GET /api/PolicyDetailList")
    nowcerts = registry.provider("nowcerts")
    runs.start(nowcerts, cause=Cause(text="test"))
    sides.settle()
    run = SyncRun.objects.get()
    assert (run.status, run.last_error) == ("failed", "not read for want of a permission: policies")
    assert len(sides.ghl.contacts) == 1, "the insureds were read"
    assert state()["missing_permissions"] == {"nowcerts": ["read policies"]}

    refusing.give()
    runs.start(nowcerts, cause=Cause(text="test"))
    sides.settle()
    assert (SyncRun.objects.get().status, len(sides.ghl.opportunities)) == ("done", 1)
    assert (open_circuits(), state()["status"]) == ([], "healthy")


def test_circuit_that_nothing_needs_any_more_is_closed_after_a_day(sides: HeldSides) -> None:
    """A write that was refused is skipped, and nothing else shows that the permission has been given."""
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    refusing = Refusing(sides.ghl, WITHOUT_SCOPE, "PUT /contacts")
    sides.nowcerts.edit(insured["id"], city="Tampa")
    pass_time(sides, minutes=2)
    waiting = OutgoingWrite.objects.get(status="pending")
    sides.forward(timedelta(hours=25))
    assert circuits.close_unneeded() == 0, "a write waits for it"
    assert repair.skip(waiting, cause=Cause(text="test"))
    sides.drain()
    assert (circuits.close_unneeded(), state()["status"]) == (1, "healthy")
    assert (open_circuits(), "missing_permissions" in state()) == ([], False)

    sides.nowcerts.edit(insured["id"], city="Orlando")
    pass_time(sides, minutes=2)
    assert open_circuits() == [("gohighlevel", "contacts", "contacts.write")]
    assert circuits.close_unneeded() == 0, "it was tried just now"
    assert (questions(), refusing.refused) == (["contacts.write"] * 2, refusing.refused)


def test_console_names_the_missing_permission_and_when_it_is_tried_again(sides: HeldSides, staff: Any) -> None:
    sides.ghl.allows_duplicates = True
    Refusing(sides.ghl, WITHOUT_SCOPE, "POST /opportunities")
    insured = sides.nowcerts.add_insured(**ANA)
    sides.nowcerts.add_policy(**AUTO, insuredDatabaseId=insured["id"])
    pass_time(sides, minutes=2)
    console, row = signed_in(staff), Circuit.objects.get(resource="opportunities")
    assert "opportunities.write" in console.get(list_of(Circuit)).content.decode()
    page = console.get(page_of(row)).content.decode()
    assert "add it to the integration of GHL_API_KEY" in page
