"""A provider's limit, kept by all processes together: no window holds more calls, and nobody waits for nothing."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import TemporaryFailure
from integrations.toolkit.pace import MARGIN, Headroom, RateHeaders, SharedPace
from integrations.toolkit.retries import Retries
from tests.fakes.http_server import Answer, FakeServer

LIMIT, SECONDS = 5, 10.0
WINDOW = SECONDS + MARGIN
HEADERS = RateHeaders(remaining="X-Left", interval_ms="X-Interval", daily_remaining="X-Left-Today")


class Clock:
    """Unix time that goes on only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(clock: Clock) -> Callable[..., SharedPace]:
    """The pace as another process would have it."""
    return lambda *identity: SharedPace(
        "vendor",
        identity=identity or ("url", "account"),
        limit=LIMIT,
        seconds=SECONDS,
        headers=HEADERS,
        clock=clock,
        sleep=clock.sleep,
    )


def test_a_burst_goes_out_at_once_and_the_next_call_waits_for_the_window(process: Any, clock: Clock) -> None:
    began = clock.now
    for _call in range(LIMIT):
        process().wait(at_most=60)
    assert clock.now == began
    process().wait(at_most=60)
    assert clock.now == began + WINDOW


def test_no_window_holds_more_than_the_limit(process: Any, clock: Clock) -> None:
    chance = random.Random(5)
    made = []
    for _call in range(200):
        clock.now += chance.choice([0, 0, 0, 0.3, 2.0, 11.0])
        process().wait(at_most=60)
        made.append(clock.now)
    assert all(later - earlier >= WINDOW - 1e-6 for earlier, later in zip(made, made[LIMIT:], strict=False))


def test_another_account_has_its_own_limit(process: Any, clock: Clock) -> None:
    began = clock.now
    for _call in range(LIMIT):
        process("one").wait(at_most=60)
        process("two").wait(at_most=60)
    assert clock.now == began


def test_caller_that_cannot_wait_is_refused_and_takes_no_place(process: Any, clock: Clock) -> None:
    began = clock.now
    for _call in range(LIMIT):
        process().wait(at_most=60)
    for _impatient in range(50):
        with pytest.raises(TemporaryFailure, match="5 calls in 10.5 s are all taken; try again in 10 s") as caught:
            process().wait(at_most=2)
        assert (caught.value.retry_after, caught.value.reached_server) == (WINDOW, False)
    assert clock.now == began
    process().wait(at_most=60)
    assert clock.now == began + WINDOW


def test_calls_at_once_take_one_place_each(at_once: Callable[..., list[Any]]) -> None:
    waited: list[float] = []

    def call() -> None:
        SharedPace("vendor", identity=("at once",), limit=LIMIT, seconds=SECONDS, sleep=waited.append).wait(at_most=60)

    assert at_once([call] * 8) == [None] * 8
    assert len(waited) == 3


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (200, {"X-Left": "0", "X-Interval": "7000"}, 7.0),
        (200, {"X-Left": "0"}, WINDOW),
        (429, {}, WINDOW),
        (429, {"Retry-After": "3"}, 3.0),
        (429, {"X-Interval": "7000"}, 7.0),
        (200, {"X-Left": "1", "X-Interval": "7000"}, 0.0),
        (200, {"X-Left": "", "X-Interval": "many"}, 0.0),
        (500, {}, 0.0),
    ],
)
def test_all_pause_when_no_calls_are_left(
    process: Any, clock: Clock, status: int, headers: dict[str, str], seconds: float
) -> None:
    began = clock.now
    process().wait(at_most=60)
    process().learn(status, headers)
    process().wait(at_most=60)
    assert clock.now == began + seconds


def test_last_headroom_is_shared(process: Any) -> None:
    assert process().headroom() == Headroom(remaining=None, daily_remaining=None)
    process().learn(200, {"X-Left": "87", "X-Left-Today": "199000"})
    assert process().headroom() == Headroom(remaining=87, daily_remaining=199_000)


def test_client_without_a_cache_keeps_the_limit_alone(
    process: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*arguments: Any, **options: Any) -> None:
        raise ConnectionError

    for name in ("get", "add", "set", "incr"):
        monkeypatch.setattr(type(cache._connections[cache._alias]), name, away)
    began, pace = clock.now, process()
    for _call in range(LIMIT + 1):
        pace.wait(at_most=60)
    assert clock.now == began + WINDOW
    pace.learn(429, {"X-Left": "0"})
    assert pace.headroom() == Headroom(remaining=None, daily_remaining=None)


def test_client_waits_before_each_request_and_learns_from_each_answer(
    process: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    began = clock.now
    with FakeServer(lambda asked: Answer(status=200, body=b"{}", headers={"X-Left": "9"})) as server:
        server.misbehave(Answer(status=429, headers={"X-Left": "0", "X-Interval": "7000"}))
        retries = Retries(number=1, initial_delay=1.0, backoff_factor=2.0)
        client = JsonClient(server.url, title="Vendor", pace=process(), retries=retries, sleep=lambda seconds: None)
        assert client.call("GET", "/x") == {}
    assert clock.now == began + 7.0
    assert process().headroom().remaining == 9
