"""Reports of SES as SNS brings them: who is believed, and what the answer is."""

import json
from typing import Any

import pytest
from django.db import OperationalError
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.mail import emails, message_ids
from accounts.mail.amazon_ses import webhook
from accounts.mail.amazon_ses.tests.conftest import PATH, SECRET
from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.staff.models.audit_entry import AuditEntry
from core.queue import runner
from core.web import limits
from tests.fakes.amazon_ses import FakeSes, as_event, bounce, complaint, delivery, new_id, text
from tests.fakes.amazon_sns import HOST, TOPIC, FakeSns
from tests.fakes.http_server import Answer, Reset

pytestmark = pytest.mark.django_db
OTHER_TOPIC = "arn:aws:sns:us-east-1:999999999999:somebody-elses"


def status_of(message: EmailMessage) -> tuple[str, str]:
    message.refresh_from_db()
    return message.status, message.last_error


# What is matched ------------------------------------------------------------------------------------------------------


def test_mail_is_called_by_the_id_that_ses_gave_it(sent: EmailMessage, ses: FakeSes) -> None:
    assert (sent.status, sent.provider_message_id) == ("sent", ses.last_id)
    assert ses.mails[ses.last_id]["Message-ID"] == message_ids.message_id(sent.pk)


@pytest.mark.parametrize("form", [dict, as_event])
def test_bounce_for_that_id_lands_on_the_mail(sent: EmailMessage, report: Any, form: Any) -> None:
    assert report(form(bounce(sent.provider_message_id, "New@Example.com"))) == 200
    assert status_of(sent) == ("bounced", "bounced: Permanent General smtp; 550 no such user")
    assert EmailMessage.objects.get(kind="staff_mail_bounced").to == "staff@example.com"


@pytest.mark.parametrize("form", [dict, as_event])
def test_delivery_for_that_id_lands_on_the_mail(sent: EmailMessage, report: Any, form: Any) -> None:
    assert report(form(delivery(sent.provider_message_id, "Nova <new@example.com>"))) == 200
    assert status_of(sent) == ("delivered", "")


def test_report_without_that_id_lands_by_our_own_message_id(sent: EmailMessage, report: Any) -> None:
    told = bounce(new_id(), sent.to, message_id=message_ids.message_id(sent.pk))
    assert report(told) == 200
    assert status_of(sent)[0] == "bounced"


def test_report_by_our_message_id_about_another_address_changes_nothing(sent: EmailMessage, report: Any) -> None:
    told = bounce(new_id(), "somebody@example.com", message_id=message_ids.message_id(sent.pk))
    assert report(told) == 200
    assert status_of(sent) == ("sent", "")


def test_report_of_a_mail_that_is_not_ours_changes_nothing(sent: EmailMessage, report: Any) -> None:
    assert report(bounce(new_id(), sent.to)) == 200
    assert status_of(sent) == ("sent", "")
    assert EmailMessage.objects.count() == 1


def test_report_that_comes_twice_and_late_counts_once(sent: EmailMessage, report: Any) -> None:
    for told in (bounce, delivery, bounce, complaint, delivery):
        assert report(told(sent.provider_message_id, sent.to)) == 200
    assert status_of(sent)[0] == "bounced"
    assert EmailMessage.objects.filter(kind="staff_mail_bounced").count() == 1
    assert SuppressedAddress.objects.count() == 1


def test_report_that_is_faster_than_our_mark_is_asked_for_again_and_lands(
    newcomer: Any, ses: FakeSes, sns: FakeSns, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = []
    close = EmailMessage.close

    def late(row: EmailMessage, *arguments: Any, **columns: Any) -> None:
        message = sns.notification(text(bounce(ses.last_id, row.to)))  # SES took the mail; our row does not say so yet
        answers.append(tell(message))
        close(row, *arguments, **columns)
        answers.append(tell(message))

    monkeypatch.setattr(EmailMessage, "close", late)
    queued = emails.enqueue(EmailMessage.Kind.WELCOME, key="x", to=newcomer.email, user=newcomer, context={})
    assert queued is not None
    runner.run(EmailMessage, queued.pk)
    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[0]["Retry-After"] == "20"
    assert status_of(queued)[0] == "bounced"


def test_report_with_our_message_id_lands_while_the_mail_is_being_sent(
    newcomer: Any, ses: FakeSes, sns: FakeSns, tell: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = EmailMessage.close

    def late(row: EmailMessage, *arguments: Any, **columns: Any) -> None:
        told = delivery(ses.last_id, row.to, message_id=message_ids.message_id(row.pk))
        assert tell(sns.notification(text(told))).status_code == 200
        close(row, *arguments, **columns)

    monkeypatch.setattr(EmailMessage, "close", late)
    queued = emails.enqueue(EmailMessage.Kind.WELCOME, key="x", to=newcomer.email, user=newcomer, context={})
    assert queued is not None
    runner.run(EmailMessage, queued.pk)
    assert status_of(queued)[0] == "delivered"


def test_report_that_cannot_be_stored_is_asked_for_again(
    sent: EmailMessage, report: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise OperationalError("server closed the connection")

    with monkeypatch.context() as patch:
        patch.setattr("accounts.mail.emails.mark_bounced", away)
        assert report(bounce(sent.provider_message_id, sent.to)) == 503
    assert report(bounce(sent.provider_message_id, sent.to)) == 200
    assert status_of(sent)[0] == "bounced"


# Who is believed ------------------------------------------------------------------------------------------------------


def test_signed_message_without_the_secret_is_asked_for_it_and_changes_nothing(
    sent: EmailMessage, sns: FakeSns, tell: Any
) -> None:
    message = sns.notification(text(bounce(sent.provider_message_id, sent.to)))
    asked = tell(message, secret="")
    assert (asked.status_code, asked["WWW-Authenticate"]) == (401, 'Basic realm="ANYMAIL_WEBHOOK_SECRET"')
    for wrong in ("name:wrong", "name:", ":", "x"):
        assert tell(message, secret=wrong).status_code == 400
    assert status_of(sent) == ("sent", "")
    assert sns.called == [], "nobody is asked for a certificate by somebody unknown"


def test_secret_does_not_stand_for_a_signature(sent: EmailMessage, sns: FakeSns, tell: Any) -> None:
    message = sns.notification(text(bounce(sent.provider_message_id, sent.to)))
    assert tell(message | {"Message": text(bounce(sent.provider_message_id, "x@example.com"))}).status_code == 400
    assert status_of(sent) == ("sent", "")


def test_topic_of_the_settings_needs_no_secret_and_no_other_topic_is_taken(
    sent: EmailMessage, sns: FakeSns, tell: Any, settings: Any
) -> None:
    settings.SES_TOPIC_ARN = [TOPIC]
    told = text(bounce(sent.provider_message_id, sent.to))
    for secret in ("", SECRET):
        assert tell(sns.notification(told, TopicArn=OTHER_TOPIC), secret=secret).status_code == 400
    assert status_of(sent) == ("sent", "")
    assert tell(sns.notification(told), secret="").status_code == 200
    assert status_of(sent)[0] == "bounced"


def test_report_without_an_envelope_needs_the_secret(sent: EmailMessage, tell: Any, settings: Any) -> None:
    settings.SES_TOPIC_ARN = [TOPIC]
    told = bounce(sent.provider_message_id, sent.to)
    named = {"HTTP_X_AMZ_SNS_TOPIC_ARN": TOPIC, "HTTP_X_AMZ_SNS_RAWDELIVERY": "true"}
    assert tell(told, secret="", **named).status_code == 401
    assert tell(told, secret="name:wrong", **named).status_code == 400
    assert status_of(sent) == ("sent", "")
    assert tell(told, **named).status_code == 200
    assert status_of(sent)[0] == "bounced"


def test_certificate_that_cannot_be_had_is_asked_for_again(sent: EmailMessage, sns: FakeSns, tell: Any) -> None:
    message = sns.notification(text(bounce(sent.provider_message_id, sent.to)))
    sns.misbehave(Reset())
    early = tell(message)
    assert (early.status_code, early["Retry-After"]) == (503, "20")
    assert tell(message).status_code == 200
    assert status_of(sent)[0] == "bounced"


def test_client_with_too_many_wrong_proofs_is_not_judged_any_more(
    sns: FakeSns, tell: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_015.0)
    settings.RATE_LIMIT_UNVERIFIED = 3
    right = sns.notification("hello")
    assert {tell(right).status_code for _time in range(5)} == {200}
    assert {tell(right, secret="").status_code for _time in range(5)} == {401}, "SNS begins so each time"
    forged = right | {"Message": "bye"}
    assert [tell(forged).status_code for _time in range(5)] == [400, 400, 400, 429, 429]
    assert tell(right).status_code == 429
    assert AuditEntry.objects.filter(action="mail_webhooks.locked").count() == 1


def test_reports_are_not_taken_where_ses_does_not_send(sns: FakeSns, tell: Any, settings: Any) -> None:
    settings.MAIL_WEBHOOKS = ["postmark"]
    assert tell(sns.notification("hello")).status_code == 404


def test_other_methods_judge_nothing(client: Any) -> None:
    assert client.head(PATH).status_code == 200
    for method in ("get", "put", "delete", "patch", "options"):
        assert getattr(client, method)(PATH).status_code == 405


# Subscriptions --------------------------------------------------------------------------------------------------------


def test_subscription_is_confirmed(sns: FakeSns, tell: Any) -> None:
    assert tell(sns.subscription()).status_code == 200
    assert sns.confirmed == [TOPIC]


def test_subscription_is_confirmed_by_no_transaction_of_ours(sns: FakeSns, tell: Any, monkeypatch: Any) -> None:
    from django.db import connection

    depth = len(connection.atomic_blocks)
    seen = []
    monkeypatch.setattr(webhook.hosts, "get", lambda *a, **o: seen.append(len(connection.atomic_blocks)) or b"")
    webhook._confirm(webhook.sns.read(sns.subscription()))
    assert seen == [depth]


@pytest.mark.parametrize("secret", ["", "name:wrong"])
def test_subscription_of_an_unknown_sender_is_not_confirmed(sns: FakeSns, tell: Any, secret: str) -> None:
    assert tell(sns.subscription(OTHER_TOPIC), secret=secret).status_code in (400, 401)
    assert sns.called == []


def test_subscription_that_is_not_signed_is_not_confirmed(sns: FakeSns, tell: Any) -> None:
    assert tell(sns.subscription() | {"Token": "another"}).status_code == 400
    assert sns.confirmed == []


def test_subscription_is_confirmed_at_sns_alone(sns: FakeSns, tell: Any) -> None:
    assert tell(sns.subscription(SubscribeURL="https://evil.example/?Action=ConfirmSubscription")).status_code == 400
    assert (sns.confirmed, sns.called) == ([], [HOST]), "the certificate was asked for, and nothing else"


def test_subscription_that_cannot_be_confirmed_now_comes_again(sns: FakeSns, tell: Any) -> None:
    sns.misbehave(Answer(status=503), on="/?")
    message = sns.subscription()
    tell(sns.notification("for the certificate"))
    sns.behave()
    sns.misbehave(Answer(status=503), Reset())
    assert [tell(message).status_code for _time in range(3)] == [503, 503, 200]
    assert sns.confirmed == [TOPIC]


def test_subscription_whose_token_is_over_does_not_come_again(sns: FakeSns, tell: Any) -> None:
    tell(sns.notification("for the certificate"))
    sns.misbehave(Answer(status=400))
    assert tell(sns.subscription()).status_code == 400


def test_end_of_a_subscription_is_noted_and_confirms_nothing(sns: FakeSns, tell: Any) -> None:
    message = sns.subscription()
    ended = {name: value for name, value in message.items() if name != "Signature"}
    assert tell(sns.signed(ended | {"Type": "UnsubscribeConfirmation"})).status_code == 200
    assert sns.confirmed == []


@pytest.mark.parametrize(
    "message",
    ["Successfully validated SNS topic for Amazon SES event publishing.", "hello", "", "[]", "1"]
    + [json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have subscribed."})]
    + [json.dumps({"notificationType": "Received", "mail": {}, "content": "x"})]
    + [json.dumps({"eventType": kind, "mail": {}}) for kind in ("Send", "Open", "Click", "Subscription", "New")],
)
def test_message_that_reports_nothing_is_taken(sns: FakeSns, tell: Any, message: str) -> None:
    assert tell(sns.notification(message)).status_code == 200


@pytest.mark.parametrize(
    "document",
    [
        {"notificationType": "Bounce"},
        {"notificationType": "Bounce", "mail": [], "bounce": {}},
        {"notificationType": "Complaint", "mail": {"destination": []}, "complaint": {"complainedRecipients": "x"}},
        {"notificationType": "Delivery", "mail": {"destination": [1]}, "delivery": {"recipients": []}},
        {"notificationType": "Delivery", "mail": {"destination": []}, "delivery": {"recipients": [{}]}},
        {"eventType": "Reject", "mail": {"destination": ["a@example.com"], "messageId": 5}, "reject": {}},
    ],
)
def test_report_of_another_form_is_refused_for_good(sns: FakeSns, tell: Any, document: dict[str, Any]) -> None:
    assert tell(sns.notification(json.dumps(document))).status_code == 400
    assert tell(document).status_code == 400


# Never an error of ours -----------------------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["\x00", "\ud800", "9" * 30]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
NAMES = ["notificationType", "eventType", "mail", "bounce", "complaint", "delivery", "deliveryDelay", "reject"]
NAMES += ["failure", "Type", "Message", "TopicArn", "Signature", "SigningCertURL", "destination", "messageId"]
NAMES += ["bounceType", "bouncedRecipients", "complainedRecipients", "emailAddress", "headers", "commonHeaders"]
KINDS = ["Bounce", "Complaint", "Delivery", "DeliveryDelay", "Reject", "Rendering Failure", "Notification"]
HOSTILE = st.recursive(
    JSON_VALUES | st.sampled_from([*KINDS, "a@example.com", "Nova <new@example.com>"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=25,
)


@given(document=st.dictionaries(st.sampled_from(NAMES), HOSTILE, max_size=8), kind=st.sampled_from(KINDS))
def test_report_of_any_form_breaks_nothing(tell: Any, settings: Any, document: Any, kind: str) -> None:
    settings.RATE_LIMIT_UNVERIFIED = 1_000_000
    document = {"destination": []} | document | {"notificationType": kind}
    document.setdefault("mail", {"destination": [], "messageId": "x"})
    for secret in ("", "name:wrong", SECRET):
        assert tell(document, secret=secret).status_code in (200, 400, 401, 503)


@given(body=st.binary(max_size=200) | HOSTILE.map(lambda value: json.dumps(value).encode()))
@example(body=b"")
@example(body=b"{" * 100_000)
@example(body=b'{"a":' * 3000 + b"1" + b"}" * 3000)
@example(body=b'{"Type": "Notification", "Type": "x"}')
@example(body=b'{"Message": "' + b"x" * 3_000_000 + b'"}')
@example(body=b'{"a": ' + b"9" * 5000 + b"}")
def test_body_of_any_form_breaks_nothing(tell: Any, settings: Any, body: bytes) -> None:
    settings.RATE_LIMIT_UNVERIFIED = 1_000_000
    for secret in ("", "name:wrong", SECRET):
        assert tell(body, secret=secret).status_code in (200, 400, 401, 413)


def test_message_with_a_body_of_every_type_breaks_nothing(sns: FakeSns, client: Any, settings: Any) -> None:
    settings.RATE_LIMIT_UNVERIFIED = 1_000_000
    body = json.dumps(sns.notification("{}")).encode()
    for kind in ("", "application/json", "application/x-www-form-urlencoded", "multipart/form-data", "x;charset=nope"):
        assert client.generic("POST", PATH, body, kind).status_code in (400, 401)
