"""Reconciliation with GoHighLevel over real HTTP: by the date of the last change, resumable, and deleting nothing."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from accounts.people.models import Contact, ContactMapping
from core.cause import SCHEDULE
from core.queue import runner
from integrations import registry
from integrations.providers.gohighlevel import pulls
from integrations.reconcile import runs
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun
from integrations.toolkit import changes
from tests.fakes.gohighlevel import Answer, FakeGoHighLevel, Reset

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("ghl", "_impatient")]

Kind = SyncFinding.Kind
SEARCH = "/contacts/search"


@pytest.fixture
def _impatient(settings: Any) -> None:
    settings.RETRY_INITIAL_DELAY, settings.MAX_RETRIES = 0.001, 0


@pytest.fixture
def two_on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "PAGE_SIZE", 2)


def ago(**age: float) -> str:
    return (timezone.now() - timedelta(**age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def add(fake: FakeGoHighLevel, number: int, **fields: Any) -> dict[str, Any]:
    defaults = {
        "id": f"c{number}",
        "firstName": "Ana",
        "email": f"ana{number}@example.com",
        "city": "Austin",
        "dateUpdated": ago(days=50 - number),
    }
    return fake.add_contact(**(defaults | fields))


def started(**options: Any) -> SyncRun:
    return runs.start(registry.provider("gohighlevel"), cause=SCHEDULE, **options)


def reconciled(run: SyncRun | None = None, **options: Any) -> SyncRun:
    run = run or started(**options)
    while runner.run(SyncRun, run.pk):
        pass
    run.refresh_from_db()
    return run


def counters(run: SyncRun) -> tuple[str, int, int, int, int]:
    return run.status, run.seen, run.changed, run.unmatched, run.errors


def test_first_run_reads_everything_and_the_next_runs_what_changed(ghl: FakeGoHighLevel) -> None:
    add(ghl, 1, tags=["vip"])
    add(ghl, 2, email="", phone="+15125550100")
    first = reconciled()
    assert (first.kind, counters(first)) == ("backfill", ("done", 2, 2, 0, 0))
    assert Contact.objects.get(email="ana1@example.com").tag_rows.get().tag.name == "vip"
    assert counters(reconciled()) == ("done", 0, 0, 0, 0)
    ghl.contacts["c1"] |= {"city": "Houston", "tags": ["vip", "renewal"], "dateUpdated": ago(seconds=5)}
    run = reconciled()
    assert counters(run) == ("done", 1, 1, 0, 0)
    (line,) = run.changes_listed
    assert (line["key"], line["person"]) == ("contact:c1", "ana1@example.com")
    assert "(city: Austin → Houston)" in line["what"]


@pytest.mark.usefixtures("two_on_a_page")
def test_page_begins_at_the_newest_date_of_the_page_before(ghl: FakeGoHighLevel) -> None:
    """GoHighLevel gives no more than some thousand contacts by the number of a page."""
    for number in range(5):
        add(ghl, number)
    run = started()
    runner.run(SyncRun, run.pk)
    ghl.contacts["c0"] |= {"city": "Houston", "dateUpdated": ago(seconds=1)}
    run = reconciled(run)
    assert counters(run) == ("done", 6, 6, 0, 0)
    assert Contact.objects.get(email="ana0@example.com").city == "Houston"
    assert Contact.objects.count() == 5
    assert run.pages == len(ghl.asked_for(SEARCH))


@pytest.mark.usefixtures("two_on_a_page")
@pytest.mark.parametrize("trouble", [Answer(status=502, body=b"<html>"), Reset()], ids=["a web page", "lost"])
def test_run_continues_at_its_page_after_an_outage(ghl: FakeGoHighLevel, travel: Any, trouble: Any) -> None:
    for number in range(5):
        add(ghl, number)
    run = started()
    runner.run(SyncRun, run.pk)
    place = SyncRun.objects.values("stage", "page", "cursor").get()
    ghl.misbehave(trouble, on=SEARCH)
    runner.run(SyncRun, run.pk)
    run.refresh_from_db()
    assert (run.status, run.failures) == ("pending", 1)
    assert SyncRun.objects.values("stage", "page", "cursor").get() == place
    travel(timedelta(minutes=1))
    assert counters(reconciled(run)) == ("done", 5, 5, 0, 0)


def test_audit_names_what_is_no_longer_listed_and_deletes_nothing(ghl: FakeGoHighLevel) -> None:
    for number in range(3):
        add(ghl, number)
    reconciled()
    del ghl.contacts["c0"]
    ghl.contacts["c1"]["city"] = ""
    run = reconciled(kind=runs.RunKind.AUDIT)
    assert (run.status, run.seen, run.changed) == ("done", 2, 0)
    assert sorted(run.findings.values_list("kind", "person", "remote_value", "local_value")) == [
        (Kind.CONTACT_DIFFERS, "ana1@example.com", "city: –", "city: Austin"),
        (Kind.GONE_THERE, "ana0@example.com", "deleted, or made part of another record", "contact ana0@example.com"),
    ]
    assert Contact.objects.count() == ContactMapping.objects.count() == 3


def test_dry_run_lists_what_would_change_and_writes_nothing(ghl: FakeGoHighLevel) -> None:
    add(ghl, 1)
    out = StringIO()
    call_command("reconcile", "gohighlevel", "--dry-run", stdout=out)
    assert out.getvalue().splitlines()[1:] == [
        "dry run, backfill: 1 pages, 1 seen; it would change 1, heal 0; 0 unmatched, 0 errors",
        "changed  contact:c1  ana1@example.com  contact created",
        "Nothing was written.",
    ]
    assert not Contact.objects.exists()
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize(("name", "value"), [("GHL_RECONCILE_MINUTES", 0), ("GHL_API_KEY", "")])
def test_schedule_that_is_off_starts_nothing(settings: Any, name: str, value: Any) -> None:
    assert runs.start_due() == [], "the first reading is begun by a person"
    past = timezone.now() - timedelta(days=1)
    done = {"kind": "backfill", "stage": "contacts", "status": "done", "started_at": past, "finished_at": past}
    SyncRun.objects.create(provider="gohighlevel", window_to=past, cause="test", **done)
    assert [run.provider for run in runs.start_due()] == ["gohighlevel"]
    SyncRun.objects.filter(status="pending").delete()
    setattr(settings, name, value)
    assert runs.start_due() == []


def reads(ghl: FakeGoHighLevel) -> list[str]:
    """Return the ids of the contacts that were read, in order."""
    paths = [exchange.asked.path for exchange in ghl.exchanges if exchange.asked.method == "GET"]
    return [path.removeprefix("/contacts/") for path in paths if path.startswith("/contacts/")]


@pytest.mark.parametrize("names", ["", "lower", "renamed"])
def test_values_are_those_of_the_record_and_not_of_the_list(ghl: FakeGoHighLevel, names: str) -> None:
    ghl.lists_names = names
    named = {"firstName": "María", "lastName": "McDonald", "companyName": "Sol & Mar"}
    add(ghl, 1, **named, address1="1 Main St", dateOfBirth="1990-05-17")
    run = reconciled()
    assert counters(run) == ("done", 1, 1, 0, 0)
    contact = Contact.objects.get()
    assert (contact.first_name, contact.last_name, contact.address_line_1) == ("María", "McDonald", "1 Main St")
    assert contact.custom_fields == {"company": "Sol & Mar", "date_of_birth": "1990-05-17"}
    ghl.contacts["c1"] |= {"city": "Houston", "dateUpdated": ago(seconds=5)}
    reconciled()
    contact.refresh_from_db()
    assert (contact.name, contact.city) == ("María McDonald", "Houston")
    assert reads(ghl) == ["c1", "c1"]


@pytest.mark.parametrize("names", ["lower", "renamed"])
def test_contact_that_is_known_as_it_is_costs_no_read(ghl: FakeGoHighLevel, names: str) -> None:
    ghl.lists_names = names
    for number in range(3):
        add(ghl, number, firstName="María")
    reconciled()
    before = len(reads(ghl))
    SyncRun.objects.all().delete()
    ProviderRecord.objects.all().delete()
    run = reconciled()
    assert (run.kind, counters(run)) == ("backfill", ("done", 3, 0, 0, 0))
    assert len(reads(ghl)) == before == 3
    assert {contact.first_name for contact in Contact.objects.all()} == {"María"}


@pytest.mark.parametrize("names", ["lower", "renamed"])
def test_audit_finds_no_difference_in_how_a_list_spells_names(ghl: FakeGoHighLevel, names: str) -> None:
    add(ghl, 1, firstName="María", companyName="Sol & Mar")
    reconciled()
    ghl.lists_names = names
    run = reconciled(kind=runs.RunKind.AUDIT)
    assert list(run.findings.all()) == []
    assert reads(ghl) == ["c1"]


def test_contact_that_is_deleted_while_the_list_is_read_is_no_error(ghl: FakeGoHighLevel) -> None:
    add(ghl, 1)
    ghl.misbehave(Answer(status=404, body=b'{"statusCode": 404, "message": "Contact not found"}'), on="/contacts/c1")
    assert counters(reconciled()) == ("done", 1, 0, 0, 0)
    assert not Contact.objects.exists()


def test_row_without_a_name_or_address_makes_nobody_by_itself(ghl: FakeGoHighLevel, monkeypatch: Any) -> None:
    """The list may hold less than the record: here nothing but the id."""
    add(ghl, 1, firstName="María")
    client = pulls.GoHighLevelClient
    listed = client.changed_contacts

    def bare(self: Any, cursor: Any) -> Any:
        moment = timezone.datetime.fromisoformat  # type: ignore[attr-defined]
        return [
            {"id": row["id"], "dateUpdated": int(moment(row["dateUpdated"]).timestamp() * 1000)}
            for row in listed(self, cursor)
        ]

    monkeypatch.setattr(client, "changed_contacts", bare)
    assert counters(reconciled()) == ("done", 1, 1, 0, 0)
    assert Contact.objects.get().first_name == "María"
    assert counters(reconciled()) == ("done", 0, 0, 0, 0)
