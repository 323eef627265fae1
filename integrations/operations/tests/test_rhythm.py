"""Rhythms learnt from generated arrivals: silences are found, and false alarms are rare."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from integrations.operations.rhythm import SHORTEST, Rhythm, learn

NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2026, 6, 1, 4, tzinfo=UTC)  # a Monday's midnight there
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def generated(rate: Callable[[datetime], float], *, weeks: int, seed: int = 1, burst: int = 1) -> list[datetime]:
    """Return random arrivals by a rate an hour that depends on the local moment; each brings up to `burst` events."""
    chance, times, moment = random.Random(seed), [], START
    most = max(rate((START + n * HOUR).astimezone(NEW_YORK)) for n in range(168))
    while moment < START + weeks * WEEK:
        moment += HOUR * chance.expovariate(most)
        if chance.random() < rate(moment.astimezone(NEW_YORK)) / most:
            times += [moment + timedelta(seconds=n) for n in range(chance.randint(1, burst))]
    return sorted(times)


def office(local: datetime) -> float:
    return 6.0 if local.weekday() < 5 and 9 <= local.hour < 18 else 0.1


def always(local: datetime) -> float:
    return 2.0


def rare(local: datetime) -> float:
    return 0.25


def learnt(times: list[datetime]) -> Rhythm:
    rhythm = learn(times, NEW_YORK)
    assert rhythm is not None
    return rhythm


def alarms(rhythm: Rhythm, times: list[datetime]) -> int:
    pauses = [pair for pair in zip(times, times[1:], strict=False) if pair[1] - pair[0] >= SHORTEST]  # others are none
    return sum(rhythm.overdue_at(last, NEW_YORK) < following for last, following in pauses)


@pytest.mark.parametrize("rate", [office, always, rare], ids=lambda rate: rate.__name__)
@pytest.mark.parametrize("burst", [1, 30])
def test_false_alarms_are_rare_in_the_weeks_after_those_that_were_learnt(
    rate: Callable[[datetime], float], burst: int
) -> None:
    weeks, found = 0, 0
    for seed in range(6):
        times = generated(rate, weeks=16, seed=seed, burst=burst)
        known = [moment for moment in times if moment < START + 8 * WEEK]
        found += alarms(learnt(known), times[len(known) :])
        weeks += 8
    assert found <= weeks / 8, f"{found} false alarms in {weeks} weeks"


def test_silence_of_an_office_is_found_within_hours_by_day_and_not_at_the_weekend() -> None:
    rhythm = learnt(generated(office, weeks=8))
    tuesday_noon = START + 9 * WEEK + DAY + 12 * HOUR
    friday_evening = START + 9 * WEEK + 4 * DAY + 17.9 * HOUR
    assert rhythm.overdue_at(tuesday_noon, NEW_YORK) - tuesday_noon < 6 * HOUR
    assert rhythm.overdue_at(friday_evening, NEW_YORK) > friday_evening + 1.5 * DAY
    assert rhythm.usual(START + 9 * WEEK + 3 * DAY + 16 * HOUR, NEW_YORK) < 8 * HOUR
    assert rhythm.usual(START + 9 * WEEK + 6 * DAY + 16 * HOUR, NEW_YORK) > 36 * HOUR


def test_bursts_do_not_make_the_pauses_between_them_unusual() -> None:
    rhythm = learnt(generated(lambda local: 0.2, weeks=8, burst=200))
    assert rhythm.usual(START + 9 * WEEK, NEW_YORK) > 20 * HOUR


def test_busy_provider_is_not_told_of_before_an_hour() -> None:
    rhythm = learnt(generated(lambda local: 50.0, weeks=3))
    last = START + 4 * WEEK
    assert rhythm.overdue_at(last, NEW_YORK) == last + SHORTEST
    assert rhythm.usual(last, NEW_YORK) == SHORTEST


def test_outage_among_many_weeks_hardly_moves_the_limit() -> None:
    times = generated(always, weeks=8)
    broken = [moment for moment in times if not START + 3 * WEEK < moment < START + 3 * WEEK + 2 * DAY]
    now = START + 9 * WEEK
    assert learnt(broken).usual(now, NEW_YORK) < 3 * learnt(times).usual(now, NEW_YORK)


@pytest.mark.parametrize(
    "times",
    [
        [],
        [START + n * DAY for n in range(49)],
        [START + n * HOUR for n in range(300)],  # within two weeks
        [START + 20 * DAY + timedelta(seconds=n) for n in range(500)] + [START],
    ],
    ids=["none", "too few", "too short", "one burst"],
)
def test_too_little_data_say_nothing(times: list[datetime]) -> None:
    assert learn(times, NEW_YORK) is None


def test_hours_of_the_week_are_those_of_the_clock_on_the_wall_across_its_change() -> None:
    rates = [0.0] * 168
    rates[9] = 1.0  # Mondays from 9 to 10
    rhythm = Rhythm(rates=rates, limit=0.5)
    before = datetime(2026, 10, 26, 4, tzinfo=UTC)  # Monday, summer time; a week later it is winter time
    assert rhythm.expected(before, before + DAY, NEW_YORK) == pytest.approx(1.0)
    assert rhythm.expected(before + WEEK, before + WEEK + DAY, NEW_YORK) == pytest.approx(1.0)
    assert rhythm.overdue_at(before, NEW_YORK) == datetime(2026, 10, 26, 13, 30, tzinfo=UTC)
    assert rhythm.overdue_at(before + WEEK, NEW_YORK) == datetime(2026, 11, 2, 14, 30, tzinfo=UTC)


def test_hour_that_the_clock_repeats_counts_twice_and_the_one_it_skips_not_at_all() -> None:
    rhythm = Rhythm(rates=[1.0] * 168, limit=1)
    autumn, spring = datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert rhythm.expected(autumn, autumn + 25 * HOUR, NEW_YORK) == pytest.approx(25)
    assert rhythm.expected(spring, spring + 23 * HOUR, NEW_YORK) == pytest.approx(23)


def test_clock_that_went_back_expects_nothing() -> None:
    assert Rhythm(rates=[1.0] * 168, limit=1).expected(START, START - HOUR, NEW_YORK) == 0


def test_pause_of_ours_moves_the_moment_at_which_a_silence_is_unusual() -> None:
    rhythm = Rhythm(rates=[1.0] * 168, limit=5.0)
    begin = START + 9 * WEEK
    pause = (begin + HOUR, begin + 31 * HOUR)
    assert rhythm.overdue_at(begin, NEW_YORK) == begin + 5 * HOUR
    assert rhythm.overdue_at(begin, NEW_YORK, [pause]) == begin + 35 * HOUR
    assert rhythm.expected(begin, begin + 32 * HOUR, NEW_YORK, [pause]) == pytest.approx(2.0)


def test_pause_of_ours_teaches_no_longer_silences() -> None:
    times = [START + number * HOUR for number in range(700) if not 300 <= number < 400]
    pause = (START + 299 * HOUR, START + 400 * HOUR)
    learnt, without = learn(times, NEW_YORK, [pause]), learn(times, NEW_YORK)
    assert learnt is not None
    assert without is not None
    assert learnt.limit < without.limit
