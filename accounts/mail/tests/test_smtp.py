"""Mails by SMTP, to a real server on this machine: what its answer is called afterwards."""

from typing import Any

import pytest
from django.core import mail

from accounts.mail import emails
from accounts.mail.amazon_ses import mail_server
from accounts.mail.models import EmailMessage
from core.queue import runner
from tests.fakes.amazon_ses import FakeSes, new_id

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Any:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    with FakeSes() as fake:
        settings.EMAIL_PORT = fake.port
        yield fake


def deliver() -> EmailMessage:
    (queued,) = emails.notify_staff(EmailMessage.Kind.STAFF_ALERT, key=f"k{EmailMessage.objects.count()}", context={})
    runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    return queued


def test_mail_that_ses_takes_is_called_by_its_id(server: FakeSes) -> None:
    first, second = deliver(), deliver()
    assert [first.provider_message_id, second.provider_message_id] == list(server.mails)
    assert (first.status, second.status) == ("sent", "sent")


@pytest.mark.parametrize(
    "answer", ["250 2.0.0 Ok: queued as 4XyZ12", "250 OK id=1rAbCd-000000-00", "250-Thanks\r\n250 Ok", "250", "250 Ok"]
)
def test_mail_that_another_server_takes_is_called_by_our_message_id(server: FakeSes, answer: str) -> None:
    server.answers.append(answer)
    sent = deliver()
    assert (sent.status, sent.provider_message_id) == ("sent", f"<enlace-{sent.pk}@localhost>")


def test_mail_that_is_refused_after_its_text_is_tried_again(server: FakeSes) -> None:
    server.answers += ["451 try later", "554 Message rejected: Email address is not verified."]
    assert [deliver().status, deliver().status] == ["pending", "pending"]


def test_backend_of_the_settings_sends_where_it_is_another_one(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert deliver().status == "sent"
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    "host",
    [
        "email-smtp.us-east-1.amazonaws.com",
        "email-smtp-fips.us-gov-west-1.amazonaws.com",
        " EMAIL-SMTP.eu-west-1.amazonaws.com",
    ]
    + ["vpce-0ab1.email-smtp.eu-west-1.vpce.amazonaws.com"],
)
def test_ses_is_known_by_its_host(host: str) -> None:
    assert mail_server.is_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "smtp.example.com",
        "localhost",
        "",
        "email-smtp.us-east-1.amazonaws.com.evil.example",
        "email-smtp.amazonaws.com",
    ],
)
def test_another_host_is_not_ses(host: str) -> None:
    assert not mail_server.is_host(host)


def test_id_is_read_from_a_whole_answer_alone() -> None:
    known = new_id()
    assert mail_server.message_id_in(f"Ok {known}") == known
    assert mail_server.message_id_in(f"ok {known}\n") == known
    for other in (f"Ok {known} x", f"x Ok {known}", "Ok queued", "Ok " + "a-" * 200, ""):
        assert mail_server.message_id_in(other) == ""
