"""Mails are queued with what causes them, sent once, retried while that can help, and accounted for."""

import smtplib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from anymail.exceptions import AnymailRecipientsRefused, AnymailRequestsAPIError
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.db import OperationalError, transaction
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships import staff_actions
from accounts.people.models import User
from core.cause import Cause
from core.queue import runner
from core.queue.delivery import LEASE, MAX_FAILURES

pytestmark = pytest.mark.django_db
Kind = EmailMessage.Kind


@pytest.fixture
def queued(newcomer: Any) -> EmailMessage:
    """A welcome mail that waits to be sent."""
    message = emails.enqueue(
        Kind.WELCOME, key="a reason", to=newcomer.email, user=newcomer, context={"plan_name": "Plan", "partner": "NSSA"}
    )
    assert message is not None
    return message


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception | None], None]:
    """Makes the mail server refuse with an error, or take mails again (None)."""
    real = EmailMultiAlternatives.send

    def answer(error: Exception | None) -> None:
        def send(message: Any, *arguments: Any, **options: Any) -> int:
            if error is not None:
                raise error
            return real(message, *arguments, **options)

        monkeypatch.setattr(EmailMultiAlternatives, "send", send)

    return answer


def test_mail_is_enqueued_only_with_its_transaction(newcomer: Any, plan: Any) -> None:
    class Broken(Exception):
        pass

    def cause_one() -> None:
        until = timezone.now() + timedelta(days=30)
        recorded = staff_actions.grant(newcomer, plan, until=until, cause=Cause(text="test"))
        assert len(emails.greet(recorded.subscription)) == 2

    def cause_one_and_break() -> None:
        with transaction.atomic():
            cause_one()
            raise Broken

    with pytest.raises(Broken):
        cause_one_and_break()
    assert EmailMessage.objects.count() == 0
    cause_one()
    assert EmailMessage.objects.count() == 2


def test_worker_is_woken_for_a_mail_after_the_commit(
    newcomer: Any, wakeups: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        message = emails.enqueue(Kind.PASSWORD_SETUP, key="k", to=newcomer.email, user=newcomer)
        assert wakeups == []
    assert wakeups == [("emailmessage", message.pk)]


def test_one_reason_enqueues_one_mail(queued: Any, newcomer: Any) -> None:
    assert emails.enqueue(Kind.WELCOME, key="a reason", to="else@example.com", user=newcomer) is None
    assert list(EmailMessage.objects.values_list("to", flat=True)) == ["new@example.com"]


def test_mail_is_sent_once_and_accounted_for(queued: Any, mailoutbox: Any) -> None:
    runner.run(EmailMessage, queued.pk)
    runner.run(EmailMessage, queued.pk)

    assert len(mailoutbox) == 1
    queued.refresh_from_db()
    assert (queued.status, queued.attempts, queued.last_error, queued.next_attempt_at) == ("sent", 1, "", None)
    assert queued.sent_at is not None
    sent = mailoutbox[0]
    assert sent.to == ["new@example.com"]
    assert sent.extra_headers["Message-ID"] == queued.provider_message_id
    assert sent.extra_headers["Auto-Submitted"] == "auto-generated"
    assert sent.metadata == {"email_id": str(queued.pk)}
    assert sent.tags == ["welcome"]


def test_mail_that_is_repeated_after_a_crash_has_the_same_message_id(queued: Any, mailoutbox: Any, travel: Any) -> None:
    class Killed(BaseException):
        pass

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EmailMessage, "close", lambda *arguments, **options: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            runner.run(EmailMessage, queued.pk)
    travel(LEASE + timedelta(seconds=1))
    runner.run(EmailMessage, queued.pk)
    assert len(mailoutbox) == 2
    assert len({message.extra_headers["Message-ID"] for message in mailoutbox}) == 1


def response_error(status: int) -> AnymailRequestsAPIError:
    response = requests.Response()
    response.status_code = status
    return AnymailRequestsAPIError("refused", response=response)


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPConnectError(421, b"too many connections"),
        smtplib.SMTPRecipientsRefused({"new@example.com": (450, b"mailbox busy")}),
        smtplib.SMTPAuthenticationError(535, b"wrong password"),
        smtplib.SMTPDataError(451, b"try later"),
        TimeoutError("timed out"),
        ConnectionRefusedError(111, "refused"),
        requests.ConnectionError("no route"),
        response_error(429),
        response_error(500),
        response_error(401),
    ],
    ids=lambda error: f"{type(error).__name__} {getattr(error, 'status_code', '')}",
)
def test_temporary_error_backs_off_and_the_mail_goes_out_later(
    queued: Any, mailoutbox: Any, mail_server: Any, travel: Any, error: Exception
) -> None:
    mail_server(error)
    before = timezone.now()
    runner.run(EmailMessage, queued.pk)
    runner.run(EmailMessage, queued.pk)

    queued.refresh_from_db()
    assert (queued.status, queued.attempts, queued.failures) == ("pending", 1, 1)
    assert queued.last_error.startswith(type(error).__name__)
    assert timedelta(seconds=4) <= queued.next_attempt_at - before <= timedelta(seconds=7)
    assert queued.wake_at == queued.next_attempt_at
    assert mailoutbox == []

    mail_server(None)
    travel(timedelta(seconds=8))
    runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.attempts, queued.last_error, len(mailoutbox)) == ("sent", 2, "", 1)


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPRecipientsRefused({"new@example.com": (550, b"no such user")}),
        AnymailRecipientsRefused("refused"),
        response_error(400),
        response_error(422),
    ],
    ids=lambda error: f"{type(error).__name__} {getattr(error, 'status_code', '')}",
)
def test_permanent_error_fails_at_once(queued: Any, mail_server: Any, error: Exception) -> None:
    mail_server(error)
    runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.attempts, queued.next_attempt_at, queued.wake_at) == ("failed", 1, None, None)
    assert queued.last_error.startswith(type(error).__name__)


def test_mail_fails_after_about_a_day_of_temporary_errors(queued: Any, mail_server: Any) -> None:
    mail_server(TimeoutError("timed out"))
    for _number in range(MAX_FAILURES):
        queued.refresh_from_db()
        assert queued.status == "pending"
        EmailMessage.objects.update(next_attempt_at=timezone.now())
        runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.attempts) == ("failed", MAX_FAILURES)


def test_mail_that_kills_its_worker_three_times_is_given_up(queued: Any, mailoutbox: Any) -> None:
    EmailMessage.objects.update(crashes=3, attempts=3)
    runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.attempts) == ("failed", 4)
    assert queued.last_error == "gave up: the worker died 3 times over this row"
    assert mailoutbox == []


def test_database_that_is_away_is_no_fault_of_the_mail(queued: Any, mail_server: Any) -> None:
    mail_server(OperationalError("server closed the connection"))
    with pytest.raises(OperationalError):
        runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.failures) == ("pending", 0)


@pytest.mark.parametrize("change", [{"is_active": False}, None])
def test_no_link_is_mailed_to_a_locked_or_deleted_user(queued: Any, mailoutbox: Any, change: Any) -> None:
    if change:
        User.objects.update(**change)
    else:
        User.objects.all().delete()
    runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    assert (queued.status, queued.last_error) == ("failed", "the user is gone or locked; no link was made")
    assert mailoutbox == []


def test_resend_is_a_new_reason_and_a_new_row(queued: Any, drain: Any, mailoutbox: Any, link_in: Any) -> None:
    drain()
    again = [emails.resend(queued), emails.resend(queued)]
    drain()
    assert EmailMessage.objects.count() == 3
    assert {message.status for message in EmailMessage.objects.all()} == {"sent"}
    assert len({message.key for message in again} | {queued.key}) == 3
    assert {(message.kind, message.to, message.language) for message in again} == {("welcome", "new@example.com", "en")}
    assert len(mailoutbox) == 3
    assert all(link_in(message).email == "new@example.com" for message in mailoutbox)


def test_resend_goes_to_the_address_that_the_user_has_now(queued: Any, newcomer: Any) -> None:
    User.objects.update(email="moved@example.com")
    assert emails.resend(EmailMessage.objects.get()).to == "moved@example.com"


def test_every_address_of_admin_email_is_notified(settings: Any) -> None:
    settings.ADMIN_EMAIL = ["one@example.com", "two@example.com"]
    told = emails.notify_staff(Kind.STAFF_NEW_MEMBER, key="k", context={})
    assert [message.to for message in told] == ["one@example.com", "two@example.com"]
    assert emails.notify_staff(Kind.STAFF_NEW_MEMBER, key="k", context={}) == []
    settings.ADMIN_EMAIL = []
    assert emails.notify_staff(Kind.STAFF_NEW_MEMBER, key="other", context={}) == []
    assert EmailMessage.objects.count() == 2


def test_mail_is_in_the_language_of_its_member(newcomer: Any) -> None:
    newcomer.language = "es"
    assert emails.enqueue(Kind.WELCOME, key="1", to="x@example.com", user=newcomer).language == "es"
    assert emails.enqueue(Kind.WELCOME, key="2", to="x@example.com", user=newcomer, language="en").language == "en"
    assert emails.enqueue(Kind.WELCOME, key="3", to="x@example.com").language == "en"


def test_file_mailbox_writes_whole_mails_for_the_owner_alone(queued: Any, settings: Any, tmp_path: Any) -> None:
    settings.EMAIL_BACKEND = "accounts.mail.file_mailbox.FileMailbox"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    (written,) = (tmp_path / "mail").iterdir()
    assert queued.location == str(written)
    assert written.suffix == ".eml"
    assert written.stat().st_mode & 0o077 == 0
    assert b"To: new@example.com" in written.read_bytes()
    assert mail.outbox == []


def test_two_workers_send_a_mail_once(queued: Any, mailoutbox: Any, monkeypatch: Any) -> None:
    real = EmailMultiAlternatives.send

    def send(message: Any, *arguments: Any, **options: Any) -> int:
        runner.run(EmailMessage, queued.pk)  # the other worker, while this one talks to the mail server
        return real(message, *arguments, **options)

    monkeypatch.setattr(EmailMultiAlternatives, "send", send)
    runner.run(EmailMessage, queued.pk)
    assert len(mailoutbox) == 1
