"""Guesses are counted before they are judged, whatever comes at the same moment and whether the cache is there."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from core.web import guesses, limits
from tests.harness.redis import private_redis, redis_binary

NOON = 1_800_000_000.0  # the first second of a minute, and of a quarter of an hour


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A clock that stands still, 15 seconds into a minute, until it is set."""
    hands = {"now": NOON + 15}
    monkeypatch.setattr(limits.time, "time", lambda: hands["now"])
    return hands


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cache does not answer; the operations that were tried on it."""
    tried: list[str] = []

    def operation(name: str) -> Callable[..., None]:
        def fail(*_arguments: Any, **_options: Any) -> None:
            tried.append(name)
            raise redis.TimeoutError("no answer")

        return fail

    names = ("add", "incr", "decr", "get", "set")
    monkeypatch.setattr(limits, "cache", SimpleNamespace(**{name: operation(name) for name in names}))
    return tried


def guess(*identities: str, limit: int = 3, scope: str = "test") -> None:
    guesses.count(scope, *identities, limit=limit, seconds=60)


def refused(*identities: str, **options: Any) -> guesses.TooMany:
    with pytest.raises(guesses.TooMany) as caught:
        guess(*identities, **options)
    return caught.value


def test_guess_over_the_limit_is_refused_until_the_next_window(clock: dict[str, float]) -> None:
    for _number in range(3):
        guess("mark")
    assert refused("mark").retry_after == 46
    guess("jane")
    clock["now"] += 46
    guess("mark")


def test_thirty_guesses_at_one_moment_let_ten_through(at_once: Any) -> None:
    results = at_once([lambda: guess("mark", limit=10)] * 30)
    assert results.count(None) == 10
    assert sum(isinstance(result, guesses.TooMany) for result in results) == 20


def test_same_identity_in_another_scope_is_another_counter() -> None:
    for _number in range(3):
        guess("192.0.2.1", scope="client")
    refused("192.0.2.1", scope="client")
    guess("192.0.2.1", scope="account")


def test_each_identity_is_counted_and_the_first_at_its_limit_refuses() -> None:
    for name in ("anna", "berta", "carla"):
        guess("192.0.2.1", name)
    error = refused("192.0.2.1", "dora")
    assert (error.scope, error.identity) == ("test", "192.0.2.1")
    for _number in range(3):
        guess("dora")  # the locked client used up nothing of hers


def test_right_guesses_are_forgiven_and_lock_nobody_out() -> None:
    for _number in range(20):
        guess("192.0.2.1", "mark")
        guesses.forgive("test", "192.0.2.1", "mark")


def test_right_guess_takes_back_itself_and_no_wrong_one() -> None:
    for _number in range(2):
        guess("mark")
    guess("mark")
    guesses.forgive("test", "mark")
    guess("mark")
    refused("mark")


def test_forgiving_more_than_was_counted_earns_no_further_guesses() -> None:
    guess("mark")
    for _number in range(5):
        guesses.forgive("test", "mark")
    for _number in range(3):
        guess("mark")
    refused("mark")


def test_refused_guesses_leave_no_trace_once_the_right_ones_are_forgiven() -> None:
    for _number in range(3):
        guess("mark")
    for _number in range(50):
        refused("mark")
    for _number in range(3):
        guesses.forgive("test", "mark")
    guess("mark")


def test_first_refusal_of_a_window_is_marked_once(clock: dict[str, float]) -> None:
    for _number in range(3):
        guess("mark")
    assert [refused("mark").is_first for _number in range(3)] == [True, False, False]
    clock["now"] += 60
    for _number in range(3):
        guess("mark")
    assert refused("mark").is_first


@pytest.mark.parametrize("identity", ["", "a" * 5000, "two words", "\x00\n", "\ud800", "müller@example.com"])
def test_identity_of_any_length_and_character_is_counted(identity: str) -> None:
    for _number in range(3):
        guess(identity)
    refused(identity)


def test_identities_do_not_stand_in_the_cache(settings: Any) -> None:
    from django.core.cache import cache

    guess("mark@example.com")
    assert not [key for key in cache._cache if "mark" in key]
    assert len(cache._cache) == 1


def test_with_the_cache_away_this_process_keeps_the_limit(away: list[str]) -> None:
    for _number in range(3):
        guess("mark")
    assert refused("mark").is_first
    guesses.forgive("test", "mark")
    guess("mark")
    refused("mark")
    assert away == ["add"], "it is left alone for some seconds"


def test_with_the_cache_away_parallel_guesses_keep_the_limit(away: list[str], at_once: Any) -> None:
    results = at_once([lambda: guess("mark", limit=10)] * 30)
    assert results.count(None) == 10


def test_cache_that_comes_back_is_asked_again(away: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    guess("mark")
    real = time.monotonic
    monkeypatch.setattr(limits.time, "monotonic", lambda: real() + 6)
    guess("mark")
    assert away == ["add", "add"]


def test_generous_limit_holds_for_this_process_with_the_cache_away(away: list[str]) -> None:
    limit = limits.GenerousLimit("test", seconds=60)
    waits = [limit.retry_after("somebody", limit=1000) for _number in range(1100)]
    assert 990 <= waits.count(0) <= 1010


# Guesses among many right ones ----------------------------------------------------------------------------------------


def test_frequent_guesses_are_judged_up_to_the_limit(clock: dict[str, float], at_once: Any) -> None:
    frequent = guesses.FrequentGuesses("test.frequent", seconds=60)
    results = at_once([lambda: frequent.count("mark", limit=10)] * 30)
    assert results.count(None) == 10
    assert [result.is_first for result in results if result is not None].count(True) == 1
    frequent.count("jane", limit=10)
    clock["now"] += 46
    frequent.count("mark", limit=10)


def test_frequent_right_guesses_are_not_limited_and_ask_no_cache(away: list[str]) -> None:
    frequent = guesses.FrequentGuesses("test.frequent", seconds=60)
    for _number in range(20):
        frequent.count("mark", limit=3)
        frequent.forgive("mark")
    assert away == []
    assert frequent._counted == {}


def test_frequent_wrong_guesses_are_counted_by_all_processes_together() -> None:
    one, other = (guesses.FrequentGuesses("test.frequent", seconds=60) for _process in range(2))
    for _number in range(3):
        one.count("mark", limit=3)
        one.wrong("mark", limit=3)
    other.count("mark", limit=3)
    with pytest.raises(guesses.TooMany) as caught:
        other.wrong("mark", limit=3)
    assert caught.value.is_first
    with pytest.raises(guesses.TooMany) as caught:
        other.count("mark", limit=3)
    assert not caught.value.is_first


def test_frequent_guesses_of_a_window_that_is_over_take_no_room(clock: dict[str, float]) -> None:
    frequent = guesses.FrequentGuesses("test.frequent", seconds=60)
    for number in range(100):
        frequent.count(str(number), limit=3)
    clock["now"] += 60
    frequent.count("mark", limit=3)
    assert len(frequent._counted) == 1


# A real Redis ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(redis_binary() is None, reason="neither redis-server nor valkey-server is installed")
def test_redis_that_hangs_and_comes_back_keeps_the_limit(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with private_redis(tmp_path) as server:
        settings.CACHES = {
            "default": {
                "BACKEND": "django.core.cache.backends.redis.RedisCache",
                "LOCATION": server.url,
                "OPTIONS": {"socket_timeout": 0.1, "socket_connect_timeout": 0.1},
            }
        }
        guess("mark")
        server.pause()
        for _number in range(3):
            guess("mark")
        refused("mark")
        assert limits._resting_until > time.monotonic()
        server.resume()
        limits.forget()
        guess("mark")
        assert [key for key in server.client.scan_iter() if b"limit:test:" in key], "Redis counts again"


@pytest.mark.skipif(redis_binary() is None, reason="neither redis-server nor valkey-server is installed")
def test_guesses_of_several_processes_share_one_limit(tmp_path: Path) -> None:
    program = """if True:
        import sys
        from django.conf import settings
        backend = "django.core.cache.backends.redis.RedisCache"
        settings.configure(CACHES={"default": {"BACKEND": backend, "LOCATION": sys.argv[1]}})
        from core.web import guesses
        sys.stdin.readline()
        passed = 0
        for _number in range(20):
            try:
                guesses.count("test", "mark", limit=10, seconds=10**9)
                passed += 1
            except guesses.TooMany:
                pass
        print(passed)
    """
    with private_redis(tmp_path) as server:
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", program, server.url],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parents[2],
            )
            for _process in range(2)
        ]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        assert sum(int(process.communicate(timeout=30)[0]) for process in processes) == 10
