"""Amazon SNS and SES on this machine, and the webhook that listens to them."""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client

from accounts.mail import emails
from accounts.mail.amazon_ses import sns as messages
from accounts.mail.models import EmailMessage
from core.queue import runner
from tests.fakes.amazon_ses import FakeSes
from tests.fakes.amazon_sns import FakeSns

PATH = "/anymail/amazon_ses/tracking/"
SECRET = "name:a-secret-that-only-tests-know"


@pytest.fixture(scope="session")
def _sns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSns]:
    with FakeSns(tmp_path_factory.mktemp("sns")) as server:
        yield server


@pytest.fixture
def sns(_sns: FakeSns, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSns]:
    """Amazon SNS, behaving well, with one certificate and nothing confirmed."""
    for name, value in _sns.environment.items():
        monkeypatch.setenv(name, value)
    certificates = dict(_sns.certificates)
    messages._certificate_at.cache_clear()
    _sns.behave()
    _sns.exchanges.clear()
    _sns.called.clear()
    _sns.confirmed.clear()
    yield _sns
    _sns.certificates = certificates
    messages._certificate_at.cache_clear()


@pytest.fixture
def ses(settings: Any) -> Iterator[FakeSes]:
    """Amazon SES, to which our mails go by SMTP as an operator sets it up."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    with FakeSes() as server:
        settings.EMAIL_PORT = server.port
        yield server


@pytest.fixture(autouse=True)
def _open(settings: Any) -> None:
    settings.MAIL_WEBHOOKS = ["amazon_ses"]
    settings.ANYMAIL = {**settings.ANYMAIL, "WEBHOOK_SECRET": [SECRET]}
    settings.SES_TOPIC_ARN = []


@pytest.fixture
def tell() -> Callable[..., Any]:
    """Posts a message, or raw bytes, as SNS does; with the secret unless told otherwise."""

    def send(message: Mapping[str, Any] | bytes, *, secret: str = SECRET, path: str = PATH, **environ: Any) -> Any:
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        proof = {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()} if secret else {}
        browser = Client(raise_request_exception=False)
        return browser.generic("POST", path, body, "text/plain; charset=UTF-8", headers=proof, **environ)

    return send


@pytest.fixture
def report(sns: FakeSns, tell: Callable[..., Any]) -> Callable[..., int]:
    """Posts a report of SES in a signed message; the status of the answer."""
    return lambda document, **fields: tell(sns.notification(json.dumps(document), **fields)).status_code


@pytest.fixture
def sent(newcomer: Any, ses: FakeSes) -> EmailMessage:
    """A welcome mail that SES took."""
    return send_mail(newcomer)


def send_mail(user: Any, kind: EmailMessage.Kind = EmailMessage.Kind.WELCOME, key: str = "a reason") -> EmailMessage:
    queued = emails.enqueue(
        kind, key=key, to=user.email, user=user, context={"plan_name": "Plan", "partner": "Partner"}
    )
    assert queued is not None
    runner.run(EmailMessage, queued.pk)
    queued.refresh_from_db()
    return queued
