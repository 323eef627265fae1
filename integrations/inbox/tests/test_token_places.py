"""Places of a token: the path, X-Webhook-Token, Authorization: Bearer, the query; it is written down nowhere."""

import json
import logging
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts.staff.models.audit_entry import AuditEntry
from integrations import registry
from integrations.contracts.provider import Endpoint
from integrations.inbox.models import InboxAttempt, InboxEvent
from integrations.toolkit.signatures import HmacSha256Hex, Token
from tests.rendered import rendered_log

pytestmark = pytest.mark.django_db
RIGHT, WRONG = "a-token-of-every-provider", "a-token-that-somebody-guessed"
ENDPOINTS = [endpoint for provider in registry.all_providers().values() for endpoint in provider.endpoints]
EACH_ENDPOINT = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=[endpoint.path for endpoint in ENDPOINTS])


@pytest.fixture(autouse=True)
def _one_token(settings: Any) -> None:
    for endpoint in ENDPOINTS:
        for verifier in endpoint.verifiers:
            if isinstance(verifier, Token):
                setattr(settings, verifier.setting, ["another-that-is-live", RIGHT])


def send(endpoint: Endpoint, *, path: str = "", **headers: str) -> int:
    body = json.dumps(next(iter(endpoint.examples.values())))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Client().generic("POST", f"/{endpoint.path}{path}", body, "application/json", headers=named)
    return int(answer.status_code)


def places(token: str) -> list[dict[str, str]]:
    return [
        {"X_Webhook_Token": token},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": f"bearer   {token} "},
        {"path": f"?token={token}"},
        {"path": f"/?x=1&token={token}&y="},
    ]


@EACH_ENDPOINT
def test_token_opens_from_each_place_and_a_wrong_one_from_none(endpoint: Endpoint) -> None:
    for place in places(RIGHT):
        assert send(endpoint, **place) in (200, 409)
    assert not InboxEvent.objects.get().is_signed
    for token in (WRONG, RIGHT[:-1], RIGHT + "x", RIGHT.upper(), "%00", "\u00e9".encode().decode("latin-1")):
        for place in places(token):
            assert send(endpoint, **place) in (400, 403)
    assert InboxEvent.objects.get().duplicates == len(places(RIGHT)) - 1


@EACH_ENDPOINT
def test_first_place_decides_and_a_wrong_token_is_not_mended_by_another(endpoint: Endpoint) -> None:
    right_ones, wrong_ones = places(RIGHT), places(WRONG)
    assert send(endpoint, **(right_ones[1] | wrong_ones[0])) == 403
    assert send(endpoint, **(right_ones[3] | wrong_ones[1])) == 403
    assert send(endpoint, **(right_ones[0] | wrong_ones[1] | wrong_ones[3])) in (200, 409)
    if endpoint.takes_token_in_path:
        assert send(endpoint, path=f"/{WRONG}?token={RIGHT}") == 403


@pytest.mark.parametrize("given", ["Basic dXNlcjphLXRva2Vu", "Bearer", "Bearer ", "", f"Token {RIGHT}", RIGHT])
def test_other_authorization_is_no_token(given: str) -> None:
    assert send(ENDPOINTS[0], Authorization=given) == 403
    assert send(ENDPOINTS[0], Authorization=given, path=f"?token={RIGHT}") in (200, 409)


def test_wrong_signature_is_not_mended_by_a_token_in_any_place() -> None:
    signed = next(
        (endpoint, verifier)
        for endpoint in ENDPOINTS
        for verifier in endpoint.verifiers
        if isinstance(verifier, HmacSha256Hex)
    )
    for place in places(RIGHT):
        assert send(signed[0], **{signed[1].header: "00"}, **place) == 403


def test_query_in_any_character_set_of_the_body_is_read() -> None:
    path = f"/{ENDPOINTS[0].path}?token={RIGHT}"
    for charset in ("utf-8", "utf-16", "latin-1"):
        answer = Client().generic("POST", path, b"{}", f"application/json; charset={charset}")
        assert answer.status_code == 400, "it is known, and its body cannot be read"
    many = "&".join(f"a{number}=1" for number in range(600))
    assert send(ENDPOINTS[0], path=f"?{many}&token={RIGHT}") == 403


@pytest.mark.parametrize("place", range(5))
def test_wrong_tokens_of_a_client_are_limited_in_every_place(settings: Any, place: int) -> None:
    settings.RATE_LIMIT_UNVERIFIED = 3
    assert [send(ENDPOINTS[0], **places(f"guess{number}")[place]) for number in range(5)] == [403] * 3 + [429] * 2
    assert send(ENDPOINTS[0], **places(RIGHT)[place]) == 429
    cache.clear()


@EACH_ENDPOINT
def test_token_is_written_nowhere(endpoint: Endpoint, drain: Any) -> None:
    """Look into rows, log lines and the audit log, for right ones and for guesses, which may be right elsewhere."""
    hidden = {"Referer": f"https://hub.test/{endpoint.path}?token=", "X_Original_URL": f"/{endpoint.path}?a=1&token="}
    with rendered_log(logging.DEBUG) as log:
        for token in (RIGHT, WRONG):
            echoed = {name: f"{url}{token}" for name, url in hidden.items()}
            for place in places(token):
                send(endpoint, **(echoed | place))
            if endpoint.takes_token_in_path:
                send(
                    endpoint, path=f"/{token}", **{name: url.replace("?", f"/{token}?") for name, url in echoed.items()}
                )
        drain()
    rows = [*InboxEvent.objects.values(), *InboxAttempt.objects.values(), *AuditEntry.objects.values()]
    assert InboxEvent.objects.get().headers["referer"].endswith("token=•••")
    for text in (str(rows), log.getvalue()):
        assert RIGHT not in text
        assert WRONG not in text
