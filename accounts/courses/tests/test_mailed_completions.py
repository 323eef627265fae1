"""Completions by e-mail: kept once, always for a person, whatever the mail holds."""

import base64
from email.message import EmailMessage as Mail
from typing import Any

import pytest
from django.test import Client

from accounts.courses import decisions, mailed_completions, points
from accounts.courses.models import Activity, Completion
from accounts.people.models import User
from core.cause import Cause

pytestmark = pytest.mark.django_db
PATH = "/anymail/sendgrid/inbound/"
SECRET = "name:a-secret"


@pytest.fixture(autouse=True)
def _in_use(settings: Any) -> None:
    settings.MAIL_WEBHOOKS = ["sendgrid"]
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": [SECRET]}


def mail(subject: str = "Re: AI Foundations", text: str = "I did it", **headers: str) -> Mail:
    message = Mail()
    told = {"From": "Jane <JANE@example.com>", "To": "done@hub.example.com", "Message-ID": "<1@mail>"} | headers
    for name, value in told.items():
        message[name] = value
    message["Subject"] = subject
    message.set_content(text)
    return message


def post(message: Mail, secret: str = SECRET) -> int:
    """Posts a mail as SendGrid does: the raw mail in a form."""
    proof = {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
    told = {"email": message.as_string(), "envelope": '{"to":["done@hub.example.com"],"from":"bounce@example.com"}'}
    return Client(raise_request_exception=False).post(PATH, told, headers=proof).status_code


def test_mail_needs_review_and_is_stored_once(user: User, staff: User) -> None:
    text = "See http://example.com/no and https://academy.example.com/1 please"
    for _delivery in range(2):
        assert post(mail(text=text)) == 200
    kept = Completion.objects.get()
    assert (kept.state, kept.channel, kept.user) == ("received", "mail", None)
    assert (kept.email, kept.name, kept.course) == (user.email, "Jane", "AI Foundations")
    assert kept.certificate_url == "https://academy.example.com/1"
    assert kept.answers == {"subject": "Re: AI Foundations", "text": f"{text}\n", "attachments": 0}
    assert points.balance(user) == 0

    decisions.link(kept, user, remember=False, course="AI", cause=Cause.by_staff(staff))
    assert (points.balance(user), kept.course) == (20, "AI")


def test_start_page_counts_it_and_its_page_suggests_the_sender(user: User, staff: User) -> None:
    post(mail())
    browser = Client()
    browser.force_login(staff)
    assert "Completions that need your decision" in browser.get("/admin/").content.decode()
    page = browser.get(f"/admin/accounts/completion/{Completion.objects.get().pk}/change/").content.decode()
    assert "(the same address)" in page
    assert "I did it" in page


@pytest.mark.parametrize("secret", ["name:wrong", ":", "name:"])
def test_mail_without_the_secret_is_refused(secret: str) -> None:
    assert post(mail(), secret) == 400
    assert Completion.objects.count() == 0


def test_provider_that_is_not_in_use_brings_no_mail(settings: Any) -> None:
    settings.MAIL_WEBHOOKS = []
    assert post(mail()) == 404


@pytest.mark.parametrize(
    "told",
    [
        {"subject": ""},
        {"subject": "x" * 5000, "text": "y" * 50_000},
        {"text": "\x00 \ud800"},
        {"sender": ""},
        {"sender": "no address", "name": "\x00"},
        {"message_id": ""},
        {"message_id": "<" + "x" * 5000 + ">"},
    ],
    ids=str,
)
def test_malformed_mail_is_stored_too(told: dict[str, str]) -> None:
    usual = {"sender": "jane@example.com", "name": "Jane", "subject": "AI", "text": "done", "message_id": "<1@mail>"}
    for _delivery in range(2):
        kept = mailed_completions.receive(**usual | told).completion
    assert Completion.objects.get() == kept
    assert kept.state == "received"
    assert len(kept.answers["text"]) <= 10_000


def test_two_mails_without_an_id_are_two() -> None:
    for text in ("one", "two"):
        mailed_completions.receive(sender="j@example.com", name="", subject="AI", text=text, message_id="")
    assert Completion.objects.count() == 2


def test_line_mail_says_which_activity_takes_mails() -> None:
    Activity.objects.create(code="AAA", name="First", points=1)
    Activity.objects.create(code="BY_MAIL", name="By mail", points=1, forms="mail")
    Activity.objects.filter(code="LEARN").update(forms="*course*")
    post(mail())
    assert Completion.objects.get().activity.code == "BY_MAIL"
    Activity.objects.filter(code="BY_MAIL").update(is_active=False)
    post(mail(**{"Message-ID": "<2@mail>"}))
    assert Completion.objects.latest("pk").activity.code == "AAA"


def test_without_an_activity_the_mail_is_left_with_its_provider() -> None:
    Activity.objects.update(is_active=False)
    assert post(mail()) == 500
    assert Completion.objects.count() == 0
