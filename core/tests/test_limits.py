"""The rate limiter by itself, in the process's memory and in a real Redis."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from core.web import limits
from tests.harness.redis import private_redis, redis_binary

ROOT = Path(__file__).parents[2]
# It hands out tickets of a queue, and refuses nobody.
NO_LIMITERS = {"integrations/toolkit/pace.py"}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A clock that stands still, 15 seconds into a minute, until it is set."""
    hands = {"now": 1_800_000_015.0}
    monkeypatch.setattr(limits.time, "time", lambda: hands["now"])
    return hands


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> Iterator[Any]:
    """The cache of this kind; Redis's server, None for memory."""
    if request.param == "memory":
        yield None
        return
    if redis_binary() is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    with private_redis(tmp_path) as server:
        backend = "django.core.cache.backends.redis.RedisCache"
        settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": server.url}}
        yield server


def test_numbers_are_added_up_in_their_window(store: Any, clock: dict[str, float]) -> None:
    assert [limits.add("test", "mark", seconds=60), limits.add("test", "mark", seconds=60, number=5)] == [1, 6]
    assert limits.add("test", "jane", seconds=60) == 1
    clock["now"] += 60
    assert limits.add("test", "mark", seconds=60) == 1


def test_taking_back_more_than_was_counted_leaves_nought(store: Any) -> None:
    window = limits.Window("test", "mark", seconds=60)
    for _number in range(3):
        window.take_back()
    assert [window.add(), window.add()] == [1, 2]
    window.take_back()
    assert window.add() == 2


def test_a_window_that_is_held_stays_the_same_counter(store: Any, clock: dict[str, float]) -> None:
    window = limits.Window("test", "mark", seconds=60)
    window.add()
    clock["now"] += 60
    limits.add("test", "mark", seconds=60)
    window.take_back()
    assert limits.add("test", "mark", seconds=60) == 2


def test_recent_windows_are_summed(store: Any, clock: dict[str, float]) -> None:
    for number in (1, 10, 100):
        limits.add("test", "mark", seconds=60, number=number, windows=3)
        clock["now"] += 60
    assert [limits.recent("test", "mark", seconds=60, windows=windows) for windows in (1, 2, 4)] == [0, 100, 111]


def test_the_first_of_a_window_is_first_in_one_process_alone(store: Any, clock: dict[str, float]) -> None:
    one, other = (limits.FirstOfWindow("test", seconds=60) for _process in range(2))
    assert [one.is_first("mark"), one.is_first("mark"), other.is_first("mark"), other.is_first("jane")] == [
        True,
        False,
        False,
        True,
    ]
    clock["now"] += 60
    assert other.is_first("mark")


def test_parallel_threads_lose_no_count(store: Any, at_once: Any) -> None:
    sums = at_once([lambda: limits.add("test", "mark", seconds=60)] * 30)
    assert sorted(sums) == list(range(1, 31))


def test_recent_counts_are_this_process_s_while_the_cache_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_options: Any) -> None:
        raise redis.ConnectionError("refused")

    monkeypatch.setattr(limits, "cache", SimpleNamespace(add=fail, get_many=fail))
    assert limits.recent("test", "mark", seconds=60, windows=2) == 0
    limits.add("test", "mark", seconds=60)
    assert limits.recent("test", "mark", seconds=60, windows=2) == 1


@pytest.mark.parametrize("store", ["redis"], indirect=True)
def test_every_counter_in_redis_ends_and_costs_one_round_trip(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trips: list[int] = []
    real = redis.client.Pipeline.execute
    monkeypatch.setattr(redis.client.Pipeline, "execute", lambda self, *a: trips.append(1) or real(self, *a))
    monkeypatch.setattr(redis.Redis, "execute_command", lambda *_arguments, **_options: pytest.fail("another trip"))
    for number in range(20):
        limits.add("test", str(number % 5), seconds=60)
    limits.Window("test", "0", seconds=60).take_back()
    monkeypatch.undo()
    assert len(trips) == 21
    keys = list(store.client.scan_iter())
    assert len(keys) == 5
    assert all(0 < store.client.ttl(key) <= 61 for key in keys)


def test_nothing_but_the_limiter_counts_in_the_cache() -> None:
    counting = re.compile(r"\bcache\.(a?incr|a?decr)\b|SimpleRateThrottle|UserRateThrottle|AnonRateThrottle")
    found = {
        str(path.relative_to(ROOT))
        for folder in ("accounts", "config", "core", "integrations")
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts and counting.search(path.read_text(encoding="utf-8"))
    }
    assert found == NO_LIMITERS
