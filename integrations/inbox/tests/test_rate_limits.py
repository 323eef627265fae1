"""Limits of requests in a minute: few from strangers, many from verified senders."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from accounts.staff.models.audit_entry import AuditEntry
from core.web import limits
from integrations.inbox.models import InboxEvent
from integrations.providers.kajabi.tests.plugin import WEBHOOK_TOKEN
from integrations.toolkit.signatures import Token

pytestmark = pytest.mark.django_db
NOON = 1_800_000_000.0  # the first second of a minute


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a clock that stands still, 15 seconds into a minute, until it is set."""
    hands = {"now": NOON + 15}
    monkeypatch.setattr(limits.time, "time", lambda: hands["now"])
    return hands


def test_61st_unverified_request_of_a_minute_is_answered_429(post: Any, relay: Any, clock: Any) -> None:
    answers = [post(relay(), sign=False) for _number in range(62)]

    assert [answer.status_code for answer in answers] == [403] * 60 + [429] * 2
    assert answers[-1]["Retry-After"] == "46"
    assert answers[-1].json() == {"detail": "Too many requests. Try again in 46 seconds."}
    assert InboxEvent.objects.count() == 0
    clock["now"] += 46
    assert post(relay(), sign=False).status_code == 403, "a new minute"


def test_flood_from_one_address_stops_neither_another_address_nor_a_verified_sender(post: Any, relay: Any) -> None:
    for _number in range(61):
        refused = post(relay(), sign=False, REMOTE_ADDR="192.0.2.1")
    assert refused.status_code == 429
    assert post(relay(), sign=False, REMOTE_ADDR="192.0.2.2").status_code == 403
    assert post(relay(), REMOTE_ADDR="192.0.2.1").status_code == 200


def test_token_is_not_checked_after_sixty_wrong_ones_of_its_client(post: Any, relay: Any) -> None:
    def send(token: str, client: str, event_id: str) -> int:
        path = f"/kajabi-webhook/{token}"
        return int(post(relay(event_id=event_id), path, sign=False, REMOTE_ADDR=client).status_code)

    statuses = [send(f"guess{number}", "192.0.2.1", "evt_1") for number in range(62)]
    assert statuses == [403] * 60 + [429] * 2
    assert send(WEBHOOK_TOKEN, "192.0.2.1", "evt_2") == 429
    assert send(WEBHOOK_TOKEN, "192.0.2.2", "evt_3") == 200
    assert post(relay(event_id="evt_4"), REMOTE_ADDR="192.0.2.1").status_code == 200, "a signature is no guess"
    assert [entry.facts["counted_by"] for entry in AuditEntry.objects.filter(action="webhook.locked")] == ["client"]


def test_any_number_of_right_tokens_counts_as_no_wrong_one(post: Any, relay: Any, settings: Any) -> None:
    settings.RATE_LIMIT_UNVERIFIED = 2
    path = f"/kajabi-webhook/{WEBHOOK_TOKEN}"
    assert {post(relay(event_id=f"evt_{number}"), path, sign=False).status_code for number in range(8)} == {200}


def test_right_token_costs_the_cache_no_more_than_a_right_signature(
    post: Any, relay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = limits._add
    monkeypatch.setattr(limits, "_add", lambda store, key, **count: asked.append(key) or real(store, key, **count))
    for number in range(20):
        assert post(relay(event_id=f"evt_{number}")).status_code == 200
        assert post(relay(event_id=f"evt_t{number}"), f"/kajabi-webhook/{WEBHOOK_TOKEN}", sign=False).status_code == 200
    assert asked == []


@pytest.mark.django_db(transaction=True)
def test_parallel_wrong_tokens_are_checked_up_to_the_limit(
    post: Any, relay: Any, settings: Any, monkeypatch: pytest.MonkeyPatch, at_once: Any
) -> None:
    settings.RATE_LIMIT_UNVERIFIED = 10
    judged: list[str] = []
    real = Token.accepts
    monkeypatch.setattr(Token, "accepts", lambda self, webhook: judged.append(webhook.token) or real(self, webhook))
    statuses = at_once([lambda: post(relay(), "/kajabi-webhook/guess", sign=False).status_code] * 30)
    assert sorted(statuses) == [403] * 10 + [429] * 20
    assert judged == ["guess"] * 10


def test_verified_requests_have_a_limit_of_their_own(post: Any, relay: Any, settings: Any) -> None:
    settings.RATE_LIMIT_VERIFIED = 3
    answers = [post(relay(event_id=f"evt_{number}")) for number in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1]["Retry-After"] == "46"
    assert InboxEvent.objects.count() == 3, "what was answered 429 is not kept"


def test_limits_are_60_and_6000_a_minute(settings: Any) -> None:
    assert (settings.RATE_LIMIT_UNVERIFIED, settings.RATE_LIMIT_VERIFIED) == (60, 6000)


def test_high_limit_is_kept_to_a_hundredth_and_asks_the_cache_a_hundred_times(monkeypatch: Any, clock: Any) -> None:
    asked: list[int] = []
    real = limits._add
    monkeypatch.setattr(limits, "_add", lambda store, key, **count: asked.append(1) or real(store, key, **count))
    limit = limits.GenerousLimit("test", seconds=60)
    waits = [limit.retry_after("somebody", limit=1000) for _number in range(1100)]

    taken = waits.count(0)
    assert 990 <= taken <= 1010
    assert set(waits[taken:]) == {46}, "whoever is over the limit stays over it for this minute"
    assert len(asked) <= 110
    clock["now"] += 46
    assert limit.retry_after("somebody", limit=1000) == 0


def test_with_the_cache_away_a_webhook_is_accepted_and_the_cache_is_left_alone(
    post: Any, relay: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.RATE_LIMIT_VERIFIED = 100
    asked = []

    def away(*arguments: Any, **options: Any) -> None:
        asked.append(arguments)
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(limits, "cache", SimpleNamespace(add=away))
    assert post(relay(event_id="evt_1")).status_code == 200
    assert post(relay(event_id="evt_2")).status_code == 200
    assert len(asked) == 1
    assert limits._resting_until > time.monotonic()


def test_forwarded_address_is_accepted_only_from_our_own_proxies(post: Any, relay: Any, settings: Any) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.9, 198.51.100.4"}
    post(relay(event_id="evt_1"), headers=claimed, REMOTE_ADDR="192.0.2.1")
    settings.TRUSTED_PROXY_COUNT = 1
    post(relay(event_id="evt_2"), headers=claimed, REMOTE_ADDR="192.0.2.1")
    settings.TRUSTED_PROXY_COUNT = 2
    post(relay(event_id="evt_3"), headers=claimed, REMOTE_ADDR="192.0.2.1")
    settings.TRUSTED_PROXY_COUNT = 3
    post(relay(event_id="evt_4"), headers=claimed, REMOTE_ADDR="192.0.2.1")

    senders = InboxEvent.objects.order_by("pk").values_list("source_address", flat=True)
    assert list(senders) == ["192.0.2.1", "198.51.100.4", "203.0.113.9", "192.0.2.1"]
