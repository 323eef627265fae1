"""Retention: contents of finished rows are removed after their time; open rows stay, and copies stay duplicates."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.courses.models import Completion
from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships.models import SubscriptionFact
from accounts.people.models import Contact, ContactChange, PossibleDuplicate, User
from accounts.people.tests.people import person
from accounts.privacy import prune
from accounts.signin.models import LinkRequest
from accounts.staff.models import AuditEntry
from integrations.inbox import process as inbox
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.operations.models import Notice
from integrations.outbox import repair
from integrations.outbox.models import OutgoingWrite
from integrations.reconcile.models import SyncFinding, SyncRun

LATER = timedelta(days=91)


def long_ago(days: int = 91) -> Any:
    return timezone.now() - timedelta(days=days)


@pytest.fixture
def old(process: Any, relay: Any, plan: Any) -> InboxEvent:
    """A purchase that was processed 91 days ago."""
    event = process(relay(occurred_at="2026-03-02T10:00:00Z"))
    InboxEvent.objects.update(finished_at=long_ago(), received_at=long_ago())
    InboxAttempt.objects.update(error="jane@example.com", traceback="Traceback")
    return event


@pytest.mark.django_db
def test_prune_empties_finished_event_and_keeps_its_key(old: InboxEvent) -> None:
    assert prune.prune()["integrations.InboxEvent"] == 1
    old.refresh_from_db()
    assert (bytes(old.body), old.payload, old.headers, old.source_address) == (b"", None, {}, "")
    assert (old.status, old.key, old.person_email) == ("processed", "nssa:evt_1", "jane@example.com")
    assert len(old.body_digest) == len(old.content_digest) == 64
    assert old.pruned_at is not None
    assert list(InboxAttempt.objects.values_list("error", "traceback", "outcome")) == [("", "", "done")]
    assert old.effects.exists()
    assert SubscriptionFact.objects.count() == 1
    assert prune.prune() == {}
    assert AuditEntry.objects.get(action="retention.pruned").facts["rows"]["integrations.InboxEvent"] == 1


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["pending", "failed", "unmatched"])
def test_prune_leaves_open_events(old: InboxEvent, status: str) -> None:
    InboxEvent.objects.update(status=status)
    assert "integrations.InboxEvent" not in prune.prune()


@pytest.mark.django_db
def test_prune_respects_retention_days(old: InboxEvent, settings: Any) -> None:
    InboxEvent.objects.update(finished_at=long_ago(89))
    assert prune.prune() == {}
    InboxEvent.objects.update(finished_at=long_ago(900))
    settings.RETENTION_DAYS = 0
    assert prune.prune() == {}
    settings.RETENTION_DAYS = 1000
    assert prune.prune() == {}


@pytest.mark.django_db
def test_late_copy_of_pruned_event_is_a_duplicate(old: InboxEvent, post: Any, relay: Any, drain: Any) -> None:
    prune.prune()
    payload = relay(occurred_at="2026-03-02T10:00:00Z")
    assert post(payload).json()["duplicate"] is True
    respelled = b'{"offer": {"name": "NSSA Annual Membership", "id": "off_456"}, ' + (
        b'"occurred_at": "2026-03-02T10:00:00Z", "id": "evt_1", "type":"offer.purchased", '
        b'"member": {"id": "mem_1001", "email": "jane@example.com", "last_name": "Rivera", "first_name": "Jane"}}'
    )
    assert post(respelled).json()["duplicate"] is True
    drain()
    old.refresh_from_db()
    assert (old.duplicates, old.conflicts, old.attempts) == (2, 0, 1)
    welcomes = EmailMessage.objects.filter(kind="welcome")
    assert (InboxEvent.objects.count(), SubscriptionFact.objects.count(), welcomes.count()) == (1, 1, 1)


@pytest.mark.django_db
def test_other_body_under_the_key_of_a_pruned_event_is_a_conflict(old: InboxEvent, post: Any, relay: Any) -> None:
    prune.prune()
    assert post(relay(occurred_at="2026-03-02T10:00:00Z", amount=1)).json()["duplicate"] is True
    old.refresh_from_db()
    assert (old.conflicts, InboxEvent.objects.filter(reason__contains="contradicts").count()) == (1, 1)


@pytest.mark.django_db
def test_tag_added_again_after_its_event_was_pruned_is_added(fixture: Any, process: Any) -> None:
    tag = fixture("tag_added__native")
    event = process(tag, "/kajabi-webhook")
    InboxEvent.objects.update(finished_at=long_ago())
    prune.prune()
    process(tag, "/kajabi-webhook")
    event.refresh_from_db()
    assert (event.status, event.attempts, event.payload, event.pruned_at) == ("processed", 2, tag, None)


@pytest.mark.django_db
def test_pruned_event_cannot_be_replayed_and_says_why(old: InboxEvent, staff: User) -> None:
    prune.prune()
    old.refresh_from_db()
    assert inbox.retry([old]) == 0
    browser = Client()
    browser.force_login(staff)
    page = browser.get(f"/admin/integrations/inboxevent/{old.pk}/change/").content.decode()
    assert page.count("Removed after 90 days.") == 3
    assert "It cannot be processed again." in page
    assert f"{old.pk}/act/replay/" not in page
    body = browser.get(f"/admin/integrations/inboxevent/{old.pk}/body/")
    assert (body.status_code, body.content) == (410, b"Removed after 90 days.")
    # Pressed on a page that was loaded before.
    pressed = browser.post(f"/admin/integrations/inboxevent/{old.pk}/act/replay/", follow=True)
    assert "No event of this filter can be processed again." in pressed.content.decode()
    # And by whoever read it before it was pruned.
    stale = InboxEvent.objects.get(pk=old.pk)
    stale.payload, stale.pruned_at = {"id": "evt_1"}, None
    assert inbox.retry([stale]) == 0


@pytest.mark.django_db
def test_pruned_write_cannot_be_undone(staff: User) -> None:
    contact = person()
    common = {"provider": "nowcerts", "kind": "contact", "contact": contact, "cause": "test", "operation": "update"}
    values = {"before": {"city": "A"}, "after": {"city": "B"}, "request": {"body": 1}, "response": {"a": 1}}
    ended = {"next_attempt_at": None, "finished_at": long_ago()}
    done = OutgoingWrite.objects.create(status="done", **common, **values, **ended)
    failed = OutgoingWrite.objects.create(status="failed", **common, **values, **ended)
    assert prune.prune()["integrations.OutgoingWrite"] == 1
    done.refresh_from_db()
    failed.refresh_from_db()
    assert (done.before, done.after, done.request, done.response) == ({}, {}, {}, None)
    assert failed.after == {"city": "B"}
    with pytest.raises(repair.CannotUndo, match="removed"):
        repair.undo(done, cause=None)  # type: ignore[arg-type]
    browser = Client()
    browser.force_login(staff)
    page = browser.get(f"/admin/integrations/outgoingwrite/{done.pk}/change/").content.decode()
    assert "Removed after 90 days." in page
    assert "/act/undo/" not in page


@pytest.mark.django_db
def test_pruned_mail_loses_its_context_and_cannot_be_resent(user: User, staff: User) -> None:
    mail = emails.enqueue(
        EmailMessage.Kind.MEMBERSHIP_LINKED, key="k", to=user.email, user=user, context={"plan_name": "P"}
    )
    EmailMessage.objects.update(status="delivered", created_at=long_ago(), next_attempt_at=None)
    EmailMessage.objects.create(key="failed", kind="welcome", to="x@example.com", status="failed", context={"a": 1})
    EmailMessage.objects.filter(key="failed").update(created_at=long_ago())
    assert prune.prune()["accounts.EmailMessage"] == 1
    mail.refresh_from_db()
    assert (mail.context, mail.to, mail.key) == ({}, user.email, "k")
    browser = Client()
    browser.force_login(staff)
    page = browser.get(f"/admin/accounts/emailmessage/{mail.pk}/change/").content.decode()
    assert "It cannot be sent again." in page
    assert "/act/resend/" not in page


@pytest.mark.django_db
def test_prune_removes_details_of_changes_duplicates_findings_runs_and_notices(staff: User) -> None:
    contact, other = person(), person("other@example.com")
    change = ContactChange.objects.create(
        contact=contact, kind="won", name="city", before="A", after="B", recorded_at=long_ago()
    )
    frozen = ContactChange.objects.create(
        contact=contact, kind="frozen", name="phone", before="1", after="2", recorded_at=long_ago()
    )
    question = {"contact": contact, "other": other, "reason": "both are Jane", "other_name": "Jane"}
    apart = PossibleDuplicate.objects.create(status="apart", decided_at=long_ago(), **question)
    ended = {"provider": "kajabi", "kind": "audit", "stage": "x", "cause": "c", "next_attempt_at": None}
    run = SyncRun.objects.create(status="done", finished_at=long_ago(), changes_listed=[{"person": "j"}], **ended)
    common = {"run": run, "kind": "status", "person": "j", "remedy": "r"}
    SyncFinding.objects.create(key="open", **common)
    SyncFinding.objects.create(key="settled", status="applied", settled_at=long_ago(), **common)
    Notice.objects.create(key="sent", text="t", status="sent", finished_at=long_ago(), next_attempt_at=None)
    Notice.objects.create(key="pending", text="t")
    LinkRequest.objects.create(email="a@b.c", language="en", status="done", requested_at=long_ago(2))
    assert prune.prune() == {
        "accounts.ContactChange": 1,
        "accounts.PossibleDuplicate": 1,
        "accounts.LinkRequest": 1,
        "integrations.SyncRun": 1,
        "integrations.SyncFinding": 1,
        "integrations.Notice": 1,
    }
    for row in (change, frozen, apart, run):
        row.refresh_from_db()
    assert (change.before, change.after, change.name) == (None, None, "city")
    assert (frozen.before, frozen.after) == ("1", "2")
    assert (apart.reason, apart.other_name, apart.status) == ("", "", "apart")
    assert run.changes_listed == []
    assert list(SyncFinding.objects.values_list("key", flat=True)) == ["open"]
    browser = Client()
    browser.force_login(staff)
    for path in (
        f"accounts/contactchange/{change.pk}",
        f"integrations/syncrun/{run.pk}",
        f"accounts/contact/{contact.pk}",
    ):
        page = browser.get(f"/admin/{path}/change/")
        assert page.status_code == 200, path
        assert "Removed after 90 days." in page.content.decode(), path
    assert "/act/take-other/" not in browser.get(f"/admin/accounts/contactchange/{change.pk}/change/").content.decode()
    assert browser.get(f"/admin/accounts/possibleduplicate/{apart.pk}/change/").status_code == 200


@pytest.mark.django_db
def test_prune_removes_old_mail_files_and_keeps_new_ones(settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_FILE_PATH = str(tmp_path)
    for name, days in (("old.eml", 91), (".unfinished", 91), ("new.eml", 1), ("notes.txt", 91)):
        path = tmp_path / name
        path.write_bytes(b"To: a@b.c\n\nx")
        moment = time.time() - days * 86400
        os.utime(path, (moment, moment))
    assert prune.prune() == {"mail files": 2}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.eml", "notes.txt"]


@pytest.mark.django_db
def test_prune_command_reports_counts(old: InboxEvent, capsys: Any) -> None:
    call_command("prune", "--dry-run")
    assert "integrations.InboxEvent: 1\n1 would be removed." in capsys.readouterr().out
    assert InboxEvent.objects.get().pruned_at is None
    call_command("prune")
    assert "integrations.InboxEvent: 1\n1 removed." in capsys.readouterr().out
    call_command("prune")
    assert capsys.readouterr().out == "0 removed.\n"


@pytest.mark.django_db(transaction=True)
def test_concurrent_prunes_remove_each_row_once(at_once: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "AT_ONCE", 7)
    now = long_ago()
    InboxEvent.objects.bulk_create(
        InboxEvent(
            provider="kajabi", endpoint="e", key=f"k{n}", body=b"x", body_digest="d", payload={"n": n},
            status="ignored", finished_at=now, next_attempt_at=None,
        )
        for n in range(60)
    )  # fmt: skip
    counts = at_once([prune.prune, prune.prune])
    assert sum(one.get("integrations.InboxEvent", 0) for one in counts) == 60, counts
    assert not InboxEvent.objects.filter(pruned_at=None).exists()
    assert len(set(InboxEvent.objects.values_list("content_digest", flat=True))) == 60


@pytest.mark.django_db(transaction=True)
def test_killed_prune_leaves_whole_batches_and_the_next_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "AT_ONCE", 10)
    Contact.objects.create(email="a@b.c")
    common = {
        "contact": Contact.objects.get(),
        "kind": "changed",
        "before": "A",
        "after": "B",
        "recorded_at": long_ago(),
    }
    ContactChange.objects.bulk_create(ContactChange(name=f"n{n}", **common) for n in range(25))

    def die(label: str, count: int) -> None:
        if label == "accounts.ContactChange":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prune.prune(on_batch=die)
    assert ContactChange.objects.filter(pruned_at=None).count() == 15
    assert prune.prune() == {"accounts.ContactChange": 15}


@pytest.mark.django_db
def test_prune_begins_no_batch_after_its_time(old: InboxEvent) -> None:
    assert prune.prune(seconds=0) == {}
    assert InboxEvent.objects.get().pruned_at is None


@pytest.mark.django_db
def test_prune_empties_dismissed_completion_and_keeps_unmatched_one() -> None:
    from accounts.courses.models import Activity

    common = {"activity": Activity.objects.first(), "channel": "c", "completed_on": timezone.now().date(), "cause": "c"}
    Completion.objects.create(source="1", state="dismissed", decided_at=long_ago(), answers={"a": 1}, **common)
    Completion.objects.create(source="2", state="received", received_at=long_ago(), answers={"a": 1}, **common)
    assert prune.prune() == {"accounts.Completion": 1}
    assert list(Completion.objects.order_by("source").values_list("answers", flat=True)) == [{}, {"a": 1}]
