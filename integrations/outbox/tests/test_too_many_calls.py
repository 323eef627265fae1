"""Writes that a limit refused: each is repeated when the limit allows, and none is made twice."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from django.utils import timezone

from core.queue.delivery import LeaseLost
from integrations.contracts.mirror import OutgoingCall, Sent
from integrations.outbox import contacts
from integrations.outbox.contacts import SEARCH_LAG
from integrations.outbox.models import Circuit, OutgoingWrite
from integrations.outbox.planning import PlannedWrite
from integrations.providers.gohighlevel.client import GoHighLevelClient
from integrations.providers.gohighlevel.contact_api import GoHighLevelContacts
from integrations.toolkit.failures import TemporaryFailure
from integrations.toolkit.retries import until_allowed
from tests.fakes import gohighlevel
from tests.fakes.http_server import Answer, Lost
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": "+13055550100"}
WINDOW = 10.5  # seconds: GoHighLevel's, and the margin of our count of it
CREATES = "/contacts/"
LOOKS = "/contacts/search/duplicate"


def write(**wanted: Any) -> OutgoingWrite:
    return OutgoingWrite.objects.filter(**wanted).latest("pk")


def wait_of(row: OutgoingWrite) -> float:
    """The seconds from now until the row is due."""
    assert row.next_attempt_at is not None
    return (row.next_attempt_at - timezone.now()).total_seconds()


def is_within(seconds: float, wanted: float) -> bool:
    """Return whether a wait is the wanted one with its jitter, as far as the clock can be read meanwhile."""
    return wanted - 1.5 <= seconds <= min(wanted * 1.25, 60.0) + 0.1


def take(sides: HeldSides) -> None:
    """Deliver what the sides say, and do what is due at this moment."""
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        assert sides.deliver(hook).status_code in (200, 409)
    sides.drain()


def created_once_refused(sides: HeldSides, *answers: Any) -> OutgoingWrite:
    """The write of a new contact whose create got these answers instead of the real one."""
    sides.nowcerts.add_insured(**ANA)
    sides.ghl.misbehave(*[Answer(status=200, body=b'{"contact": null}')] * 2, on=LOOKS)  # by e-mail, by phone
    sides.ghl.misbehave(*answers, on=CREATES)
    take(sides)
    return write()


def creates(sides: HeldSides) -> int:
    return sum(asked.method == "POST" for asked in sides.ghl.asked_for(CREATES))


def date_in(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("retry_after", "wanted"),
    [
        (None, WINDOW),
        ("20", 20.0),
        ("20.5", 20.5),
        (date_in, 20.0),
        ("86400", 60.0),
        ("9" * 400, 60.0),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 60.0),
        ("soon", WINDOW),
        ("-5", WINDOW),
        ("nan", WINDOW),
    ],
)
def test_create_answered_429_is_made_again_when_the_limit_allows(
    sides: HeldSides, retry_after: Any, wanted: float
) -> None:
    said = retry_after(20) if callable(retry_after) else retry_after
    headers = {} if said is None else {"Retry-After": said}
    row = created_once_refused(sides, Answer(status=429, body=b"{}", headers=headers))
    assert (row.status, row.failures, row.operation, creates(sides)) == ("pending", 0, "create", 1)
    assert is_within(wait_of(row), wanted), wait_of(row)
    assert "429" in row.last_error
    assert Circuit.objects.filter(failures__gt=0).count() == 0

    sides.forward(timedelta(seconds=wait_of(row) + 0.5))
    take(sides)
    row.refresh_from_db()
    assert (row.status, creates(sides), len(sides.ghl.contacts)) == ("done", 2, 1)


def test_limit_in_the_vendors_headers_says_when(sides: HeldSides) -> None:
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Interval-Milliseconds": "25000"}
    row = created_once_refused(sides, Answer(status=429, body=b"{}", headers=headers))
    assert is_within(wait_of(row), 25.0)


def test_daily_limit_that_is_spent_is_asked_about_once_a_minute(sides: HeldSides) -> None:
    headers = {"X-RateLimit-Daily-Remaining": "0", "X-RateLimit-Interval-Milliseconds": "10000"}
    row = created_once_refused(sides, Answer(status=429, body=b"{}", headers=headers))
    assert is_within(wait_of(row), 60.0)


def test_create_answered_429_again_and_again_waits_each_time_and_never_fails(sides: HeldSides) -> None:
    row = created_once_refused(sides, gohighlevel.too_many())
    for _time in range(40):  # more than the failures that a row may have
        sides.ghl.misbehave(gohighlevel.too_many(), on="/contacts")
        sides.forward(timedelta(seconds=wait_of(row) + 0.5))
        take(sides)
        row.refresh_from_db()
        assert row.status == "pending"
        assert wait_of(row) <= WINDOW * 1.25 + 0.1
    sides.settle()
    assert len(sides.ghl.contacts) == 1


def test_create_whose_answer_was_lost_is_looked_for_before_it_is_made_again(sides: HeldSides) -> None:
    row = created_once_refused(sides, Lost())
    sides.ghl.lag = 0.0
    assert (row.status, row.response, creates(sides)) == ("pending", None, 1)
    requested_at = row.requested_at
    assert requested_at is not None
    # Not even a search finds it for a while.
    sides.ghl.misbehave(*[Answer(status=200, body=b'{"contact": null}')] * 2, on=LOOKS)
    sides.forward(timedelta(seconds=wait_of(row) + 0.5))
    take(sides)
    row.refresh_from_db()
    assert row.next_attempt_at == requested_at + SEARCH_LAG
    sides.settle()
    assert (creates(sides), len(sides.ghl.contacts)) == (1, 1)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_servers_error_is_no_proof_that_nothing_was_made(sides: HeldSides, status: int) -> None:
    row = created_once_refused(sides, Answer(status=status, body=b"{}", headers={"Retry-After": "1"}))
    requested_at = row.requested_at
    assert (row.response, requested_at is not None) == (None, True)
    assert requested_at is not None
    sides.forward(timedelta(seconds=wait_of(row) + 0.5))
    take(sides)
    row.refresh_from_db()
    assert (row.next_attempt_at, creates(sides)) == (requested_at + SEARCH_LAG, 1)
    sides.settle()
    assert (creates(sides), len(sides.ghl.contacts)) == (2, 1)


def test_refused_connection_is_noted_as_not_done(sides: HeldSides, settings: Any) -> None:
    row = created_once_refused(sides, Lost())
    settings.GHL_BASE_URL = "http://127.0.0.1:1"
    book = GoHighLevelContacts(GoHighLevelClient(sleep=lambda seconds: None))
    planned = PlannedWrite(call=book.creation({"email": "ana@example.com"}), before={}, after={})
    with pytest.raises(TemporaryFailure) as caught:
        contacts.send(row, book, planned)
    assert caught.value.had_no_effect
    row.refresh_from_db()
    assert "no connection could be made" in row.response["refused"]


def test_refusal_after_the_lease_is_not_stored(
    sides: HeldSides, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = created_once_refused(sides, Lost())
    settings.GHL_BASE_URL = "http://127.0.0.1:1"
    book = GoHighLevelContacts(GoHighLevelClient(patience=1.0))
    planned = PlannedWrite(call=book.creation({"email": "ana@example.com"}), before={}, after={})
    call_provider = book.send

    def send_and_lose_the_lease(_book: GoHighLevelContacts, call: OutgoingCall) -> Sent:
        OutgoingWrite.objects.filter(pk=row.pk).update(attempts=row.attempts + 1)
        return call_provider(call)

    monkeypatch.setattr(GoHighLevelContacts, "send", send_and_lose_the_lease)
    with pytest.raises(LeaseLost):
        contacts.send(row, book, planned)
    row.refresh_from_db()
    assert row.response is None


def test_insured_answered_429_is_made_again_after_a_window(sides: HeldSides) -> None:
    """NowCerts says nothing of its limits, and none is counted for it."""
    sides.nowcerts.misbehave(*[Answer(status=429, body=b"{}")] * 2, on="/api/Insured/OnlyInsertInsured")
    sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz")
    sides.muted = True
    sides.hooks[:] = sides.hooks[:1]
    for _moment in range(10):
        take(sides)
        row = OutgoingWrite.objects.filter(provider="nowcerts").first()
        if row is not None and "429" in row.last_error:
            break
        sides.forward(timedelta(seconds=6))
    assert row is not None
    assert is_within(wait_of(row), 10.0), wait_of(row)
    sides.forward(timedelta(seconds=wait_of(row) + 0.5))
    take(sides)
    row.refresh_from_db()
    assert (row.status, len(sides.nowcerts.insureds)) == ("done", 1)


def test_opportunity_answered_429_is_made_again_when_the_limit_allows(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.ghl.misbehave(
        Answer(status=200, body=b'{"opportunities": []}'), on="/opportunities/search"
    )  # nothing of the kind is there
    sides.ghl.misbehave(gohighlevel.too_many(), on="/opportunities/")
    sides.nowcerts.add_policy(number="POL-1", lineOfBusinessName="Auto", insuredDatabaseId=insured["id"])
    take(sides)
    # The search took its answer; the pipelines were read; the create was refused.
    row = write(kind="opportunity")
    for _moment in range(3):
        if "429" in row.last_error:
            break
        sides.forward(timedelta(seconds=6))
        take(sides)
        row.refresh_from_db()
    assert "429" in row.last_error
    assert is_within(wait_of(row), WINDOW), wait_of(row)
    sides.forward(timedelta(seconds=wait_of(row) + 0.5))
    take(sides)
    row.refresh_from_db()
    assert (row.status, len(sides.ghl.opportunities)) == ("done", 1)


def test_many_writes_at_a_small_limit_are_all_made_and_open_no_circuit(sides: HeldSides) -> None:
    sides.ghl.limit, sides.ghl.clock = 7, lambda: timezone.now().timestamp()
    for number in range(6):
        sides.nowcerts.add_insured(eMail=f"person{number}@example.com", firstName="Ana", lastName=str(number))
    sides.settle(rounds=200)
    assert len(sides.ghl.contacts) == 6
    assert Circuit.objects.exclude(opened_at=None).count() == 0
    assert OutgoingWrite.objects.exclude(status="done").count() == 0


@pytest.mark.parametrize(
    ("asked", "least", "most"), [(None, 10, 12.5), (0.0, 1, 1.25), (30.0, 30, 37.5), (60.0, 60, 60)]
)
def test_wait_for_a_limit_is_what_was_asked_for_with_jitter(asked: float | None, least: float, most: float) -> None:
    waits = [until_allowed(asked) for _try in range(50)]
    assert all(least <= wait <= most for wait in waits)
