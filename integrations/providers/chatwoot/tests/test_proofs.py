"""Proofs of account webhooks: a token, Chatwoot's signature with its time, a relay's where it is configured."""

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.people.models import Company
from integrations.contracts.webhook import WebhookRequest
from integrations.inbox.models import InboxEvent
from integrations.providers.chatwoot.tests.conftest import EVENTS, INSTALLATION, RELAY_SECRET, SECRET, TOKEN, signed
from integrations.toolkit.signatures import TimestampedHmac

pytestmark = pytest.mark.django_db
REFUSED = {"detail": "Invalid webhook signature"}
BODY = json.dumps({"event": "account_created", "id": 123, "name": "Test Company S.A.", "users": []}).encode()
SCHEME = TimestampedHmac("X-Chatwoot-Signature", "X-Chatwoot-Timestamp", setting="CHATWOOT_WEBHOOK_SECRET")


def post(headers: dict[str, str], *, path: str = INSTALLATION, body: bytes = BODY) -> Any:
    return Client().post(path, body, "application/json", headers=headers)


def alone(secret: str = RELAY_SECRET, body: bytes = BODY) -> dict[str, str]:
    """Sign as a relay does: the body alone."""
    return {"X-Chatwoot-Signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def moment(seconds: int) -> str:
    return str(int(timezone.now().timestamp()) + seconds)


def assert_refused(answer: Any) -> None:
    assert (answer.status_code, answer.json()) == (403, REFUSED)
    assert InboxEvent.objects.count() == 0
    assert Company.objects.count() == 0


def test_vendors_own_vector_is_what_we_compute(settings: Any, monkeypatch: Any) -> None:
    settings.CHATWOOT_WEBHOOK_SECRET = ["s3cr3t"]
    at = timezone.datetime.fromtimestamp(1_700_000_000, tz=timezone.get_default_timezone())  # type: ignore[attr-defined]
    monkeypatch.setattr(timezone, "now", lambda: at)
    body = b'{"event":"account_created","id":1}'
    proof = {
        "X-Chatwoot-Signature": "sha256=44b90faa2abe9dfcc714a106d682b6140a1f6618ba88f91b3a1119c4ddc0d8ed",
        "X-Chatwoot-Timestamp": "1700000000",
    }
    assert SCHEME.proof(body) == proof
    request = WebhookRequest(body=body, headers={name.lower(): value for name, value in proof.items()})
    assert SCHEME.is_offered(request)
    assert SCHEME.accepts(request)


@pytest.mark.parametrize("path", [INSTALLATION, EVENTS])
def test_signature_with_its_time_opens(path: str) -> None:
    assert post(signed(BODY), path=path).status_code == 200
    assert InboxEvent.objects.get().is_signed


def test_two_secrets_are_live_while_one_replaces_the_other(settings: Any) -> None:
    settings.CHATWOOT_WEBHOOK_SECRET = ["new", SECRET]
    assert post(signed(BODY)).status_code == 200
    assert post(signed(BODY, secret="new")).status_code == 200


@pytest.mark.parametrize("seconds", [-299, 299])
def test_clocks_may_differ_by_less_than_five_minutes(seconds: int) -> None:
    assert post(signed(BODY, timestamp=moment(seconds))).status_code == 200


@pytest.mark.parametrize("seconds", [-310, 310, -86_400])
def test_what_was_signed_long_ago_or_in_the_future_is_refused(seconds: int) -> None:
    assert_refused(post(signed(BODY, timestamp=moment(seconds))))


@pytest.mark.parametrize("timestamp", ["now", "1e9", "-1", "9" * 40, "１７００００００００", "1700000000.5"])
def test_time_that_is_none_is_refused(timestamp: str) -> None:
    assert_refused(post(signed(BODY, timestamp=timestamp.encode().decode("latin-1"))))


def test_signature_of_another_body_time_or_secret_is_refused() -> None:
    for headers in (
        signed(BODY + b" "),
        signed(BODY) | {"X-Chatwoot-Timestamp": moment(1)},
        signed(BODY, secret="wrong"),
        signed(BODY, secret=""),
        signed(BODY) | {"X-Chatwoot-Signature": ""},
    ):
        assert_refused(post(headers))


def test_wrong_signature_is_not_mended_by_a_token() -> None:
    assert_refused(post(signed(BODY, secret="wrong"), path=f"{INSTALLATION}/{TOKEN}"))


def test_relays_signature_of_the_body_alone_is_refused_until_it_is_configured(settings: Any) -> None:
    assert_refused(post(alone()))
    assert_refused(post(alone(SECRET)))
    settings.CHATWOOT_RELAY_SECRET = [RELAY_SECRET]
    assert post(alone()).status_code == 200


def test_chatwoots_own_signature_is_no_relays_once_its_time_is_left_out(settings: Any) -> None:
    settings.CHATWOOT_RELAY_SECRET = [RELAY_SECRET]
    headers = signed(BODY)
    del headers["X-Chatwoot-Timestamp"]
    assert_refused(post(headers))
    assert_refused(post(alone(SECRET)))


@pytest.mark.parametrize("token", ["wrong", "%20", TOKEN + "x", TOKEN[:-1]])
def test_wrong_token_is_refused(token: str) -> None:
    assert_refused(post({}, path=f"{INSTALLATION}/{token}"))


def test_no_proof_at_all_is_refused() -> None:
    assert_refused(post({}))


def test_without_secrets_everything_is_closed(settings: Any) -> None:
    settings.CHATWOOT_WEBHOOK_SECRET = settings.CHATWOOT_WEBHOOK_TOKEN = [""]
    assert_refused(post(signed(BODY, secret="")))
    assert_refused(post({}, path=f"{INSTALLATION}/x"))


def test_token_also_opens_in_a_header_and_the_row_says_that_nobody_signed() -> None:
    assert post({"X-Webhook-Token": TOKEN}).status_code == 200
    assert not InboxEvent.objects.get().is_signed


def test_delivery_is_known_by_its_id_and_a_forged_id_counts_for_nothing() -> None:
    headers = signed(BODY, delivery="0c7d64a5-aaaa-4bbb-8ccc-0123456789ab")
    assert post(headers).json()["data"]["created"] is True
    assert post(headers).json()["data"]["created"] is False
    event = InboxEvent.objects.get()
    assert (event.key, event.duplicates) == ("delivery:0c7d64a5-aaaa-4bbb-8ccc-0123456789ab", 1)
    # Whoever has a token alone signs nothing, not even the id.
    post({"X-Chatwoot-Delivery": "0c7d64a5-aaaa-4bbb-8ccc-0123456789ab"}, path=f"{INSTALLATION}/{TOKEN}")
    assert InboxEvent.objects.exclude(pk=event.pk).get().key.startswith("account_created:123:")
