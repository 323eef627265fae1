"""Reports of SES, and the effect of a complaint."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail import suppressions
from accounts.mail.amazon_ses.tests.conftest import send_mail
from accounts.mail.models import EmailMessage, SuppressedAddress
from tests.fakes.amazon_ses import as_event, at, bounce, complaint, delivery, mail_of, new_id

pytestmark = pytest.mark.django_db
Kind = EmailMessage.Kind
OURS = "noreply@localhost"


def status_of(message: EmailMessage) -> tuple[str, str]:
    message.refresh_from_db()
    return message.status, message.last_error


def suppressed() -> list[str]:
    return sorted(SuppressedAddress.objects.filter(lifted_at__isnull=True).values_list("email", flat=True))


# What became of a mail ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "sub"), [("Transient", "MailboxFull"), ("Undetermined", "Undetermined")])
def test_bounce_that_is_not_permanent_is_noted_and_decides_nothing(
    sent: EmailMessage, report: Any, kind: str, sub: str
) -> None:
    assert report(bounce(sent.provider_message_id, sent.to, kind=kind, sub=sub)) == 200
    assert status_of(sent) == ("sent", f"deferred: {kind} {sub} smtp; 550 no such user")
    assert EmailMessage.objects.count() == 1

    assert report(delivery(sent.provider_message_id, sent.to)) == 200
    assert status_of(sent) == ("delivered", "")
    assert report(bounce(sent.provider_message_id, sent.to, kind=kind, sub=sub)) == 200
    assert status_of(sent) == ("delivered", ""), "an answer from somebody's holidays"


def test_delay_is_noted(sent: EmailMessage, report: Any) -> None:
    told = {"emailAddress": sent.to, "status": "4.4.1", "diagnosticCode": "smtp; 421 busy"}
    delay = {"delayType": "MailboxFull", "delayedRecipients": [told], "timestamp": at(), "expirationTime": at()}
    mail = mail_of(sent.provider_message_id, sent.to)
    assert report({"eventType": "DeliveryDelay", "deliveryDelay": delay, "mail": mail}) == 200
    assert status_of(sent) == ("sent", "deferred: MailboxFull smtp; 421 busy")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"eventType": "Reject", "reject": {"reason": "Bad content"}}, "rejected: Bad content"),
        ({"eventType": "Rendering Failure", "failure": {"errorMessage": "no template"}}, "failed: no template"),
    ],
)
def test_mail_that_ses_did_not_send_counts_as_returned(
    sent: EmailMessage, report: Any, told: dict[str, Any], reason: str
) -> None:
    assert report(told | {"mail": mail_of(sent.provider_message_id, sent.to)}) == 200
    assert status_of(sent) == ("bounced", reason)


def test_reason_from_outside_is_one_line_that_every_database_takes(sent: EmailMessage, report: Any) -> None:
    told = bounce(sent.provider_message_id, sent.to)
    told["bounce"]["bouncedRecipients"][0]["diagnosticCode"] = "smtp;\r\n\x00 550 \ud83d" + "x" * 5000
    assert report(told) == 200
    assert status_of(sent)[1].startswith("bounced: Permanent General smtp; 550 x")
    assert len(sent.last_error) == 500


def test_date_that_cannot_be_meant_does_not_stop_a_report(sent: EmailMessage, report: Any) -> None:
    for date in ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "yesterday", 5, None, {}):
        told = complaint(sent.provider_message_id, sent.to)
        told["complaint"]["timestamp"] = told["mail"]["timestamp"] = date
        assert report(told) == 200
    assert suppressed() == ["new@example.com"]


# Complaints -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [dict, as_event])
def test_complaint_stops_mails_to_the_address_and_says_so(
    sent: EmailMessage, report: Any, newcomer: Any, ses: Any, form: Any
) -> None:
    assert report(form(complaint(sent.provider_message_id, "NEW@Example.COM"))) == 200
    assert status_of(sent) == ("bounced", "complained: abuse")
    row = SuppressedAddress.objects.get()
    assert (row.email, row.reason, row.message_id) == ("new@example.com", "complained: abuse", sent.pk)

    mails = len(ses.mails)
    withheld = send_mail(newcomer, Kind.MEMBERSHIP_LINKED, "later")
    assert (withheld.status, withheld.attempts, withheld.next_attempt_at) == ("suppressed", 1, None)
    assert withheld.last_error == f"not sent: on {row.complained_at:%Y-%m-%d} this address complained: abuse"
    assert len(ses.mails) == mails


@pytest.mark.parametrize("kind", [Kind.PASSWORD_SETUP, Kind.PASSWORD_RESET, Kind.PASSWORD_CHANGED])
def test_mail_about_the_password_goes_out_after_a_complaint(
    sent: EmailMessage, report: Any, newcomer: Any, kind: EmailMessage.Kind
) -> None:
    report(complaint(sent.provider_message_id, sent.to))
    assert send_mail(newcomer, kind, "later").status == "sent"


@pytest.mark.parametrize("kind", [Kind.WELCOME, Kind.ACCOUNT_CREATED])
def test_greeting_goes_out_while_it_is_how_a_member_gets_a_password(
    sent: EmailMessage, report: Any, newcomer: Any, kind: EmailMessage.Kind
) -> None:
    report(complaint(sent.provider_message_id, sent.to))
    assert send_mail(newcomer, kind, "another plan").status == "sent"
    newcomer.set_password("violet kettle under the stairs")
    newcomer.save()
    assert send_mail(newcomer, kind, "a third plan").status == "suppressed"


def test_suppression_belongs_to_the_address(sent: EmailMessage, report: Any, user: Any) -> None:
    report(complaint(sent.provider_message_id, sent.to))
    user.email = sent.to
    EmailMessage.objects.all().update(user=None)
    type(user).objects.exclude(pk=user.pk).delete()
    user.save()
    assert send_mail(user, Kind.MEMBERSHIP_LINKED, "later").status == "suppressed"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_feedback_that_is_no_complaint_stops_nothing(sent: EmailMessage, report: Any, kind: str) -> None:
    assert report(complaint(sent.provider_message_id, sent.to, kind=kind)) == 200
    assert (status_of(sent)[0], suppressed()) == ("sent", [])


def test_complaint_without_a_kind_is_one(sent: EmailMessage, report: Any) -> None:
    told = complaint(sent.provider_message_id, sent.to)
    del told["complaint"]["complaintFeedbackType"]
    assert report(told) == 200
    assert suppressed() == ["new@example.com"]


def test_complaint_about_a_mail_that_is_not_known_counts_where_it_came_from_our_address(
    report: Any, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL = f"Enlace <{OURS}>"
    assert report(complaint(new_id(), "Jane <jane@example.com>", "JOHN@example.com", source="shop@example.net")) == 200
    assert suppressed() == []
    assert report(complaint(new_id(), "Jane <jane@example.com>", "JOHN@example.com", source=OURS)) == 200
    assert suppressed() == ["jane@example.com", "john@example.com"]


def test_bounce_suppresses_nothing(sent: EmailMessage, report: Any, newcomer: Any) -> None:
    report(bounce(sent.provider_message_id, sent.to))
    assert suppressed() == []
    assert send_mail(newcomer, Kind.MEMBERSHIP_LINKED, "later").status == "sent"


def test_newest_complaint_stands_in_any_order(sent: EmailMessage, report: Any) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    for hours, kind in ((2, "fraud"), (1, "abuse"), (3, "virus"), (1, "abuse")):
        report(complaint(sent.provider_message_id, sent.to, kind=kind, when=now - timedelta(hours=hours)))
    row = SuppressedAddress.objects.get()
    assert (row.complained_at, row.reason) == (now - timedelta(hours=1), "complained: abuse")


def test_complaint_of_before_the_lifting_changes_nothing_and_a_later_one_suppresses_again(
    sent: EmailMessage, report: Any, staff: Any, newcomer: Any
) -> None:
    now = timezone.now()
    report(complaint(sent.provider_message_id, sent.to, when=now - timedelta(hours=2)))
    row = SuppressedAddress.objects.get()
    assert suppressions.lift(row, staff=staff, reason="she called")
    assert not suppressions.lift(row, staff=staff, reason="once more")
    for hours in (2, 1):  # the same once more, and another of before
        report(complaint(sent.provider_message_id, sent.to, when=now - timedelta(hours=hours)))
    assert suppressed() == []
    assert send_mail(newcomer, Kind.MEMBERSHIP_LINKED, "later").status == "sent"

    report(complaint(sent.provider_message_id, sent.to, when=now + timedelta(hours=1)))
    row.refresh_from_db()
    assert (suppressed(), row.lifted_by, row.lift_reason) == (["new@example.com"], None, "")


@pytest.mark.django_db(transaction=True)
def test_one_report_many_times_at_one_moment_counts_once(sent: EmailMessage, sns: Any, tell: Any, at_once: Any) -> None:
    messages = [
        sns.notification(json.dumps(told(sent.provider_message_id, sent.to)))
        for told in (complaint, complaint, bounce, delivery, complaint)
    ]
    tell(sns.notification("for the certificate"))
    answers = at_once([lambda message=message: tell(message).status_code for message in messages])
    answers = [
        tell(message).status_code if answer == 503 else answer
        for answer, message in zip(answers, messages, strict=True)
    ]
    assert answers == [200] * 5
    assert suppressed() == ["new@example.com"]
    assert status_of(sent)[0] == "bounced"
    assert EmailMessage.objects.filter(kind="staff_mail_bounced").count() == 1


def test_staff_are_notified_of_a_complaint(sent: EmailMessage, report: Any, drain: Any, ses: Any) -> None:
    report(complaint(sent.provider_message_id, sent.to))
    drain()
    told = ses.mails[ses.last_id]
    assert told["Subject"] == f"Somebody complained about a message: {sent.to}"
    for part in told.get_payload():
        text = " ".join(part.get_payload(decode=True).decode().split())
        assert "marked this message as spam" in text
        assert "could not be delivered" not in text
