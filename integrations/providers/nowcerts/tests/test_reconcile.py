"""Reconciliation with NowCerts over real HTTP: nothing is missed, nothing is done twice, nothing is deleted."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.commerce.models import Policy
from accounts.people.models import Contact, ContactMapping
from accounts.tests.admin_clients import signed_in
from core.cause import SCHEDULE
from core.queue import runner
from core.queue.delivery import LEASE
from integrations import registry
from integrations.contracts.events import ContactGone
from integrations.handlers.dispatch import HANDLERS
from integrations.reconcile import pages, runs
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun
from integrations.toolkit import changes
from tests.fakes.nowcerts import Answer, FakeNowCerts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("nowcerts", "_impatient")]

Kind = SyncFinding.Kind
INSUREDS, POLICIES = "/api/InsuredDetailList()", "/api/PolicyDetailList()"


@pytest.fixture
def _impatient(settings: Any) -> None:
    settings.RETRY_INITIAL_DELAY, settings.MAX_RETRIES = 0.001, 0


@pytest.fixture
def two_on_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "PAGE_SIZE", 2)


def ago(**age: float) -> str:
    return (timezone.now() - timedelta(**age)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def insure(fake: FakeNowCerts, number: int, **fields: Any) -> dict[str, Any]:
    defaults = {
        "id": guid(number),
        "firstName": "Ana",
        "lastName": f"Number{number}",
        "eMail": f"ana{number}@example.com",
        "city": "Austin",
        "changeDate": ago(days=50 - number),
    }
    return fake.add_insured(**(defaults | fields))


def started(**options: Any) -> SyncRun:
    return runs.start(registry.provider("nowcerts"), cause=SCHEDULE, **options)


def reconciled(run: SyncRun | None = None, **options: Any) -> SyncRun:
    run = run or started(**options)
    while runner.run(SyncRun, run.pk):
        pass
    run.refresh_from_db()
    return run


def counters(run: SyncRun) -> tuple[str, int, int, int, int]:
    return run.status, run.seen, run.changed, run.unmatched, run.errors


def command(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("reconcile", "nowcerts", *arguments, stdout=out)
    return out.getvalue().splitlines()


# What a run does ------------------------------------------------------------------------------------------------------


def test_first_run_reads_everything_and_the_second_changes_nothing(nowcerts: FakeNowCerts) -> None:
    insure(nowcerts, 1)
    insure(nowcerts, 2, type="Prospect", changeDate=None)
    first = reconciled()
    assert (first.kind, counters(first)) == ("backfill", ("done", 2, 2, 0, 0))
    assert sorted(Contact.objects.values_list("email", "city")) == [
        ("ana1@example.com", "Austin"),
        ("ana2@example.com", "Austin"),
    ]
    second = reconciled()
    assert (second.kind, second.window_from, counters(second)) == (
        "incremental",
        first.window_to - runs.OVERLAP,
        ("done", 0, 0, 0, 0),
    )


def test_changed_record_is_read_by_date_and_named_with_old_and_new_values(nowcerts: FakeNowCerts) -> None:
    jane = insure(nowcerts, 1, customFieldsSimple=[{"text": "Agent", "value": "Ray"}])
    insure(nowcerts, 2)
    reconciled()
    jane |= {"city": "Houston", "customFieldsSimple": [{"text": "Agent", "value": "Sol"}], "changeDate": ago(minutes=1)}
    run = reconciled()
    assert counters(run) == ("done", 1, 1, 0, 0)
    assert run.changes_listed == [
        {
            "key": f"contact:{guid(1)}",
            "person": "ana1@example.com",
            "what": "contact changed: city, nowcerts:Agent (city: Austin → Houston; nowcerts:Agent: Ray → Sol)",
        }
    ]
    assert Contact.objects.get(email="ana1@example.com").city == "Houston"


def test_page_of_unchanged_contacts_takes_one_query_and_writes_its_place_alone(nowcerts: FakeNowCerts) -> None:
    for number in range(40):
        insure(nowcerts, number, changeDate=ago(minutes=5, seconds=-number))
    reconciled()
    run = started()
    with CaptureQueriesContext(
        connection,
    ) as captured:
        runner.run(SyncRun, run.pk)
    made = [query["sql"] for query in captured if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    writes = [sql.split('"')[1] for sql in made if sql.startswith(("UPDATE", "INSERT", "DELETE"))]
    assert writes == ["integrations_syncrun"] * 2, "the claim, and the next place"
    assert len(made) == 4, made
    assert reconciled(run).seen == 40


def test_value_changed_back_meanwhile_is_reported_again(nowcerts: FakeNowCerts) -> None:
    jane = insure(nowcerts, 1)
    reconciled()
    Contact.objects.update(city="Houston")
    ContactMapping.objects.update(
        last_synced_values={**ContactMapping.objects.get().last_synced_values, "city": "Houston"}
    )
    jane["changeDate"] = ago(minutes=1)
    assert reconciled().changed == 1
    assert Contact.objects.get().city == "Austin"


def test_lagging_list_does_not_undo_a_newer_event(nowcerts: FakeNowCerts) -> None:
    """Keep a city that was reported a moment ago, while the list lags behind."""
    insure(nowcerts, 1)
    reconciled()
    mapping = ContactMapping.objects.get()
    newer = {**mapping.last_synced_values, "city": "Houston"}
    at = {**mapping.last_synced_times, "city": timezone.now().isoformat(timespec="microseconds")}
    ContactMapping.objects.update(last_synced_values=newer, last_synced_times=at)
    Contact.objects.update(city="Houston")
    ProviderRecord.objects.all().delete()
    nowcerts.insureds[guid(1)]["changeDate"] = ago(minutes=2)
    reconciled()
    assert Contact.objects.get().city == "Houston"


def test_unreadable_record_is_a_problem_and_the_rest_is_applied(nowcerts: FakeNowCerts) -> None:
    nowcerts.add_policy(id=guid(7), number="POL-7", insuredDatabaseId=guid(1), premium="much", changeDate=ago(days=2))
    insure(nowcerts, 1)
    run = reconciled()
    assert counters(run) == ("done", 2, 1, 0, 1)
    assert [line["key"] for line in run.problems] == [f"policy:{guid(7)}"]
    assert ProviderRecord.objects.filter(digest="").count() == 1
    assert Contact.objects.get().email == "ana1@example.com"


def test_value_that_cannot_be_used_is_left_out_and_the_record_applied(nowcerts: FakeNowCerts) -> None:
    insure(nowcerts, 1, eMail="no address", changeDate=ago(days=9))
    insure(nowcerts, 2, city={"name": "Austin"}, changeDate=ago(days=8))
    assert counters(reconciled()) == ("done", 2, 2, 0, 0)
    assert list(Contact.objects.order_by("pk").values_list("email", "city")) == [
        ("", "Austin"),
        ("ana2@example.com", ""),
    ]


def test_failed_record_is_retried_by_the_next_run_while_it_is_listed(nowcerts: FakeNowCerts) -> None:
    insure(nowcerts, 1, eMail="no address", changeDate=ago(minutes=10))
    reconciled()
    nowcerts.insureds[guid(1)]["eMail"] = "ana@example.com"
    assert counters(reconciled()) == ("done", 1, 1, 0, 0)


# Policies -------------------------------------------------------------------------------------------------------------


def test_policies_come_after_their_people(nowcerts: FakeNowCerts) -> None:
    insure(nowcerts, 1)
    nowcerts.add_policy(id=guid(7), number="POL-7", insuredDatabaseId=guid(1), premium=1200.5, changeDate=ago(days=2))
    nowcerts.add_policy(id=guid(8), number="Q-8", insuredDatabaseId=guid(1), isQuote=True, changeDate=ago(days=1))
    run = reconciled()
    assert counters(run) == ("done", 3, 3, 0, 0)
    assert sorted(Policy.objects.values_list("number", "premium", "is_quote", "contact__email", "external_id")) == [
        ("POL-7", 120050, False, "ana1@example.com", guid(7)),
        ("Q-8", None, True, "ana1@example.com", guid(8)),
    ]
    nowcerts.policies[guid(7)] |= {"premium": 1300, "changeDate": ago(minutes=1)}
    assert [line["what"] for line in reconciled().changes_listed] == ["policy changed: premium"]


def test_unknown_insured_of_a_policy_is_read_first(nowcerts: FakeNowCerts) -> None:
    reconciled()
    insure(nowcerts, 1, changeDate=ago(days=9))
    for number in (7, 8):
        nowcerts.add_policy(
            id=guid(number), number=f"POL-{number}", insuredDatabaseId=guid(1), changeDate=ago(minutes=number)
        )
    run = reconciled()
    assert counters(run) == ("done", 2, 3, 0, 0)
    assert set(Policy.objects.values_list("contact__email", "contact__city")) == {("ana1@example.com", "Austin")}
    asked = [dict(one.query) for one in nowcerts.asked_for(INSUREDS) if guid(1) in dict(one.query).get("$filter", "")]
    assert len(asked) == 1, "once, and not for each policy"


def test_policy_without_an_insured_is_unmatched_and_named(nowcerts: FakeNowCerts) -> None:
    nowcerts.add_policy(id=guid(7), number="POL-7", insuredDatabaseId=guid(404), changeDate=ago(days=1))
    run = reconciled()
    assert counters(run) == ("done", 1, 0, 1, 0)
    why = f"policy POL-7 belongs to {guid(404)}, who is not known here and is not named by an e-mail"
    assert run.problems == [{"key": f"policy:{guid(7)}", "why": why}]


# Deleted there --------------------------------------------------------------------------------------------------------


def test_remote_deletion_is_named_and_nothing_is_deleted_locally(nowcerts: FakeNowCerts, staff: Any) -> None:
    insure(nowcerts, 1)
    insure(nowcerts, 2)
    reconciled()
    gone = nowcerts.insureds.pop(guid(1))
    nowcerts.deleted = [gone | {"changeDate": ago(minutes=1)}, {"id": guid(99), "changeDate": ago(minutes=1)}]
    run = reconciled()
    assert (run.status, run.seen, run.errors) == ("done", 2, 0)
    (finding,) = run.findings.all()
    assert (finding.kind, finding.person, finding.person_id) == (Kind.GONE_THERE, "ana1@example.com", guid(1))
    assert finding.contact == Contact.objects.get(email="ana1@example.com")
    assert Contact.objects.count() == ContactMapping.objects.count() == 2
    assert reconciled().findings.count() == 0, "it is named once"
    waiting = {item.key: item.count for item in signed_in(staff).get(reverse("admin:index")).context["attention"]}
    assert waiting["differences"] == 1
    listed = signed_in(staff).get(reverse("admin:integrations_syncfinding_changelist"))
    assert "ana1@example.com" in listed.content.decode()


def test_handler_of_deletions_receives_known_contacts_only(
    nowcerts: FakeNowCerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    received = []
    monkeypatch.setitem(HANDLERS, ContactGone, lambda event, context: received.append(event.contact_id) or [])  # type: ignore[arg-type]
    for number in (1, 2):
        insure(nowcerts, number)
    reconciled()
    del nowcerts.insureds[guid(1)]
    nowcerts.deleted = [{"databaseId": guid(number), "changeDate": ago(minutes=1)} for number in (1, 2, 99)]
    run = reconciled()
    assert received == [guid(1)], "the second exists all the same, the last was never known"
    assert [finding.person_id for finding in run.findings.all()] == [guid(1)]


def test_refused_list_of_deletions_fails_no_run(nowcerts: FakeNowCerts) -> None:
    insure(nowcerts, 1)
    nowcerts.misbehave(Answer(status=400, body=b'{"message": "no such property"}'), on="/api/DeletedInsuredList()")
    run = reconciled()
    assert counters(run) == ("done", 1, 1, 0, 0)
    assert run.notes == ["NowCerts did not list what was deleted: an audit (--full) finds it."]


# Pages ----------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_on_a_page")
def test_run_whose_worker_died_continues_at_its_page(nowcerts: FakeNowCerts, travel: Callable[..., None]) -> None:
    for number in range(5):
        insure(nowcerts, number)
    run = started()
    runner.run(SyncRun, run.pk)
    assert SyncRun.objects.claim(run.pk) is not None, "a worker takes the second page, and dies"
    assert not runner.run(SyncRun, run.pk)
    travel(LEASE + timedelta(seconds=1))
    run = reconciled(run)
    assert counters(run) == ("done", 5, 5, 0, 0)
    assert (Contact.objects.count(), len(run.changes_listed)) == (5, 5)


def test_interrupted_page_is_continued_and_counted_once(
    nowcerts: FakeNowCerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is over at once here: each attempt tells one contact, and what was applied is not applied again."""
    for number in range(3):
        insure(nowcerts, number)
    monkeypatch.setattr(pages, "time_left", lambda seconds: lambda: False)
    run = reconciled()
    assert counters(run) == ("done", 3, 3, 0, 0)
    assert len(nowcerts.asked_for(INSUREDS)) == 4, "the page three times, and what comes after it"


@pytest.mark.usefixtures("two_on_a_page")
def test_change_during_the_run_is_applied_and_no_record_is_lost(
    nowcerts: FakeNowCerts,
) -> None:
    for number in range(6):
        insure(nowcerts, number)
    run = started()
    runner.run(SyncRun, run.pk)
    nowcerts.insureds[guid(0)] |= {"city": "Houston", "changeDate": ago(seconds=1)}
    run = reconciled(run)
    assert counters(run) == ("done", 7, 7, 0, 0)
    assert Contact.objects.get(email="ana0@example.com").city == "Houston"
    assert Contact.objects.count() == 6


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("two_on_a_page")
def test_two_workers_at_once_apply_a_page_once(nowcerts: FakeNowCerts, at_once: Any) -> None:
    for number in range(4):
        insure(nowcerts, number)
    run = started()
    while SyncRun.objects.get(pk=run.pk).status == "pending":
        at_once([lambda: runner.run(SyncRun, run.pk)] * 3)
    run.refresh_from_db()
    assert counters(run) == ("done", 4, 4, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_run_stopped_during_a_page_applies_no_more_of_it(
    nowcerts: FakeNowCerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        insure(nowcerts, number)
    run = started()
    monkeypatch.setattr(pages, "time_left", lambda seconds: lambda: bool(runs.stop(run)) or True)
    assert runner.run(SyncRun, run.pk)
    run.refresh_from_db()
    assert (run.status, run.changed, Contact.objects.count()) == ("stopped", 1, 1)
    monkeypatch.undo()
    assert runs.resume(run, wake=False)
    assert reconciled(run).changed == 3


def test_unfiltered_list_is_read_whole_with_a_note(nowcerts: FakeNowCerts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "PAGE_SIZE", 2)
    for number in range(5):
        insure(nowcerts, number)
    nowcerts.ignores_filters = True
    run = reconciled()
    assert (run.status, run.changed, Contact.objects.count()) == ("done", 5, 5)
    assert run.notes[0].startswith("NowCerts did not list insureds by their last change: they were counted.")


# Audits ---------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("two_on_a_page")
def test_audit_names_what_differs_and_changes_nothing(nowcerts: FakeNowCerts) -> None:
    for number in range(3):
        insure(nowcerts, number)
    reconciled()
    del nowcerts.insureds[guid(0)]
    nowcerts.insureds[guid(1)]["city"] = "Houston"
    insure(nowcerts, 4)
    before = list(Contact.objects.order_by("pk").values()), list(ContactMapping.objects.order_by("pk").values())
    run = reconciled(kind=runs.RunKind.AUDIT)
    assert (run.status, run.seen, run.changed) == ("done", 3, 0)
    assert sorted(run.findings.values_list("kind", "person", "remote_value", "local_value")) == [
        (Kind.CONTACT_DIFFERS, "ana1@example.com", "city: Houston", "city: Austin"),
        (Kind.CONTACT_UNKNOWN, "ana4@example.com", "contact ana4@example.com", "no contact"),
        (Kind.GONE_THERE, "ana0@example.com", "deleted, or made part of another record", "contact ana0@example.com"),
    ]
    assert before == (
        list(Contact.objects.order_by("pk").values()),
        list(ContactMapping.objects.order_by("pk").values()),
    )
    assert counters(reconciled()) == ("done", 0, 0, 0, 0), "what an audit saw does not count as reported"


def test_contact_reported_after_the_audit_began_is_not_missing(nowcerts: FakeNowCerts) -> None:
    insure(nowcerts, 1)
    reconciled()
    run = started(kind=runs.RunKind.AUDIT)
    del nowcerts.insureds[guid(1)]
    ContactMapping.objects.update(reported_at=timezone.now() + timedelta(seconds=1))
    assert reconciled(run).findings.count() == 0


# The command ----------------------------------------------------------------------------------------------------------


def test_dry_run_lists_what_would_change_and_writes_nothing(nowcerts: FakeNowCerts) -> None:
    for number in (1, 2):
        insure(nowcerts, number)
    reconciled()
    nowcerts.insureds[guid(1)] |= {"city": "Houston", "changeDate": ago(minutes=1)}
    insure(nowcerts, 5, changeDate=ago(days=9))
    nowcerts.add_policy(id=guid(7), number="POL-7", insuredDatabaseId=guid(5), changeDate=ago(minutes=1))
    nowcerts.deleted = [nowcerts.insureds.pop(guid(2)) | {"changeDate": ago(minutes=1)}]
    models = (Contact, ContactMapping, Policy, ProviderRecord, SyncRun, SyncFinding)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    listed = command("--dry-run")
    assert before == [list(model.objects.order_by("pk").values()) for model in models]
    finding = listed.pop(-3)
    assert finding.startswith(
        "deleted at the provider, known here  ana2@example.com  there: deleted, or made part of another"
    )
    assert "nothing was deleted here" in finding
    listed = [line for line in listed if not line.startswith("page ")]
    assert listed == [
        "dry run, incremental: 6 pages, 3 seen; it would change 4, heal 0; 0 unmatched, 0 errors",
        f"changed  contact:{guid(1)}  ana1@example.com  contact changed: city (city: Austin → Houston)",
        f"changed  contact:{guid(5)}  ana5@example.com  contact created",
        f"changed  policy:{guid(7)}  ana5@example.com  policy recorded",
        f"changed  gone:{guid(2)}  ana2@example.com  contact {guid(2)} was deleted there; ours stays",
        "1 differences",
        "Nothing was written.",
    ]
    assert [line for line in command() if line.startswith("changed")] == listed[1:5], "as the dry run listed it"


def test_dry_audit_names_the_differences_and_writes_nothing(nowcerts: FakeNowCerts) -> None:
    insure(nowcerts, 1)
    reconciled()
    nowcerts.insureds[guid(1)]["city"] = "Houston"
    listed = command("--full", "--dry-run")
    assert any(
        line.startswith("other values at the provider  ana1@example.com  there: city: Houston") for line in listed
    )
    assert SyncFinding.objects.count() == 0
    assert SyncRun.objects.count() == 1


def test_contacts_receive_no_greeting(nowcerts: FakeNowCerts) -> None:
    with pytest.raises(CommandError, match="NowCerts sells no memberships"):
        command("--invite")


@pytest.mark.parametrize(("name", "value"), [("NOWCERTS_RECONCILE_MINUTES", 0), ("NOWCERTS_PASSWORD", "")])
def test_schedule_that_is_off_starts_nothing(settings: Any, name: str, value: Any) -> None:
    assert runs.start_due() == [], "the first reading is begun by a person"
    past = timezone.now() - timedelta(days=1)
    done = {"kind": "backfill", "stage": "insureds", "status": "done", "started_at": past, "finished_at": past}
    SyncRun.objects.create(provider="nowcerts", window_to=past, cause="test", **done)
    assert [run.provider for run in runs.start_due()] == ["nowcerts"]
    SyncRun.objects.filter(status="pending").delete()
    setattr(settings, name, value)
    assert runs.start_due() == []
