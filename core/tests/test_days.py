"""Business days in TIME_ZONE, also where the clock is changed."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.days import day_of, span_of


@pytest.fixture(autouse=True)
def _new_york(settings: Any) -> Any:
    settings.TIME_ZONE = "America/New_York"
    timezone.get_default_timezone.cache_clear()
    yield
    timezone.get_default_timezone.cache_clear()


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 7, 1), 24), (date(2026, 11, 1), 25)], ids=str
)
def test_span_of_a_day_is_as_long_as_the_day(day: date, hours: int) -> None:
    begin, end = span_of(day)
    assert end - begin == timedelta(hours=hours)
    assert [day_of(begin), day_of(end - timedelta(microseconds=1)), day_of(end)] == [day, day, day + timedelta(days=1)]


def test_evening_belongs_to_the_day_of_the_business_not_of_utc() -> None:
    assert day_of(datetime(2026, 7, 2, 2, 0, tzinfo=UTC)) == date(2026, 7, 1)
