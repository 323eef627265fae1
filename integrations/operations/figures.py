"""Figures of the home page, counted by the clock each minute: the page reads a few rows, whatever there is to count.

The last two hours are counted each time, since they change; the whole day each ten minutes and whatever is not counted
yet, since a retry changes the outcome of an older event. Two at once write the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count, Q, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from core.days import day_of
from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.operations import clock
from integrations.operations.measures import PERCENTILE_ROWS, percentile
from integrations.operations.models import Figure

AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)
HOURS = 24
DAYS = 30
KEPT = timedelta(days=400)
ACCESS = "access"  # among the numbers of members: those who may use their plan now
STALE = timedelta(minutes=5)
Kind = Figure.Kind


class Recent:
    """Counts of the last day and the last 30 days, read by one query when they are first asked for."""

    def __init__(self) -> None:
        self.now = timezone.now()
        self.hour = hour_of(self.now)
        self.day = day_key(self.now)
        self.hours = [self.hour - n * AN_HOUR for n in range(HOURS, -1, -1)]

    @cached_property
    def rows(self) -> dict[tuple[str, str, datetime], Figure]:
        recent = Q(at__gte=self.hours[0], kind__in=[Kind.EVENTS, Kind.LATENCY, Kind.MAILS, Kind.HOOKS])
        trend = Q(at__gte=self.day - DAYS * A_DAY, kind=Kind.MEMBERS)
        rhythm = Q(at__gte=self.day - A_DAY, kind=Kind.RHYTHM)
        return {
            (row.kind, row.subject, row.at): row
            for row in Figure.objects.filter(recent | trend | rhythm | Q(kind=Kind.CLOCK))
        }

    def numbers(self, kind: str, subject: str, at: datetime) -> dict[str, Any] | None:
        row = self.rows.get((kind, subject, at))
        return None if row is None else row.numbers

    def newest(self, kind: str, subject: str = "") -> Figure | None:
        """Return the newest figure of a kind, None where it was not counted within the last two hours (or days)."""
        is_daily = kind in (Kind.MEMBERS, Kind.RHYTHM)
        step, first = (A_DAY, self.day) if is_daily else (AN_HOUR, self.hour)
        found = (self.rows.get((kind, subject, first - n * step)) for n in range(2))
        return next((row for row in found if row is not None), None)

    @property
    def pauses(self) -> Sequence[clock.Pause]:
        return clock.pauses_between((row for row in self.rows.values() if row.kind == Kind.CLOCK), self.now)

    @property
    def counted_at(self) -> datetime | None:
        return max((row.counted_at for row in self.rows.values() if row.kind != Kind.CLOCK), default=None)

    @property
    def is_stale(self) -> bool:
        return self.counted_at is None or self.counted_at < self.now - STALE


def count() -> None:
    """Count what changed. For the clock."""
    now = timezone.now()
    hour, day = hour_of(now), day_key(now)
    hours = [hour - n * AN_HOUR for n in range(HOURS + 1)]
    known = set(Figure.objects.filter(kind=Kind.EVENTS, at__gte=hours[-1]).values_list("at", flat=True))
    is_thorough = now.minute % 10 == 0 or not known.issuperset(hours[2:])
    _store([*_events(hours if is_thorough else hours[:2]), *_latency(now, hour), _mails(now, hour)])
    if is_thorough or not Figure.objects.filter(kind=Kind.MEMBERS, at=day).exists():
        _store([_members(day)])
        Figure.objects.filter(at__lt=now - KEPT).delete()


def check_hooks() -> None:
    """Ask the providers that can be asked whether their hooks lead here, and store what they say. For the clock.

    One that cannot be reached now is stored with the problem: nothing is known of its hooks then.
    """
    hour = hour_of(timezone.now())
    for provider in registry.all_providers().values():
        if provider.missing_hooks is None or not provider.is_connected():
            continue
        try:
            numbers: dict[str, Any] = {"missing": list(provider.missing_hooks()), "all": len(provider.hooked)}
        except (Retryable, Permanent) as error:
            numbers = {"problem": str(error)[:300]}
        _store([Figure(kind=Kind.HOOKS, subject=provider.key, at=hour, numbers=numbers)])


def hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def day_key(moment: datetime) -> datetime:
    """Return the key of the business day in which a moment lies: midnight of that date in UTC, in whatever zone it is.

    So days follow each other by 24 hours where a zone has one of 23, and keep their keys when TIME_ZONE changes.
    """
    return datetime.combine(day_of(moment), time.min, tzinfo=UTC)


def _events(hours: list[datetime]) -> Iterable[Figure]:
    """Count the events of these hours by provider and status; a row for each provider and hour, zeros too."""
    received = InboxEvent.objects.filter(received_at__gte=hours[-1], received_at__lt=hours[0] + AN_HOUR).order_by()
    # In UTC as `hours` are: in a zone such as Asia/Kolkata an hour begins at half past.
    rows = received.annotate(hour=TruncHour("received_at", tzinfo=UTC)).values("provider", "hour", "status")
    numbers: defaultdict[tuple[str, datetime], dict[str, int]] = defaultdict(dict)
    for row in rows.annotate(number=Count("pk"), repeated=Sum("duplicates")):
        found = numbers[row["provider"], row["hour"]]
        found[row["status"]] = row["number"]
        found["repeated"] = found.get("repeated", 0) + row["repeated"]
    for provider in registry.all_providers():
        for hour in hours:
            yield Figure(kind=Kind.EVENTS, subject=provider, at=hour, numbers=numbers[provider, hour])


def _latency(now: datetime, hour: datetime) -> Iterable[Figure]:
    """Take the percentiles of the newest processed events of each provider in the last 24 hours."""
    for provider in registry.all_providers():
        newest = InboxEvent.objects.filter(provider=provider).order_by("-pk")[:PERCENTILE_ROWS]
        seconds = [
            (finished_at - received_at).total_seconds()
            for received_at, finished_at, status in newest.values_list("received_at", "finished_at", "status")
            if status == Status.PROCESSED and finished_at and received_at >= now - A_DAY
        ]
        numbers: dict[str, Any] = {"sample": len(seconds)}
        if seconds:
            numbers |= {"p50": percentile(seconds, 50), "p95": percentile(seconds, 95)}
        yield Figure(kind=Kind.LATENCY, subject=provider, at=hour, numbers=numbers)


def _mails(now: datetime, hour: datetime) -> Figure:
    """Count the mails of the last 24 hours, each status by its index."""
    recent = EmailMessage.objects.filter(pruned_at=None, created_at__gte=now - A_DAY)
    numbers = {status: recent.filter(status=status).count() for status in EmailMessage.Status.values}
    return Figure(kind=Kind.MAILS, at=hour, numbers=numbers)


def _members(day: datetime) -> Figure:
    rows = Subscription.objects.order_by().values("status").annotate(number=Count("pk"))
    numbers = {row["status"]: row["number"] for row in rows}
    numbers[ACCESS] = Subscription.objects.giving_access().values("user").distinct().count()
    return Figure(kind=Kind.MEMBERS, at=day, numbers=numbers)


def _store(figures: Iterable[Figure]) -> None:
    Figure.objects.bulk_create(
        figures,
        update_conflicts=True,
        unique_fields=["kind", "subject", "at"],
        update_fields=["numbers", "counted_at"],
    )
