"""Refresh tokens that rotate: each is spent once, by one process, and where it is of no use somebody signs in."""

from collections.abc import Callable
from threading import Lock
from typing import Any

import pytest
from django.core.cache import cache

from integrations.toolkit.failures import Refused, TemporaryFailure
from integrations.toolkit.tokens import Grant, SharedToken

MARGIN = 300  # seconds
LIFE = 86_400


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Provider:
    """Grants token-1, token-2, …, each with a refresh token that is good once."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.good = ""
        self.refuse_with: Exception | None = None
        self._lock = Lock()

    def sign_in(self) -> Grant:
        with self._lock:
            self.requests.append("signed in")
            return self._grant()

    def refresh(self, refresh_token: str) -> Grant:
        with self._lock:
            self.requests.append(f"refreshed with {refresh_token}")
            if self.refuse_with:
                raise self.refuse_with
            if refresh_token != self.good:
                raise Refused("spent", status=400)
            return self._grant()

    def _grant(self) -> Grant:
        number = len(self.requests)
        self.good = f"refresh-{number}"
        return Grant(token=f"token-{number}", expires_in=LIFE, refresh_token=self.good)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def process(clock: Clock, provider: Provider) -> Callable[[], SharedToken]:
    """The store as another process would have it."""
    return lambda: SharedToken(
        "vendor",
        identity=("url", "user", "password"),
        fetch=provider.sign_in,
        refresh=provider.refresh,
        margin=MARGIN,
        clock=clock,
        sleep=clock.sleep,
    )


def test_token_is_refreshed_within_the_margin_before_its_end(process: Any, provider: Provider, clock: Clock) -> None:
    assert process().current() == "token-1"
    clock.now += LIFE - MARGIN - 1
    assert process().current() == "token-1"
    clock.now += 1
    assert process().current() == "token-2"
    assert provider.requests == ["signed in", "refreshed with refresh-1"]


def test_last_refresh_token_is_used_by_the_next_process(process: Any, provider: Provider, clock: Clock) -> None:
    for _day in range(3):
        process().current()
        clock.now += LIFE - MARGIN
    assert provider.requests == ["signed in", "refreshed with refresh-1", "refreshed with refresh-2"]


def test_refused_token_is_refreshed_once_for_all(process: Any, provider: Provider) -> None:
    first, second = process(), process()
    assert first.current() == second.current() == "token-1"
    assert first.replacement_for("token-1") == "token-2"
    assert second.replacement_for("token-1") == "token-2"
    assert provider.requests == ["signed in", "refreshed with refresh-1"]


@pytest.mark.parametrize("error", [Refused("spent", status=400), TemporaryFailure("the answer was lost")])
def test_failed_refresh_is_followed_by_a_sign_in(
    process: Any, provider: Provider, clock: Clock, error: Exception
) -> None:
    process().current()
    clock.now += LIFE - MARGIN
    provider.refuse_with = error
    assert process().current() == "token-3"
    provider.refuse_with = None
    assert process().replacement_for("token-3") == "token-4"
    assert provider.requests[1:] == ["refreshed with refresh-1", "signed in", "refreshed with refresh-3"]


def test_refresh_token_is_spent_once_by_many_at_once(provider: Provider, at_once: Callable[..., list[Any]]) -> None:
    def store() -> SharedToken:
        return SharedToken("vendor", identity=("at once",), fetch=provider.sign_in, refresh=provider.refresh)

    assert store().current() == "token-1"
    assert at_once([lambda: store().replacement_for("token-1")] * 8) == ["token-2"] * 8
    assert provider.requests == ["signed in", "refreshed with refresh-1"]


def test_client_without_a_cache_refreshes_its_own_token(
    process: Any, provider: Provider, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise ConnectionError

    for name in ("get", "add", "set"):
        monkeypatch.setattr(type(cache._connections[cache._alias]), name, away)
    store = process()
    assert store.current() == "token-1"
    clock.now += LIFE - MARGIN
    assert store.current() == "token-2"
    assert provider.requests == ["signed in", "refreshed with refresh-1"]


def test_token_stored_by_an_earlier_version_is_used_and_then_replaced(
    process: Any, provider: Provider, clock: Clock
) -> None:
    store = process()
    cache.set(store._key, ["token-of-before", clock.now + 100, clock.now + 200])
    assert store.current() == "token-of-before"
    clock.now += 100
    assert store.current() == "token-1"
    assert provider.requests == ["signed in"]


def test_unused_refresh_token_is_not_stored(provider: Provider) -> None:
    store = SharedToken("vendor", identity=("no refresh",), fetch=provider.sign_in)
    store.current()
    assert "refresh-1" not in str(cache.get(store._key))
