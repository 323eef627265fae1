"""Reports of the mail provider about a mail, delivered or bounced, and who is notified."""

import base64
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.test import Client

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.staff.models.audit_entry import AuditEntry
from core.queue import runner
from core.web import limits

pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(newcomer: Any) -> EmailMessage:
    """A welcome mail that went out."""
    queued = emails.enqueue(EmailMessage.Kind.WELCOME, key="a reason", to=newcomer.email, user=newcomer, context={})
    runner.run(EmailMessage, queued.pk)
    return EmailMessage.objects.get()


def report(event_type: str, *, of: EmailMessage | None = None, **columns: Any) -> None:
    """Send the signal that Anymail sends for a verified webhook."""
    told = {"message_id": None, "recipient": None, "metadata": {}, "description": None, "mta_response": None} | columns
    if of is not None:
        told["metadata"] = {"email_id": str(of.pk)}
    event = AnymailTrackingEvent(event_type=event_type, reject_reason=None, **told)
    tracking.send(sender=None, event=event, esp_name="Test")


def test_delivered_mail_is_marked(sent: Any) -> None:
    report("delivered", of=sent, recipient="NEW@example.com")
    sent.refresh_from_db()
    assert sent.status == "delivered"
    assert sent.delivered_at is not None
    assert EmailMessage.objects.count() == 1


@pytest.mark.parametrize("event_type", ["bounced", "rejected", "failed", "complained"])
def test_bounce_is_noted_and_notifies_staff_once(sent: Any, drain: Any, mailoutbox: Any, event_type: str) -> None:
    for _time in range(2):
        report(event_type, of=sent, description="no such user")
    drain()

    sent.refresh_from_db()
    assert (sent.status, sent.last_error) == ("bounced", f"{event_type}: no such user")
    assert sent.bounced_at is not None
    to_staff = EmailMessage.objects.exclude(pk=sent.pk).get()
    assert (to_staff.kind, to_staff.to, to_staff.status) == ("staff_mail_bounced", "staff@example.com", "sent")
    assert "new@example.com" in mailoutbox[-1].body
    assert "no such user" in mailoutbox[-1].body


def test_bounce_stands_after_later_reports(sent: Any) -> None:
    report("bounced", of=sent)
    report("delivered", of=sent)
    sent.refresh_from_db()
    assert (sent.status, sent.delivered_at) == ("bounced", None)


def test_bounce_after_the_delivery_counts(sent: Any) -> None:
    report("delivered", of=sent)
    report("bounced", of=sent)
    sent.refresh_from_db()
    assert sent.status == "bounced"


def test_bounced_mail_to_staff_enqueues_no_further_mail(drain: Any) -> None:
    (message,) = emails.notify_staff(EmailMessage.Kind.STAFF_NEW_MEMBER, key="k", context={})
    drain()
    report("bounced", of=message)
    message.refresh_from_db()
    assert message.status == "bounced"
    assert EmailMessage.objects.count() == 1


def test_report_may_name_the_mail_by_the_providers_id(sent: Any) -> None:
    report("delivered", message_id=sent.provider_message_id)
    sent.refresh_from_db()
    assert sent.status == "delivered"


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"message_id": "somebody else's"},
        {"metadata": {"email_id": "999999"}},
        {"metadata": {"email_id": "x"}},
        {"metadata": {"email_id": "²"}},
        {"metadata": {"email_id": "9" * 30}},
        {"metadata": None},
    ],
)
def test_report_of_a_mail_that_is_not_ours_changes_nothing(sent: Any, told: dict[str, Any]) -> None:
    report("bounced", **told)
    sent.refresh_from_db()
    assert sent.status == "sent"
    assert EmailMessage.objects.count() == 1


def test_report_about_another_recipient_changes_nothing(sent: Any) -> None:
    report("bounced", of=sent, recipient="somebody@example.com")
    sent.refresh_from_db()
    assert sent.status == "sent"


@pytest.mark.parametrize("event_type", ["opened", "clicked", "queued", "deferred", "unknown"])
def test_other_reports_change_nothing(sent: Any, event_type: str) -> None:
    report(event_type, of=sent)
    sent.refresh_from_db()
    assert sent.status == "sent"


@pytest.mark.parametrize(("event_type", "status"), [("delivered", "delivered"), ("bounced", "bounced")])
def test_report_that_is_faster_than_our_own_mark_stands_and_breaks_nothing(
    newcomer: Any, monkeypatch: Any, event_type: str, status: str
) -> None:
    queued = emails.enqueue(EmailMessage.Kind.WELCOME, key="a reason", to=newcomer.email, user=newcomer, context={})
    real = EmailMultiAlternatives.send

    def send(message: Any, *arguments: Any, **options: Any) -> int:
        count = real(message, *arguments, **options)
        report(event_type, of=queued)
        return count

    monkeypatch.setattr(EmailMultiAlternatives, "send", send)
    runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    assert queued.status == status
    assert queued.next_attempt_at is None


def post_bounce(sent: EmailMessage, **headers: str) -> int:
    """Posts a bounce as SendGrid would; the status of the answer."""
    told = {"event": "bounce", "type": "bounce", "email": sent.to, "sg_event_id": "1", "smtp-id": "1", "timestamp": 1}
    body = json.dumps([told | {"email_id": str(sent.pk), "reason": "no such user"}])
    path = "/anymail/sendgrid/tracking/"
    return Client().post(path, body, content_type="application/json", headers=headers).status_code


def basic(secret: str) -> str:
    return "Basic " + base64.b64encode(secret.encode()).decode()


def test_providers_webhook_takes_its_secret_and_no_other(settings: Any, sent: Any) -> None:
    settings.MAIL_WEBHOOKS = ["sendgrid"]
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": ["name:a-secret"]}
    for headers in ({}, {"Authorization": basic("name:wrong")}, {"Authorization": basic("")}):
        assert post_bounce(sent, **headers) == 400
    sent.refresh_from_db()
    assert sent.status == "sent"

    assert post_bounce(sent, Authorization=basic("name:a-secret")) == 200
    sent.refresh_from_db()
    assert (sent.status, sent.last_error) == ("bounced", "bounced: no such user")


def test_client_with_too_many_wrong_secrets_is_not_judged_any_more(
    settings: Any, sent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_015.0)
    settings.MAIL_WEBHOOKS, settings.RATE_LIMIT_UNVERIFIED = ["sendgrid"], 3
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": ["name:a-secret"]}
    assert {post_bounce(sent, Authorization=basic("name:a-secret")) for _number in range(6)} == {200}
    assert [post_bounce(sent, Authorization=basic("name:wrong")) for _number in range(5)] == [400] * 3 + [429] * 2
    assert post_bounce(sent, Authorization=basic("name:a-secret")) == 429
    assert Client().head("/anymail/sendgrid/tracking/").status_code == 200, "nothing is judged"
    assert AuditEntry.objects.filter(action="mail_webhooks.locked").count() == 1


def test_report_that_is_verified_and_breaks_counts_as_no_guess(settings: Any, sent: Any) -> None:
    settings.MAIL_WEBHOOKS, settings.RATE_LIMIT_UNVERIFIED = ["sendgrid"], 3
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": ["name:a-secret"]}
    browser = Client(raise_request_exception=False, headers={"Authorization": basic("name:a-secret")})
    answers = [
        browser.post("/anymail/sendgrid/tracking/", "no JSON", content_type="application/json") for _number in range(6)
    ]
    assert 429 not in {answer.status_code for answer in answers}


def test_without_a_secret_configured_the_providers_webhook_is_closed(settings: Any, sent: Any) -> None:
    settings.MAIL_WEBHOOKS = ["sendgrid"]
    for guess in ("", "anymail:", "anymail:anymail", ":"):
        assert post_bounce(sent, Authorization=basic(guess)) == 400
    assert post_bounce(sent) == 400
    sent.refresh_from_db()
    assert sent.status == "sent"


@pytest.mark.parametrize("used", [[], ["mailgun"]])
def test_provider_that_is_not_in_use_has_no_webhook(settings: Any, sent: Any, used: list[str]) -> None:
    settings.MAIL_WEBHOOKS = used
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": ["name:a-secret"]}
    assert post_bounce(sent, Authorization=basic("name:a-secret")) == 404
    sent.refresh_from_db()
    assert sent.status == "sent"


def test_empty_secret_is_none_and_leaves_the_webhook_closed(tmp_path: Any) -> None:
    environment = os.environ | {"ENV_FILE": "", "VAR_DIR": str(tmp_path), "ANYMAIL_WEBHOOK_SECRET": ""}
    program = "from config import settings; print(any(settings.ANYMAIL['WEBHOOK_SECRET']))"
    told = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "True"


def test_words_of_the_receiving_server_stand_beside_those_of_the_provider(sent: Any) -> None:
    general, its_own = "The server was unable to deliver your message", "550 5.1.1 the account does not exist"
    report("bounced", of=sent, description=general, mta_response=its_own)
    sent.refresh_from_db()
    assert sent.last_error == f"bounced: {general} – {its_own}"
