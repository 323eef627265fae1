"""Proofs that /api/v1/webhooks/ghl accepts: GoHighLevel's signature for our location, a relay's, or a token."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from integrations.inbox.models import InboxEvent
from integrations.providers.gohighlevel.tests.conftest import ENDPOINT, PRIVATE_KEY, SECRET, TOKEN
from integrations.toolkit.public_keys import public_key

pytestmark = pytest.mark.django_db
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def body_of(sample: Any, **changes: Any) -> bytes:
    return json.dumps(sample("ContactCreate__app") | {"timestamp": timezone.now().isoformat()} | changes).encode()


def ed25519(body: bytes, key: Ed25519PrivateKey = PRIVATE_KEY) -> dict[str, str]:
    return {"X-GHL-Signature": base64.b64encode(key.sign(body)).decode()}


def legacy(body: bytes) -> dict[str, str]:
    return {"X-WH-Signature": base64.b64encode(RSA_KEY.sign(body, PKCS1v15(), SHA256())).decode()}


@pytest.fixture(autouse=True)
def _both_keys(settings: Any, _configured_ghl: None) -> None:
    settings.GHL_PUBLIC_KEYS = [*settings.GHL_PUBLIC_KEYS, pem(RSA_KEY)]


def test_either_signature_of_the_raw_body_is_accepted(post: Any, sample: Any) -> None:
    body = body_of(sample)
    assert post(body, ENDPOINT, sign=False, headers=ed25519(body)).status_code == 200
    assert post(body, ENDPOINT, sign=False, headers=legacy(body)).json()["duplicate"] is True
    assert InboxEvent.objects.get().is_signed


def test_wrong_current_signature_is_refused_whatever_else_is_sent(post: Any, sample: Any, sign: Any) -> None:
    body = body_of(sample)
    wrong = ed25519(body + b" ")
    others = [legacy(body), {"X-Webhook-Signature": sign(body, SECRET)}, {"X-Webhook-Token": TOKEN}]
    for other in others:
        assert post(body, ENDPOINT, sign=False, headers=wrong | other).status_code == 403
    assert InboxEvent.objects.count() == 0


@pytest.mark.parametrize(
    "signature", ["", "AAAA", "not base64", "\u00e9", base64.b64encode(bytes(64)).decode(), "=" * 20], ids=repr
)
@pytest.mark.parametrize("header", ["X-GHL-Signature", "X-WH-Signature"])
def test_made_up_signature_is_refused(post: Any, sample: Any, header: str, signature: str) -> None:
    assert post(body_of(sample), ENDPOINT, sign=False, headers={header: signature}).status_code == 403
    assert InboxEvent.objects.count() == 0


def test_signature_of_another_key_or_scheme_is_refused(post: Any, sample: Any) -> None:
    body = body_of(sample)
    for headers in (
        ed25519(body, Ed25519PrivateKey.generate()),
        {"X-WH-Signature": ed25519(body)["X-GHL-Signature"]},
        {"X-GHL-Signature": legacy(body)["X-WH-Signature"]},
    ):
        assert post(body, ENDPOINT, sign=False, headers=headers).status_code == 403
    assert InboxEvent.objects.count() == 0


@pytest.mark.parametrize("location", ["another", "", None, {"id": "ve9EPM428h8vShlRW1KT"}])
def test_signed_body_about_another_location_is_refused(post: Any, sample: Any, location: Any) -> None:
    body = body_of(sample, locationId=location)
    assert post(body, ENDPOINT, sign=False, headers=ed25519(body)).status_code == 403
    assert InboxEvent.objects.count() == 0


def test_signature_without_a_location_is_refused(post: Any, sample: Any, settings: Any) -> None:
    settings.GHL_LOCATION_ID = ""
    for changes in ({}, {"locationId": ""}):
        body = body_of(sample, **changes)
        assert post(body, ENDPOINT, sign=False, headers=ed25519(body)).status_code == 403


@pytest.mark.parametrize(("age", "status"), [(timedelta(days=6), 200), (timedelta(days=8), 403)])
def test_copy_is_accepted_for_a_week(post: Any, sample: Any, age: timedelta, status: int) -> None:
    body = body_of(sample, timestamp=(timezone.now() - age).isoformat())
    assert post(body, ENDPOINT, sign=False, headers=ed25519(body)).status_code == status
    assert InboxEvent.objects.count() == (status == 200)


def test_relay_signature_and_workflow_token_are_accepted(post: Any, sample: Any, sign: Any) -> None:
    body = json.dumps(sample("contact.updated__workflow")).encode()
    relayed = {"X-Webhook-Signature": sign(body, SECRET)}
    assert post(body, ENDPOINT, sign=False, headers=relayed).status_code == 200
    assert InboxEvent.objects.get().is_signed
    other = json.dumps(sample("contact.created__sync")).encode()
    assert post(other, f"{ENDPOINT}/{TOKEN}", sign=False).status_code == 200
    assert not InboxEvent.objects.latest("pk").is_signed


@pytest.mark.parametrize("headers", [{}, {"X-Webhook-Token": "wrong"}, {"X-Webhook-Signature": "00"}])
def test_other_requests_are_refused(post: Any, sample: Any, headers: dict[str, str]) -> None:
    assert post(body_of(sample), ENDPOINT, sign=False, headers=headers).status_code == 403
    assert post(body_of(sample), f"{ENDPOINT}/wrong", sign=False, headers=headers).status_code == 403
    assert InboxEvent.objects.count() == 0


def test_a_key_may_be_a_text_with_written_line_breaks_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem(PRIVATE_KEY), encoding="utf-8")
    assert public_key(pem(PRIVATE_KEY).replace("\n", "\\n")) == public_key(str(path)) == PRIVATE_KEY.public_key()


@pytest.mark.parametrize("text", ["/nowhere/key.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
def test_invalid_key_accepts_nothing_and_is_logged(text: str, caplog: pytest.LogCaptureFixture) -> None:
    public_key.cache_clear()
    assert public_key(text) is None
    assert "cannot be used" in caplog.text
