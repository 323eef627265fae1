"""The webhooks of every mail provider that Anymail knows: what strangers, and what wrong settings, amount to."""

import base64
import os
import subprocess
import sys
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver

from accounts import checks
from config.settings import BASE_DIR

pytestmark = pytest.mark.django_db
PATHS = sorted(
    str(pattern.pattern).strip("^$").replace("(_mime)?", "") for pattern in get_resolver("anymail.urls").url_patterns
)
NAMES = ("BREVO_API_KEY", "MAILERSEND_INBOUND_SECRET", "MAILERSEND_SIGNING_SECRET", "MAILTRAP_API_TOKEN")
NAMES += ("MAILGUN_WEBHOOK_SIGNING_KEY", "MANDRILL_WEBHOOK_KEY", "POSTAL_WEBHOOK_KEY", "SENDINBLUE_API_KEY")
NAMES += ("RESEND_API_KEY", "RESEND_SIGNING_SECRET", "RESEND_INBOUND_SECRET", "UNISENDER_GO_API_KEY")
SETTINGS = dict.fromkeys(NAMES, "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
BODIES = [
    *((JSON, body) for body in (b"", b"{}", b"[]", b"1", b"null", b'"x"', b"[1]", b'[{"event": 1}]', b'{"auth": []}')),
    *((FORM, body) for body in (b"", b"mandrill_events=x", b"a=%ff", b"timestamp=x&token=x&signature=x")),
    (MULTIPART, b"--x\r\n"),
    ("text/plain", b"{}"),
    ("text/plain", b"\xff"),
]


@pytest.mark.parametrize("configured", [{}, SETTINGS], ids=["without settings", "with settings"])
@pytest.mark.parametrize("path", PATHS)
def test_report_of_an_unknown_sender_breaks_no_providers_webhook(
    path: str, configured: dict[str, str], settings: Any
) -> None:
    settings.MAIL_WEBHOOKS = [path.partition("/")[0]]
    settings.ANYMAIL = {**settings.ANYMAIL, **configured, "WEBHOOK_SECRET": ["name:a-secret"]}
    settings.RATE_LIMIT_UNVERIFIED = 1000
    browser = Client(raise_request_exception=False)
    wrong = "Basic " + base64.b64encode(b"name:wrong").decode()
    for headers in ({}, {"Authorization": wrong}, {"Authorization": "Basic \xff"}):
        for content_type, body in BODIES:
            answer = browser.generic("POST", f"/anymail/{path}", body, content_type, headers=headers)
            assert answer.status_code in (400, 401, 404), (body, headers)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mailgun", "Reports of mailgun are not taken: You must set ANYMAIL = {'MAILGUN_WEBHOOK_SIGNING_KEY'"),
        ("mandrill", "Reports of mandrill are not taken: You must set ANYMAIL = {'MANDRILL_WEBHOOK_KEY'"),
        ("nobody", "nobody brings no reports."),
        ("../admin", "../admin brings no reports."),
    ],
)
def test_provider_whose_reports_cannot_be_taken_is_named(settings: Any, name: str, said: str) -> None:
    settings.MAIL_WEBHOOKS = [name]
    (found,) = checks.check_mail_reports()
    assert found.msg.startswith(said)


def test_provider_that_lacks_a_package_is_named(settings: Any) -> None:
    settings.MAIL_WEBHOOKS = ["resend"]
    settings.ANYMAIL = {**settings.ANYMAIL, **SETTINGS}
    (found,) = checks.check_mail_reports()
    assert "svix" in found.msg


def test_providers_whose_reports_can_be_taken_are_not_named(settings: Any) -> None:
    settings.MAIL_WEBHOOKS = ["postmark", "mailgun", "mandrill", "amazon_ses", "brevo", "unisender_go"]
    settings.ANYMAIL = {**settings.ANYMAIL, **SETTINGS}
    assert checks.check_mail_reports() == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"MAIL_WEBHOOKS": []}, "leaves out amazon_ses"),
        ({"MAIL_WEBHOOKS_ARE_CLOSED": True}, "neither ANYMAIL_WEBHOOK_SECRET nor SES_TOPIC_ARN"),
        ({"MAIL_WEBHOOKS_ARE_CLOSED": True, "SES_TOPIC_ARN": ["arn:aws:sns:us-east-1:123456789012:x"]}, ""),
        ({}, ""),
        ({"EMAIL_HOST": "smtp.example.com", "MAIL_WEBHOOKS": [], "MAIL_WEBHOOKS_ARE_CLOSED": True}, ""),
        ({"EMAIL_BACKEND": "accounts.mail.file_mailbox.FileMailbox", "MAIL_WEBHOOKS": []}, ""),
    ],
)
def test_mail_through_ses_without_reports_is_named(settings: Any, values: Any, said: str) -> None:
    ses = {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "email-smtp.us-east-1.amazonaws.com",
        "MAIL_WEBHOOKS": ["amazon_ses"],
        "MAIL_WEBHOOKS_ARE_CLOSED": False,
        "SES_TOPIC_ARN": [],
    }
    for name, value in {**ses, **values}.items():
        setattr(settings, name, value)
    found = checks.check_mail_reports()
    assert [(one.id, said in one.msg) for one in found] == ([("accounts.W003", True)] if said else [])


@pytest.mark.parametrize(
    ("environment", "opened"),
    [
        ({"EMAIL_HOST": "email-smtp.us-east-1.amazonaws.com"}, "['amazon_ses'] False"),
        ({"EMAIL_HOST": "email-smtp.us-east-1.amazonaws.com", "ANYMAIL_WEBHOOKS": "postmark"}, "['postmark'] False"),
        ({"EMAIL_HOST": "email-smtp.us-east-1.amazonaws.com", "ANYMAIL_WEBHOOK_SECRET": ""}, "['amazon_ses'] True"),
        ({"EMAIL_HOST": "smtp.example.com"}, "[] False"),
        ({"EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend"}, "['postmark'] False"),
    ],
)
def test_webhook_of_who_sends_is_open_by_itself(tmp_path: Any, environment: dict[str, str], opened: str) -> None:
    smtp = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "ANYMAIL_WEBHOOK_SECRET": "name:a-secret"}
    given = os.environ | {"ENV_FILE": "", "VAR_DIR": str(tmp_path)} | smtp | environment
    program = "from config import settings; print(settings.MAIL_WEBHOOKS, settings.MAIL_WEBHOOKS_ARE_CLOSED)"
    told = subprocess.run(
        [sys.executable, "-c", program], env=given, cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == opened


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"Type": "Notification"}', b'{"a": 1}'])
def test_refused_report_leaves_a_line_in_the_log_and_no_traceback(settings: Any, caplog: Any, body: bytes) -> None:
    settings.MAIL_WEBHOOKS = ["amazon_ses", "postmark"]
    for provider in settings.MAIL_WEBHOOKS:
        answer = Client(headers={"Authorization": "Basic eDp4"}).generic("POST", f"/anymail/{provider}/tracking/", body)
        assert answer.status_code == 400
    assert caplog.messages
    assert not [line for line in caplog.records if line.exc_info]
