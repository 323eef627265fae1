"""The token that all processes share: renewed before its end, by one at a time, with and without a cache."""

from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

import pytest
import redis
from django.core.cache import cache

from integrations.toolkit import tokens
from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import Refused, TemporaryFailure
from integrations.toolkit.tokens import Grant, SharedToken, client_credentials
from tests.fakes.http_server import Answer, FakeServer


class Clock:
    """Unix time that goes on only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Provider:
    """Grants token-1, token-2, …"""

    def __init__(self, *, expires_in: float = 7200) -> None:
        self.granted, self.expires_in = 0, expires_in
        self.error: Exception | None = None
        self._lock = Lock()

    def __call__(self) -> Grant:
        if self.error:
            raise self.error
        with self._lock:
            self.granted += 1
            return Grant(token=f"token-{self.granted}", expires_in=self.expires_in)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def process(clock: Clock, provider: Provider) -> Callable[..., SharedToken]:
    """The store as another process would have it."""

    def build(*identity: str) -> SharedToken:
        named = identity or ("url", "id", "secret")
        return SharedToken("vendor", identity=named, fetch=provider, clock=clock, sleep=clock.sleep)

    return build


def lock_key(store: SharedToken) -> str:
    return store._lock


def test_processes_share_one_token(process: Callable[..., SharedToken], provider: Provider) -> None:
    assert [process().current() for _process in range(3)] == ["token-1"] * 3
    assert provider.granted == 1


def test_other_credentials_have_another_token(process: Callable[..., SharedToken]) -> None:
    assert process("url", "id", "old").current() == "token-1"
    assert process("url", "id", "new").current() == "token-2"
    assert "old" not in process("url", "id", "old")._key


def test_token_is_renewed_a_minute_before_its_end(process: Callable[..., SharedToken], clock: Clock) -> None:
    assert process().current() == "token-1"
    clock.now += 7200 - 61
    assert process().current() == "token-1"
    clock.now += 1
    assert process().current() == "token-2"


def test_short_lived_token_has_a_short_margin(
    process: Callable[..., SharedToken], provider: Provider, clock: Clock
) -> None:
    provider.expires_in = 100
    assert process().current() == "token-1"
    clock.now += 89
    assert process().current() == "token-1"
    clock.now += 1
    assert process().current() == "token-2"


def test_refused_token_is_replaced_once_for_all(process: Callable[..., SharedToken], provider: Provider) -> None:
    first, second = process(), process()
    assert (first.current(), second.current()) == ("token-1", "token-1")
    assert first.replacement_for("token-1") == "token-2"
    assert second.replacement_for("token-1") == "token-2"
    assert provider.granted == 2


def test_one_process_renews_while_the_others_wait(provider: Provider, at_once: Callable[..., list[Any]]) -> None:
    def use() -> str:
        return SharedToken("vendor", identity=("at once",), fetch=provider).current()

    assert at_once([use] * 8) == ["token-1"] * 8
    assert provider.granted == 1


def test_valid_token_is_used_while_another_process_renews_it(
    process: Callable[..., SharedToken], provider: Provider, clock: Clock
) -> None:
    store = process()
    store.current()
    clock.now += 7200 - 30
    cache.add(lock_key(store), "somebody else")
    assert store.current() == "token-1"
    assert provider.granted == 1
    assert cache.get(lock_key(store)) == "somebody else"


def test_waiting_for_another_process_ends(
    process: Callable[..., SharedToken], provider: Provider, clock: Clock
) -> None:
    store = process()
    cache.add(lock_key(store), "somebody who died")
    began = clock.now
    with pytest.raises(TemporaryFailure, match="another process is still getting a token"):
        store.current()
    assert clock.now - began >= tokens.WAIT_FOR_ANOTHER
    cache.delete(lock_key(store))  # as it ends by itself
    assert store.current() == "token-1"


def test_token_of_another_process_is_used(
    process: Callable[..., SharedToken], provider: Provider, clock: Clock
) -> None:
    store = process()
    cache.add(lock_key(store), "somebody else")

    def meanwhile(seconds: float) -> None:
        clock.now += seconds
        cache.set(store._key, ["token-of-another", clock.now + 100, clock.now + 200])

    store._sleep = meanwhile
    assert store.current() == "token-of-another"
    assert provider.granted == 0


def test_refusal_releases_the_lock(process: Callable[..., SharedToken], provider: Provider) -> None:
    store = process()
    provider.error = Refused("wrong credentials", status=401)
    with pytest.raises(Refused):
        store.current()
    assert cache.get(lock_key(store)) is None
    provider.error = None
    assert store.current() == "token-1"


def test_expired_lock_is_left_to_its_next_holder(process: Callable[..., SharedToken], provider: Provider) -> None:
    store = process()

    def slowly() -> Grant:
        cache.set(lock_key(store), "the next holder")
        return Grant(token="late", expires_in=60)

    store._fetch = slowly
    assert store.current() == "late"
    assert cache.get(lock_key(store)) == "the next holder"


def test_client_without_a_cache_has_a_token_of_its_own(
    process: Callable[..., SharedToken],
    provider: Provider,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def is_away(*arguments: Any, **options: Any) -> None:
        raise redis.ConnectionError("nobody there")

    for operation in ("get", "add", "set", "delete"):
        monkeypatch.setattr(type(cache._connections[cache._alias]), operation, is_away)
    store = process()
    assert [store.current(), store.current()] == ["token-1", "token-1"]
    assert store.replacement_for("token-1") == "token-2"
    clock.now += 7200
    assert store.current() == "token-3"
    assert "the cache does not answer" in caplog.text
    assert "token-1" not in caplog.text


def test_cache_failure_in_the_middle_loses_no_token(
    process: Callable[..., SharedToken], provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_away(*arguments: Any, **options: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(type(cache._connections[cache._alias]), "set", is_away)
    assert process().current() == "token-1"


def test_token_is_not_in_the_repr() -> None:
    assert "hidden" not in repr(Grant(token="hidden", expires_in=1))


# Client credentials ---------------------------------------------------------------------------------------------------


@pytest.fixture
def granting(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeServer, Callable[[], Grant]]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeServer() as server:
        http = JsonClient(server.url, title="Vendor", sleep=lambda seconds: None)
        yield server, lambda: client_credentials(http, "/token", client_id="id", client_secret="a&b")


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        ("3600", 3600.0),
        ('"60"', 60.0),
        ("null", 300.0),
        ("0", 300.0),
        ("-1", 300.0),
        ('"soon"', 300.0),
        ("1e999", 300.0),
    ],
)
def test_grant_is_read(granting: Any, expires_in: str, seconds: float) -> None:
    server, grant = granting
    body = f'{{"access_token": "t0ken", "expires_in": {expires_in}}}'
    server.misbehave(Answer(status=500), Answer(status=200, body=body.encode()))
    assert grant() == Grant(token="t0ken", expires_in=seconds)
    assert server.exchanges[-1].asked.body == b"grant_type=client_credentials&client_id=id&client_secret=a%26b"


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"access_token": 1}', b'{"access_token": "a\\nb"}', b""])
def test_answer_without_a_token_is_temporary(granting: Any, body: bytes) -> None:
    server, grant = granting
    server.misbehave(Answer(status=200, body=body))
    with pytest.raises(TemporaryFailure, match="without a usable access_token"):
        grant()
