"""The first sync: both sides are read and compared, nothing is written, and one confirmed start begins."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.people.models import Contact
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, signed_in
from accounts.tests.presses import press
from core.cause import Cause
from integrations.operations import health
from integrations.outbox import enqueue, repair, switch
from integrations.outbox.models import FirstSync, OutgoingWrite
from integrations.outbox.models.first_sync import GUIDED, LONG_PAUSE
from integrations.outbox.switch import Writing
from integrations.reconcile import first_sync, runs
from integrations.reconcile.first_sync import CannotStart
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
PAGE = "/admin/first-sync/"
STAFF = Cause(text="staff")


@pytest.fixture(autouse=True)
def _guided(sides: HeldSides, settings: Any) -> None:
    settings.CONTACT_SYNC = GUIDED


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def old_records(sides: HeldSides) -> tuple[Any, Any]:
    """Put records on both sides of which no webhook told: (an insured, a contact); Ana is on both, with two cities."""
    sides.muted = True
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    contact = sides.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz", address1="Main St 1")
    sides.nowcerts.add_insured(eMail="bea@example.com", firstName="Bea", lastName="Paz")
    sides.ghl.add_contact(email="carl@example.com", firstName="Carl", lastName="Sol")
    sides.muted = False
    return insured, contact


def look(sides: HeldSides) -> FirstSync:
    """Read both sides as staff do, and run until that is done."""
    first_sync.begin(cause=STAFF)
    for _moment in range(12):
        sides.drain()
        sides.forward(first_sync.LOOK_AGAIN * 2)
        row = FirstSync.objects.latest("pk")
        if row.status != "pending":
            return row
    raise AssertionError(row.last_error)


def written(sides: HeldSides) -> int:
    return len(sides.writes(sides.nowcerts)) + len(sides.writes(sides.ghl))


def start(row: FirstSync) -> None:
    first_sync.start_writing(row, confirmed=first_sync.totals(first_sync.figures()), cause=STAFF)


def test_both_sides_are_read_and_nothing_is_written_before_the_start(sides: HeldSides) -> None:
    insured, contact = old_records(sides)
    row = look(sides)
    assert (row.status, written(sides)) == ("ready", 0)
    figures = {side.provider.key: (side.creates, side.changes) for side in first_sync.figures()}
    assert figures == {"nowcerts": (1, 1), "gohighlevel": (1, 1)}
    start(row)
    sides.settle()
    assert (insured["addressLine1"], contact["city"]) == ("Main St 1", "Miami")
    assert sorted(one["email"] for one in sides.ghl.contacts.values()) == [
        "ana@example.com", "bea@example.com", "carl@example.com"
    ]  # fmt: skip
    assert len(sides.nowcerts.insureds) == 3
    assert not OutgoingWrite.objects.exclude(status__in=["done", "not_needed"]).exists()


def by_webhook(sides: HeldSides, console: Client) -> None:
    sides.nowcerts.add_insured(eMail="dora@example.com", firstName="Dora")


def by_reconciliation(sides: HeldSides, console: Client) -> None:
    old_records(sides)
    for side in enqueue.mirrored_providers().values():
        runs.start(side, cause=STAFF)


def by_policy(sides: HeldSides, console: Client) -> None:
    insured = sides.nowcerts.add_insured(eMail="dora@example.com", firstName="Dora")
    sides.nowcerts.add_policy(number="POL-1", insuredDatabaseId=insured["id"])


def by_retry(sides: HeldSides, console: Client) -> None:
    contact = Contact.objects.create(email="ana@example.com")
    enqueue.enqueue_write(contact, "gohighlevel", cause=STAFF)
    sides.drain()
    repair.retry(OutgoingWrite.objects.all())


@pytest.mark.parametrize("way", [by_webhook, by_reconciliation, by_policy, by_retry])
def test_no_way_writes_before_the_start(
    sides: HeldSides, console: Client, way: Callable[[HeldSides, Client], None]
) -> None:
    way(sides, console)
    for _moment in range(4):
        hooks, sides.hooks[:] = list(sides.hooks), []
        for hook in hooks:
            assert sides.deliver(hook).status_code == 200
        sides.drain()
        sides.forward(timedelta(hours=2))
    assert written(sides) == 0
    assert not sides.ghl.opportunities
    held = OutgoingWrite.objects.filter(status="pending")
    assert held.exists()
    assert {row.last_error for row in held} == {switch.REASONS[Writing.WAITING]}


def test_sync_now_says_why_nothing_is_written(sides: HeldSides, console: Client) -> None:
    contact = Contact.objects.create(email="ana@example.com")
    (message,) = press(console, contact, "sync-now")
    assert "First sync" in message
    assert OutgoingWrite.objects.count() == 0


def test_manual_sync_is_refused_and_its_dry_run_is_not(sides: HeldSides, console: Client) -> None:
    body: dict[str, Any] = {"source": "nowcerts", "entity_type": "contact", "direction": "to_ghl"}
    body["data"] = {"firstName": "Ana", "email": "ana@example.com"}

    def posted(**more: Any) -> Any:
        return console.post("/api/v1/sync/manual", json.dumps(body | more), content_type="application/json")

    refused = posted()
    assert (refused.status_code, "First sync" in refused.json()["detail"]) == (503, True)
    assert posted(dry_run=True).status_code == 200
    assert written(sides) == 0


def test_start_is_confirmed_with_the_figures_that_staff_saw(sides: HeldSides) -> None:
    old_records(sides)
    row = look(sides)
    seen = first_sync.totals(first_sync.figures())
    contact = Contact.objects.create(email="late@example.com")
    enqueue.enqueue_write(contact, "gohighlevel", cause=STAFF)
    with pytest.raises(CannotStart, match="figures have changed"):
        first_sync.start_writing(row, confirmed=seen, cause=STAFF)
    assert switch.state() is Writing.WAITING


def test_second_of_two_starts_is_refused(sides: HeldSides) -> None:
    old_records(sides)
    row = look(sides)
    start(row)
    with pytest.raises(CannotStart, match="somebody started it"):
        start(row)


def test_start_before_both_sides_are_read_is_refused(sides: HeldSides) -> None:
    row = first_sync.begin(cause=STAFF)
    with pytest.raises(CannotStart, match="must be read first"):
        start(row)
    assert first_sync.begin(cause=STAFF).pk == row.pk, "it is under way"


def test_what_changed_while_the_sync_was_off_is_enqueued_by_the_look(sides: HeldSides, settings: Any) -> None:
    insured, contact = old_records(sides)
    start(look(sides))
    sides.settle()
    settings.CONTACT_SYNC = False
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert not OutgoingWrite.objects.filter(status="pending").exists()
    settings.CONTACT_SYNC = GUIDED
    sides.forward(LONG_PAUSE + timedelta(days=1))
    assert switch.state() is Writing.WAITING, "so long a pause wants another look"
    row = look(sides)
    assert contact["city"] == "Miami"
    start(row)
    sides.settle()
    assert contact["city"] == "Tampa"


def test_short_pause_wants_no_other_start(sides: HeldSides) -> None:
    old_records(sides)
    start(look(sides))
    sides.settle()
    for _week in range(6):
        sides.forward(timedelta(days=7))
        sides.nowcerts.edit(next(iter(sides.nowcerts.insureds)), city=f"Town {_week}")
        sides.settle()
        assert switch.state() is Writing.ON, "each reading counts"


def test_setting_true_writes_at_once_and_false_never(sides: HeldSides, settings: Any) -> None:
    settings.CONTACT_SYNC = True
    sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana")
    sides.settle()
    assert len(sides.ghl.contacts) == 1
    settings.CONTACT_SYNC = False
    sides.nowcerts.add_insured(eMail="bea@example.com", firstName="Bea")
    sides.settle()
    assert len(sides.ghl.contacts) == 1
    with pytest.raises(CannotStart):
        first_sync.begin(cause=STAFF)


# In the console ------------------------------------------------------------------------------------------------------


def test_page_reads_shows_each_record_with_its_differences_and_starts(sides: HeldSides, console: Client) -> None:
    _insured, contact = old_records(sides)
    assert "waiting for start" in console.get(PAGE).content.decode()
    console.post(PAGE, {"step": "read"})
    for _moment in range(8):
        sides.drain()
        sides.forward(first_sync.LOOK_AGAIN * 2)
    shown = console.get(PAGE).content.decode()
    assert "Start writing: 2 to create, 2 to change, 0 opportunities" in shown
    changes = console.get(PAGE, {"list": "changes", "provider": "gohighlevel"}).content.decode()
    assert "Miami" in changes, "the exact difference"
    assert "ana@example.com" in changes
    creates = console.get(PAGE, {"list": "creates", "provider": "gohighlevel"}).content.decode()
    assert "bea@example.com" in creates
    assert written(sides) == 0
    console.post(PAGE, {"step": "start", "creates": "2", "changes": "2", "opportunities": "0"})
    sides.settle()
    assert contact["city"] == "Miami"
    entry = AuditEntry.objects.get(action="firstsync.started")
    assert entry.actor_id == FirstSync.objects.get().started_by_id


def test_wrong_figures_start_nothing(sides: HeldSides, console: Client) -> None:
    old_records(sides)
    look(sides)
    for figures in ({"creates": "9" * 30}, {"creates": "-1"}, {}):
        console.post(PAGE, {"step": "start", **figures})
    assert switch.state() is Writing.WAITING


def test_who_may_see_runs_looks_and_cannot_start(sides: HeldSides) -> None:
    viewer = clerk("view_syncrun")
    shown = viewer.get(PAGE)
    assert (shown.status_code, 'name="step"' in shown.content.decode()) == (200, False)
    assert viewer.post(PAGE, {"step": "read"}).status_code == 403
    assert FirstSync.objects.count() == 0


def test_console_health_and_check_say_that_it_waits(sides: HeldSides, console: Client) -> None:
    assert f'href="{PAGE}"><strong>1</strong>' in console.get("/admin/").content.decode()
    assert health.report()["contact_sync"] == "waiting for start"
    out = StringIO()
    call_command("check", stdout=out, stderr=out)
    assert "integrations.I005" in out.getvalue()


def test_page_of_many_records_asks_a_bounded_number_of_queries(
    sides: HeldSides, console: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(60):
        contact = Contact.objects.create(email=f"p{number}@example.com", first_name="P")
        enqueue.enqueue_write(contact, "gohighlevel", cause=STAFF)
    with django_assert_max_num_queries(130):
        shown = console.get(PAGE, {"list": "creates", "provider": "gohighlevel", "page": "2"}).content.decode()
    assert "p25@example.com" in shown
    assert "p50@example.com" not in shown
