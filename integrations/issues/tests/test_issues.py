"""Issues: failures of one cause are counted together, told once, and end when nothing is left of them."""

import json
from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.mail.models import EmailMessage
from accounts.people.models import Contact
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, signed_in
from core.cause import Cause
from core.queue import runner
from integrations.contracts.exceptions import Permanent
from integrations.inbox import process
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.issues import failed
from integrations.issues.causes import cause_of
from integrations.issues.models import Issue
from integrations.operations import issue_states
from integrations.outbox import deliver
from integrations.outbox.models import OutgoingWrite
from tests.fakes.http_server import Answer, FakeServer

pytestmark = pytest.mark.django_db
Status, Kind = Issue.Status, Issue.Kind


def event(number: int = 1, **columns: Any) -> InboxEvent:
    values = {"provider": "kajabi", "event_type": "offer.purchased", "status": "failed"} | columns
    return InboxEvent.objects.create(
        endpoint="relay", key=f"k{number}", body=b"{}", body_digest="", payload={}, finished_at=timezone.now(), **values
    )


def fails(row: InboxEvent, error: str = "KeyError: 'offer'") -> Issue:
    return failed.note_event(row, error)


def mails() -> list[EmailMessage]:
    return list(EmailMessage.objects.order_by("pk"))


# Causes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "cause"),
    [
        (
            "ValueError: event 123 of ana@example.com",
            "ValueError: event 9 of bo@example.com",
            "ValueError: event # of @",
        ),
        ("no record 8f14-e45f, said (2026-11-02)", "no record 77aa-0b, said (2027-01-01)", "no record #, said (#)"),
        ("invalid literal: 'abc' here", "invalid literal: 'de' here", "invalid literal: “…” here"),
        ("at column 424 (char 423)", "at column 7 (char 6)", "at column # (char #)"),
        ("  two\n lines ", "two lines", "two lines"),
    ],
    ids=["address and number", "identifiers and dates", "quoted", "three digits", "spaces"],
)
def test_cause_leaves_out_what_differs_from_one_failure_to_the_next(first: str, second: str, cause: str) -> None:
    assert cause_of(first) == cause_of(second) == cause


@pytest.mark.parametrize(
    ("one", "other"),
    [("answered with 503", "answered with 404"), ("KeyError: offer", "KeyError: plan"), ("", "x")],
)
def test_different_errors_are_different_causes(one: str, other: str) -> None:
    assert cause_of(one) != cause_of(other)


def test_cause_of_a_huge_error_is_short_and_of_nothing_is_no_empty_text() -> None:
    assert len(cause_of("x" * 10**6)) == 300
    assert cause_of(" \n ") == "–"


# Counting -------------------------------------------------------------------------------------------------------------


def test_failures_of_one_cause_are_one_issue_with_one_mail() -> None:
    rows = [event(number) for number in range(3)]
    for number, row in enumerate(rows):
        fails(row, f"no record {number}9")
    (issue,) = Issue.objects.all()
    assert (issue.failures, issue.status, issue.cause) == (3, Status.OPEN, "no record #")
    assert issue.first_seen_at < issue.last_seen_at
    (mail,) = mails()
    assert mail.context["admin_path"] == f"/admin/integrations/inboxevent/{rows[0].pk}/change/"
    assert mail.context["issue_path"] == f"/admin/integrations/issue/{issue.pk}/change/"
    assert failed.rows_of(issue).count() == 3


def test_another_type_provider_or_cause_is_another_issue() -> None:
    for number, columns in enumerate([{}, {"event_type": "member.created"}, {"provider": "nowcerts"}]):
        fails(event(number, **columns))
    fails(event(9), "another error")
    assert Issue.objects.count() == len(mails()) == 4


def test_failure_and_its_issue_are_stored_together_or_not_at_all(monkeypatch: Any, receive: Any, relay: Any) -> None:
    def breaking(*arguments: Any, **values: Any) -> None:
        raise RuntimeError("died between both")

    monkeypatch.setattr(process, "handle", raising(Permanent("never")))
    monkeypatch.setattr(failed, "_tell", breaking)
    row = receive(relay())
    with pytest.raises(RuntimeError):
        runner.run(InboxEvent, row.pk)
    row.refresh_from_db()
    assert (row.status, row.issue_id, Issue.objects.count()) == ("pending", None, 0)


def raising(error: BaseException) -> Callable[..., Any]:
    def broken(*arguments: Any) -> None:
        raise error

    return broken


def test_event_that_fails_names_its_issue(
    monkeypatch: Any, receive: Any, relay: Any, drain: Any, mailoutbox: Any
) -> None:
    monkeypatch.setattr(process, "handle", raising(Permanent("this will never work")))
    row = receive(relay())
    drain()
    issue = Issue.objects.get()
    row.refresh_from_db()
    assert (row.status, row.issue, issue.kind, issue.type) == ("failed", issue, "event", row.event_type)
    assert f"/admin/integrations/issue/{issue.pk}/change/" in mailoutbox[0].body


def test_unreadable_bodies_count_when_they_come_and_a_repetition_counts_nothing(
    post: Any, mailoutbox: Any, drain: Any
) -> None:
    for body in (b'{"a": 1,}', b'{"a": 1, "b": 2,}', b'{"a": 1,}'):
        assert post(body).status_code == 400
    drain()
    (issue,) = Issue.objects.all()
    assert (issue.failures, issue.type) == (2, "")
    assert (
        issue.cause
        == "the body is not JSON: Expecting property name enclosed in double quotes: line # column # (char #)"
    )
    assert failed.rows_of(issue).count() == 2
    assert len(mailoutbox) == 1


def test_write_that_is_refused_is_an_issue(monkeypatch: Any, drain: Any, mailoutbox: Any) -> None:
    contact = Contact.objects.create(email="ana@example.com")
    write = OutgoingWrite.objects.create(kind="contact", provider="gohighlevel", contact=contact, cause="test")
    monkeypatch.setitem(deliver._WRITERS, OutgoingWrite.Kind.CONTACT, raising(Permanent("it was refused: email")))
    drain()
    issue = Issue.objects.get()
    write.refresh_from_db()
    assert (write.issue, issue.kind, issue.type, issue.provider) == (issue, "write", "contact", "gohighlevel")
    assert mailoutbox[0].subject == "A write needs your attention: GoHighLevel contact"
    assert f"/admin/integrations/outgoingwrite/{write.pk}/change/" in mailoutbox[0].body


def test_reading_that_fails_for_nobodys_event_is_an_issue_itself() -> None:
    row = ContactRefresh.objects.create(provider="nowcerts", external_id="i1", status="failed")
    failed.note(row, provider="nowcerts", kind=Kind.READING, event_type="contact", error="gone")
    row.refresh_from_db()
    assert row.issue == Issue.objects.get(kind="reading")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="SQLite has one writer at a time")
def test_many_workers_count_one_issue_exactly() -> None:
    rows = [event(number) for number in range(8)]
    start = Barrier(8)

    def work(row: InboxEvent) -> None:
        try:
            start.wait(20)
            with runner.transaction.atomic():
                fails(row)
        finally:
            connection.close()

    workers = [Thread(target=work, args=[row]) for row in rows]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert Issue.objects.get().failures == 8
    assert len(mails()) == 1


# States ---------------------------------------------------------------------------------------------------------------


def test_issue_is_resolved_once_nothing_is_left_of_it_and_opens_again_with_a_mail() -> None:
    row = event()
    issue = fails(row)
    assert failed.resolve_settled() == 0, "it is failed still"
    InboxEvent.objects.update(status="pending")
    assert failed.resolve_settled() == 0, "it is being tried again"
    InboxEvent.objects.update(status="processed")
    assert failed.resolve_settled() == 1
    issue.refresh_from_db()
    assert issue.status == Status.RESOLVED

    InboxEvent.objects.update(status="failed")
    fails(row)
    issue.refresh_from_db()
    assert (issue.status, issue.failures) == (Status.OPEN, 2)
    first, again = mails()
    assert (first.context["is_back"], again.context["is_back"]) == (False, True)


def test_retry_that_fails_again_sends_no_second_mail() -> None:
    row = event()
    fails(row)
    fails(row)
    assert len(mails()) == 1


@pytest.mark.parametrize("status", [Status.ACKNOWLEDGED, Status.IGNORED])
def test_acknowledged_and_ignored_issues_count_in_silence(status: Issue.Status, staff: Any) -> None:
    issue = fails(event(1))
    assert failed.decide(issue, status, cause=Cause.by_staff(staff, "known"))
    assert not failed.decide(issue, status, cause=Cause.by_staff(staff, "known"))
    fails(event(2))
    issue.refresh_from_db()
    assert (issue.status, issue.failures, issue.staff, issue.reason) == (status, 2, staff, "known")
    assert len(mails()) == 1


def test_ignored_issue_stays_ignored_when_nothing_is_left(staff: Any) -> None:
    issue = fails(event())
    failed.decide(issue, Status.IGNORED, cause=Cause.by_staff(staff, "known"))
    InboxEvent.objects.update(status="processed")
    assert failed.resolve_settled() == 0


def test_failure_noted_while_it_is_resolved_keeps_it_open(monkeypatch: Any) -> None:
    issue = fails(event(1, status="processed"))
    found = failed.with_left

    def meanwhile(issues: Any) -> Any:
        rows = list(found(issues).filter(left=0))
        fails(event(2))

        class Rows:
            def filter(self, **_: Any) -> list[Any]:
                return rows

        return Rows()

    monkeypatch.setattr(failed, "with_left", meanwhile)
    assert failed.resolve_settled() == 0
    issue.refresh_from_db()
    assert issue.status == Status.OPEN


def test_issue_whose_rows_are_gone_is_deleted_and_no_other() -> None:
    fails(event(1), "gone")
    fails(event(2), "still here")
    InboxEvent.objects.filter(key="k1").delete()
    assert failed.delete_empty() == 1
    assert Issue.objects.get().cause == "still here"


# Slack ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def slack(settings: Any) -> Iterator[FakeServer]:
    with FakeServer(lambda asked: Answer(status=200, body=b"ok", content_type="text/plain")) as server:
        settings.SLACK_WEBHOOK_URL = f"{server.url}/services/T0/B0/a-secret-of-slack"
        yield server


def test_each_change_of_state_is_posted_to_slack_once(slack: FakeServer, drain: Any, staff: Any) -> None:
    issue = fails(event())
    for _twice in range(2):
        issue_states.follow()
    failed.decide(issue, Status.ACKNOWLEDGED, cause=Cause.by_staff(staff, "known"))
    issue_states.follow()
    InboxEvent.objects.update(status="processed")
    issue_states.follow()
    drain()
    posted = [json.loads(exchange.asked.body)["text"] for exchange in slack.exchanges]
    assert [text.partition(":")[0] for text in posted] == ["ISSUE", "Acknowledged", "Resolved"]
    assert "Kajabi offer.purchased: KeyError: “…” (1 failed)" in posted[0]


def test_many_open_issues_are_followed_by_few_queries(django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(30):
        fails(event(number), f"error {chr(97 + number % 26)}{'x' * number}")
    issue_states.follow()
    with django_assert_max_num_queries(2):
        issue_states.follow()


# Console --------------------------------------------------------------------------------------------------------------


def test_list_shows_causes_with_what_is_left(staff: Any) -> None:
    for number in range(12):
        fails(event(number), "ValueError: no plan")
    InboxEvent.objects.filter(key="k0").update(status="processed")
    page = signed_in(staff).get("/admin/integrations/issue/").content.decode()
    issue = Issue.objects.get()
    assert "ValueError: no plan" in page
    assert f'<a href="/admin/integrations/inboxevent/?issue={issue.pk}">11</a>' in page
    rows = signed_in(staff).get(f"/admin/integrations/inboxevent/?issue={issue.pk}").content.decode()
    assert rows.count('name="_selected_action"') == 12


def test_pages_take_few_queries(staff: Any, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(40):
        fails(event(number), f"error of sort {chr(97 + number % 20)}")
    client = signed_in(staff)
    with django_assert_max_num_queries(12):
        client.get("/admin/integrations/issue/")
    with django_assert_max_num_queries(12):
        assert client.get(f"/admin/integrations/issue/{Issue.objects.first().pk}/change/").status_code == 200  # type: ignore[union-attr]


def test_staff_acknowledge_with_a_reason_which_the_audit_log_has(staff: Any) -> None:
    issue = fails(event())
    page = f"/admin/integrations/issue/{issue.pk}"
    client = signed_in(staff)
    assert "Further failures are counted" in client.get(f"{page}/act/acknowledge/").content.decode()
    client.post(f"{page}/act/acknowledge/", {"answered": "yes", "reason": "the vendor knows"})
    issue.refresh_from_db()
    assert (issue.status, issue.reason, issue.staff) == (Status.ACKNOWLEDGED, "the vendor knows", staff)
    assert AuditEntry.objects.filter(action__endswith="acknowledge").exists()
    client.post(f"{page}/act/resolve/", {"answered": "yes", "reason": "done"})
    client.post(f"{page}/act/open-again/")
    issue.refresh_from_db()
    assert (issue.status, issue.reason, issue.staff) == (Status.OPEN, "", None)


def test_who_may_only_look_decides_nothing() -> None:
    issue = fails(event())
    client = clerk("view_issue")
    assert client.get(f"/admin/integrations/issue/{issue.pk}/change/").status_code == 200
    assert client.post(f"/admin/integrations/issue/{issue.pk}/act/open-again/").status_code == 403


def test_event_links_to_its_issue(staff: Any) -> None:
    row = event()
    issue = fails(row)
    page = signed_in(staff).get(f"/admin/integrations/inboxevent/{row.pk}/change/").content.decode()
    assert f"/admin/integrations/issue/{issue.pk}/change/" in page
