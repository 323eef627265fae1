"""The steps that Enlace brings: the key space in Redis, and the signed word to the backend that keeps documents."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.utils import timezone
from standardwebhooks import Webhook

from accounts.people import companies, provisioning
from accounts.people.companies import AccountReport
from accounts.people.models import Company, ProvisioningStep
from accounts.people.provisioning import CannotProvision, NotNeeded
from core.cause import Cause
from core.moments import iso
from integrations.contracts.exceptions import Retryable
from integrations.steps import company_created, redis_prefix
from integrations.toolkit import outgoing
from integrations.toolkit.failures import NotConfigured
from tests.fakes.http_server import Answer, FakeServer, Reset
from tests.harness.redis import private_redis

KEY = b"0123456789abcdef01234567"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
OTHER = "whsec_" + base64.b64encode(b"another-secret-of-24-byte").decode()


@pytest.fixture
def company(db: None, settings: Any) -> Company:
    settings.COMPANY_PROVISIONING_STEPS = []
    told = AccountReport(occurred_at=timezone.now(), account_id="123", name="Test Company S.A.")
    return companies.apply_report(told, cause=Cause(text="test")).company


@pytest.fixture
def backend(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeServer(lambda asked: Answer(status=202, body=b"ok", content_type="text/plain")) as server:
        settings.COMPANY_WEBHOOK_URL = f"{server.url}/hooks/enlace"
        settings.COMPANY_WEBHOOK_SECRET = [SECRET]
        yield server


def test_vector_of_standard_webhooks_is_what_we_compute() -> None:
    # https://github.com/standard-webhooks/standard-webhooks, the reference libraries' test
    made = outgoing.signatures(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_backend_gets_one_signed_webhook_with_exact_content(company: Company, backend: FakeServer) -> None:
    assert company_created.send(company) == "posted chatwoot_123, answered with 202"
    [asked] = backend.asked_for("/hooks/enlace")
    assert asked.method == "POST"
    assert json.loads(asked.body) == {
        "type": "company.created",
        "timestamp": iso(company.created_at),
        "data": {
            "company_id": "chatwoot_123",
            "company_name": "Test Company S.A.",
            "chatwoot_account_id": "123",
            "redis_prefix": "chatwoot_123:",
            "vectorstore_index": "chatwoot_123_documents",
        },
    }
    assert asked.headers["webhook-id"] == "company.created.chatwoot_123"
    assert abs(int(asked.headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    digest = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert asked.headers["webhook-signature"] == f"v1,{digest}"
    assert "authorization" not in asked.headers
    assert Webhook(SECRET).verify(asked.body, asked.headers) == json.loads(asked.body)


def test_with_two_secrets_it_is_signed_with_both(company: Company, backend: FakeServer, settings: Any) -> None:
    settings.COMPANY_WEBHOOK_SECRET = [SECRET, OTHER]
    company_created.send(company)
    asked = backend.exchanges[0].asked
    assert len(asked.headers["webhook-signature"].split(" ")) == 2
    for secret in (SECRET, OTHER):
        Webhook(secret).verify(asked.body, asked.headers)


@pytest.mark.parametrize("body", [b"{}", '{"name": "Peñón Ñandú"}'.encode(), b'{"a":  1 }\n'])
@pytest.mark.parametrize("zone", ["UTC", "America/Bogota"])
def test_signature_does_not_depend_on_our_time_zone(body: bytes, zone: str, settings: Any) -> None:
    settings.TIME_ZONE = zone
    digest = hmac.new(KEY, b"msg_1.1614265330." + body, hashlib.sha256).digest()
    made = outgoing.signatures([SECRET], message_id="msg_1", timestamp=1614265330, body=body)
    assert made == f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize("status", [400, 410, 422, 301, 302, 307])
def test_what_will_never_work_is_said_and_no_redirect_is_followed(
    company: Company, backend: FakeServer, status: int
) -> None:
    backend.misbehave(Answer(status=status, headers={"Location": f"{backend.url}/elsewhere"}))
    with pytest.raises(CannotProvision, match=f"answered with {status}"):
        company_created.send(company)
    assert len(backend.exchanges) == 1


@pytest.mark.parametrize(
    "trouble",
    [Answer(status=500), Answer(status=429), Answer(status=401), Reset()],
    ids=["500", "429", "401", "reset"],
)
def test_temporary_failure_is_retried(company: Company, backend: FakeServer, trouble: Any) -> None:
    backend.misbehave(trouble)
    with pytest.raises(Retryable):
        company_created.send(company)
    assert company_created.send(company).endswith("answered with 202")


def test_backend_that_is_down_gets_its_webhook_later_under_the_same_id(
    company: Company, backend: FakeServer, drain: Any, travel: Any, settings: Any
) -> None:
    settings.COMPANY_PROVISIONING_STEPS = ["integrations.steps.company_created.send"]
    provisioning.enqueue(company)
    backend.misbehave(Answer(status=503))
    drain()
    assert ProvisioningStep.objects.get().status == "pending"
    travel(timedelta(seconds=10))
    drain()
    step = ProvisioningStep.objects.get()
    assert (step.status, step.result) == ("done", "posted chatwoot_123, answered with 202")
    assert {exchange.asked.headers["webhook-id"] for exchange in backend.exchanges} == {"company.created.chatwoot_123"}


def test_missing_backend_is_no_failure(company: Company, settings: Any) -> None:
    settings.COMPANY_WEBHOOK_URL = ""
    with pytest.raises(NotNeeded, match="COMPANY_WEBHOOK_URL is not set"):
        company_created.send(company)


@pytest.mark.parametrize("secrets", [[], [""], ["plain"], ["whsec_%%%"], ["whsec_AAAA"]])
def test_without_a_proper_secret_nothing_is_sent(
    company: Company, backend: FakeServer, settings: Any, secrets: list[str]
) -> None:
    settings.COMPANY_WEBHOOK_SECRET = secrets
    with pytest.raises(CannotProvision):
        company_created.send(company)
    assert backend.exchanges == []


@pytest.mark.parametrize("url", ["backend", "ftp://backend/x", "file:///etc/passwd", "https://"])
def test_address_that_is_none_is_said(url: str) -> None:
    with pytest.raises(NotConfigured):
        outgoing.post_signed(url, b"{}", message_id="m", secrets=[SECRET])


def test_without_redis_there_is_no_key_space_to_check(company: Company, settings: Any) -> None:
    settings.REDIS_URL = ""
    with pytest.raises(NotNeeded, match="REDIS_URL is not set"):
        redis_prefix.check(company)


def test_key_space_is_claimed_and_stays_ours(company: Company, settings: Any, tmp_path: Any) -> None:
    with private_redis(tmp_path) as server:
        settings.REDIS_URL = server.url
        for _time in range(2):
            assert redis_prefix.check(company) == "chatwoot_123: is this company's alone"
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            assert client.get("chatwoot_123:company") == "chatwoot_123"
            client.set("chatwoot_123:company", "somebody")
        with pytest.raises(CannotProvision, match="belongs to 'somebody'"):
            redis_prefix.check(company)


def test_redis_that_is_away_is_tried_again(company: Company, settings: Any, drain: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    settings.COMPANY_PROVISIONING_STEPS = ["integrations.steps.redis_prefix.check"]
    provisioning.enqueue(company)
    drain()
    step = ProvisioningStep.objects.get()
    assert (step.status, step.failures) == ("pending", 1)
