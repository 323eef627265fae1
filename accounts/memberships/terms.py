"""Terms of a purchase: how it is billed, for how long one payment pays, and what the plan allows beside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dateutil.relativedelta import relativedelta
from django.db import models
from django.utils.translation import gettext_lazy as _


class Billing(models.TextChoices):
    SUBSCRIPTION = "subscription", _("subscription: every payment pays for a further period")
    INSTALMENTS = "instalments", _("instalments: several payments pay for one period")
    ONCE = "once", _("once: one payment pays for one period")
    LIFETIME = "lifetime", _("lifetime: one payment, no end")


class EarlyPayments(models.TextChoices):
    LAST_QUARTER = "last_quarter", _("extend in the last quarter of a period, ask staff before")
    EXTEND = "extend", _("always extend")
    IGNORE = "ignore", _("never extend")


class PartialRefunds(models.TextChoices):
    KEEP = "keep", _("keep access")
    END = "end", _("end access")


class Disputes(models.TextChoices):
    SUSPEND = "suspend", _("no access while it is open")
    KEEP = "keep", _("keep access while it is open")


_UNITS = ("days", "weeks", "months", "years")
# The most of one unit that a date can be counted on by, whatever a payload says.
_LONGEST: Mapping[str, int] = {"days": 3660, "weeks": 520, "months": 120, "years": 10}


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The length of one paid period: `count` of `unit` (days, weeks, months or years)."""

    unit: str = "months"
    count: int = 12

    def after(self, anchor: datetime, periods: int) -> datetime:
        """Return the end of the `periods`-th period that is counted from `anchor`.

        Always from the anchor, never from the end before: 31 January, 28 February, 31 March.
        """
        return anchor + relativedelta(**{self.unit: self.count * periods})  # type: ignore[arg-type]

    def length(self, anchor: datetime) -> timedelta:
        """Return how long a period is on average, since the first may be February."""
        return (self.after(anchor, 48) - anchor) / 48

    def first_end_after(self, anchor: datetime, moment: datetime) -> datetime:
        """Return the first end of a period counted from `anchor` that is later than `moment`."""
        number = max(int((moment - anchor) / self.length(anchor)) - 1, 0)
        while self.after(anchor, number) <= moment:
            number += 1
        return self.after(anchor, number)


@dataclass(frozen=True, kw_only=True)
class PlanTerms:
    """Terms of a plan's purchases; a fact that states its own terms wins over them.

    `grace` is how long access lasts after a paid end whose renewal is awaited. `price` is that of one period, in minor
    units; None where it is not known.
    """

    interval: Interval = Interval()
    billing: str = Billing.SUBSCRIPTION
    trial_days: int = 0
    grace: timedelta = timedelta(days=3)
    partial_refunds: str = PartialRefunds.KEEP
    disputes: str = Disputes.SUSPEND
    early_payments: str = EarlyPayments.LAST_QUARTER
    price: int | None = None


@dataclass(frozen=True, kw_only=True)
class StatedTerms:
    """Terms that an event states of its purchase; None where it says nothing.

    `amount` is the price of the sale and `refunded` the part that went back, in minor units of the currency.
    """

    billing: str | None = None
    interval: Interval | None = None
    trial_days: int | None = None
    quantity: int | None = None
    starts_at: datetime | None = None
    amount: int | None = None
    refunded: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return what is stated, as it is stored with the fact."""
        stated: dict[str, Any] = {}
        for name in ("billing", "trial_days", "quantity", "amount", "refunded"):
            if (value := getattr(self, name)) is not None:
                stated[name] = value
        if self.interval is not None:
            stated["interval"] = {"unit": self.interval.unit, "count": self.interval.count}
        if self.starts_at is not None:
            stated["starts_at"] = self.starts_at.isoformat()
        return stated

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "StatedTerms":
        interval, starts_at = stored.get("interval"), stored.get("starts_at")
        return cls(
            billing=stored.get("billing"),
            interval=Interval(unit=interval["unit"], count=interval["count"]) if interval else None,
            trial_days=stored.get("trial_days"),
            quantity=stored.get("quantity"),
            starts_at=datetime.fromisoformat(starts_at) if starts_at else None,
            amount=stored.get("amount"),
            refunded=stored.get("refunded"),
        )


def interval_of(unit: str, count: int | None) -> Interval | None:
    """Return the interval that a payload names ("month", 3), None where it names none that can be counted."""
    name = unit.strip().lower().rstrip("s")
    name = {"annual": "year", "yearly": "year", "monthly": "month", "weekly": "week", "daily": "day"}.get(name, name)
    count = 1 if count is None else count
    if f"{name}s" not in _UNITS or not 1 <= count <= _LONGEST[f"{name}s"]:
        return None
    return Interval(unit=f"{name}s", count=count)
