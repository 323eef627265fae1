"""Intervals as payloads name them, and the terms that are stored with a fact."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.memberships.terms import Interval, PlanTerms, StatedTerms, interval_of
from accounts.memberships.tests.builders import date

LEAP_DAY = datetime(2024, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "count", "interval"),
    [
        ("month", 3, Interval(unit="months", count=3)),
        ("Months", None, Interval(unit="months", count=1)),
        (" year ", None, Interval(unit="years", count=1)),
        ("annual", 1, Interval(unit="years", count=1)),
        ("yearly", 1, Interval(unit="years", count=1)),
        ("monthly", 1, Interval(unit="months", count=1)),
        ("weekly", 2, Interval(unit="weeks", count=2)),
        ("daily", 30, Interval(unit="days", count=30)),
        ("day", 3660, Interval(unit="days", count=3660)),
        ("week", 520, Interval(unit="weeks", count=520)),
        ("month", 120, Interval(unit="months", count=120)),
        ("year", 10, Interval(unit="years", count=10)),
        *((unit, count, None) for unit, count in (("day", 3661), ("week", 521), ("month", 121), ("year", 11))),
        *((unit, count, None) for unit, count in (("month", 0), ("month", -1), ("quarter", 1), ("", 1), ("s", 1))),
    ],
)
def test_interval_is_read_where_it_can_be_counted(unit: str, count: int | None, interval: Interval | None) -> None:
    assert interval_of(unit, count) == interval


@pytest.mark.parametrize(
    ("interval", "periods", "end"),
    [
        (Interval(unit="days", count=10), 2, "2024-03-20"),
        (Interval(unit="weeks", count=1), 1, "2024-03-07"),
        (Interval(unit="months", count=1), 1, "2024-03-29"),
        (Interval(), 1, "2025-02-28"),
        (Interval(), 4, "2028-02-29"),
        (Interval(unit="years", count=1), 4, "2028-02-29"),
    ],
)
def test_end_is_counted_from_the_anchor(interval: Interval, periods: int, end: str) -> None:
    assert interval.after(LEAP_DAY, periods).date() == date(end).date()


def test_length_is_that_of_a_period_on_average() -> None:
    assert Interval(unit="days", count=10).length(LEAP_DAY) == timedelta(days=10)
    assert 30 < Interval(count=1).length(date("2026-02-01")) / timedelta(days=1) < 31


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-01-31", "2026-02-28"),
        ("2026-02-27", "2026-02-28"),
        ("2026-02-28", "2026-03-31"),
        ("2026-03-30", "2026-03-31"),
        ("2027-01-30", "2027-01-31"),
        ("2027-01-31", "2027-02-28"),
        ("2026-01-30", "2026-01-31"),
    ],
)
def test_first_end_after_a_moment_is_later_than_it(moment: str, end: str) -> None:
    assert Interval(count=1).first_end_after(date("2026-01-31"), date(moment)) == date(end)


FULL = StatedTerms(
    billing="once",
    interval=Interval(unit="weeks", count=2),
    trial_days=0,
    quantity=5,
    starts_at=LEAP_DAY,
    amount=29900,
    refunded=0,
)


def test_terms_are_stored_and_read_back() -> None:
    assert FULL.as_json() == {
        "billing": "once",
        "interval": {"unit": "weeks", "count": 2},
        "trial_days": 0,
        "quantity": 5,
        "starts_at": "2024-02-29T00:00:00+00:00",
        "amount": 29900,
        "refunded": 0,
    }
    assert StatedTerms.from_json(FULL.as_json()) == FULL


def test_what_is_not_stated_is_not_stored() -> None:
    assert StatedTerms().as_json() == {}
    assert StatedTerms.from_json({}) == StatedTerms()


def test_plan_without_settings_is_a_yearly_subscription_with_three_days_of_grace() -> None:
    plan = PlanTerms()
    assert (plan.interval, plan.billing, plan.trial_days, plan.grace) == (
        Interval(unit="months", count=12),
        "subscription",
        0,
        timedelta(days=3),
    )
    assert (plan.partial_refunds, plan.disputes, plan.early_payments) == ("keep", "suspend", "last_quarter")
    assert plan.price is None
