"""Measures of each provider, over a window of time that ends now."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from math import ceil
from typing import Any

from django.db.models import Count, Min, Q, QuerySet, Sum
from django.utils import timezone

from accounts.courses.models import Completion
from accounts.courses.models.completion import BY_MAIL, BY_PATH, BY_STAFF
from accounts.staff.models import AuditEntry
from core.queue import runner
from core.queue.delivery import FAILED, PENDING, Delivery, DeliveryQuerySet
from integrations import registry
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.outbox.models import Circuit, OutgoingWrite
from integrations.toolkit import quota

CIRCUIT_STATES = ("closed", "half-open", "open")  # the worst last
PERCENTILE_ROWS = 5000  # the newest; a percentile is taken from them


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`value` of one provider (or channel, for completions), taken from `sample` rows."""

    subject: str
    value: float
    sample: int


class Reader:
    """Reads for the measures of one moment; rows that several of them count are read by one statement."""

    def __init__(self) -> None:
        self.received = cache(_count_received)
        self.audited = cache(_count_audited)


def _count_received(window: timedelta) -> list[dict[str, Any]]:
    """Return the counts of the events received in the window, by provider."""
    counts = ~Q(status=Status.IGNORED)
    rows = (
        _received(window)
        .values("provider")
        .annotate(
            ended=Count("pk", filter=~Q(status=Status.PENDING)),
            failed=Count("pk", filter=Q(status=Status.FAILED)),
            handled=Count("pk", filter=Q(status__in=[Status.PROCESSED, Status.UNMATCHED])),
            unmatched=Count("pk", filter=Q(status=Status.UNMATCHED)),
            events=Count("pk", filter=counts),
            repeated=Sum("duplicates", filter=counts, default=0),
        )
    )
    return list(rows)


def _count_audited(window: timedelta) -> Counter[tuple[str, str]]:
    """Return the number of the audit log's entries in the window, by action and outcome."""
    recent = AuditEntry.objects.filter(recorded_at__gte=timezone.now() - window).order_by()
    rows = recent.values_list("action", "outcome").annotate(number=Count("pk"))
    return Counter({(action, outcome): number for action, outcome, number in rows})


def delivery_success(reader: Reader, window: timedelta) -> list[Measured]:
    """Return the share of finished events that did not fail, of those received in the window."""
    return [
        Measured(subject=row["provider"], value=1 - row["failed"] / row["ended"], sample=row["ended"])
        for row in reader.received(window)
        if row["ended"]
    ]


def failed_processing(_reader: Reader, window: timedelta) -> list[Measured]:
    """Return how many events failed in the window, whenever they were received."""
    failed = InboxEvent.objects.filter(status=Status.FAILED, finished_at__gte=timezone.now() - window)
    rows = failed.order_by().values("provider").annotate(number=Count("pk"))
    return [Measured(subject=row["provider"], value=row["number"], sample=row["number"]) for row in rows]


def events_matched(reader: Reader, window: timedelta) -> list[Measured]:
    """Return the share of handled events that staff did not have to match, of those received in the window."""
    return [
        Measured(subject=row["provider"], value=1 - row["unmatched"] / row["handled"], sample=row["handled"])
        for row in reader.received(window)
        if row["handled"]
    ]


def completions_matched(_reader: Reader, window: timedelta) -> list[Measured]:
    """Return, by channel, the share of completions received in the window that were matched without staff.

    A completion that staff linked since counts as unmatched. Mails always need staff, and paths never do.
    """
    received = Completion.objects.filter(received_at__gte=timezone.now() - window)
    reported = received.exclude(channel__in=[BY_MAIL, BY_STAFF, BY_PATH]).order_by().values("channel")
    matched = Count("pk", filter=Q(user__isnull=False) & Q(staff__isnull=True))
    rows = reported.annotate(number=Count("pk"), matched=matched)
    return [
        Measured(subject=f"{row['channel']} completions", value=row["matched"] / row["number"], sample=row["number"])
        for row in rows
    ]


def latency(_reader: Reader, window: timedelta) -> list[Measured]:
    """Return the 95th percentile of the seconds from receipt to end.

    Events that wait for their first attempt count with their age; those that needed several attempts are left out.
    """
    now = timezone.now()
    rows = _received(window).filter(attempts__lte=1, failures=0).order_by("-pk")
    seconds: dict[str, list[float]] = {}
    newest = rows.values_list("provider", "received_at", "finished_at")[:PERCENTILE_ROWS]
    for provider, received_at, finished_at in newest:
        seconds.setdefault(provider, []).append(((finished_at or now) - received_at).total_seconds())
    return [
        Measured(subject=name, value=percentile(values, 95), sample=len(values)) for name, values in seconds.items()
    ]


def duplicates(reader: Reader, window: timedelta) -> list[Measured]:
    """Return the share of deliveries that repeated an event. Ignored events, such as tests, do not count."""
    return [
        Measured(
            subject=row["provider"],
            value=row["repeated"] / (row["events"] + row["repeated"]),
            sample=row["events"] + row["repeated"],
        )
        for row in reader.received(window)
        if row["events"]
    ]


def refused_calls(_reader: Reader, window: timedelta) -> list[Measured]:
    """Return how many of our calls each provider's API refused as too many (429)."""
    counted = (
        (provider.key, quota.refusals(provider.title, seconds=int(window.total_seconds())))
        for provider in registry.all_providers().values()
    )
    return [Measured(subject=key, value=number, sample=number) for key, number in counted if number]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The open rows of one queue: `due` now, or `waiting` for their time or with a worker; and those that failed.

    `oldest_due_seconds` is how long the oldest due row has been due, None where none is.
    """

    name: str
    due: int
    waiting: int
    failed: int
    oldest_due_seconds: float | None


def queues() -> list[Queue]:
    """Return the state of every queue, by two statements each."""
    now = timezone.now()
    due = Q(next_attempt_at__lte=now)
    states = []
    for model in (kind.model for kind in runner.KINDS.values()):
        counts = _open(model).aggregate(
            open=Count("pk"), due=Count("pk", filter=due), oldest=Min("next_attempt_at", filter=due)
        )
        states.append(
            Queue(
                name=model._meta.model_name or "",
                due=counts["due"],
                waiting=counts["open"] - counts["due"],
                failed=DeliveryQuerySet(model).filter(status=FAILED).count(),
                oldest_due_seconds=None if counts["oldest"] is None else (now - counts["oldest"]).total_seconds(),
            )
        )
    return states


def oldest_due_seconds(model: type[Delivery]) -> float | None:
    """Return how long the oldest due row of a queue has been due, None where none is."""
    now = timezone.now()
    oldest = _open(model).filter(next_attempt_at__lte=now).aggregate(oldest=Min("next_attempt_at"))["oldest"]
    return None if oldest is None else (now - oldest).total_seconds()


def _open(model: type[Delivery]) -> DeliveryQuerySet:
    """Return the pending rows; the first condition is that of the sweep's partial index, which has no finished rows."""
    return DeliveryQuerySet(model).filter(wake_at__isnull=False, status=PENDING)


def circuits() -> dict[str, str]:
    """Return the state of the circuit of each provider that is written to, one of `CIRCUIT_STATES`, and of resources.

    A provider has the worst state of its resources; these are named after it ("gohighlevel opportunities").
    """
    states = {
        key: "closed"
        for key, provider in registry.all_providers().items()
        if (provider.mirror or provider.deals) and provider.is_connected()
    }
    for circuit in Circuit.objects.all():
        for name in {circuit.provider, circuit.subject}:
            states[name] = max(states.get(name, "closed"), circuit.state, key=CIRCUIT_STATES.index)
    return states


def problems_of_circuits() -> list[Circuit]:
    """Return the circuits that are open without staff having paused them."""
    return list(
        Circuit.objects.filter(opened_at__isnull=False, trial_at__isnull=False).order_by("provider", "resource")
    )


def failed_writes(_reader: Reader, window: timedelta) -> list[Measured]:
    """Return how many writes failed for good in the window."""
    failed = OutgoingWrite.objects.filter(status=OutgoingWrite.Status.FAILED, finished_at__gte=timezone.now() - window)
    rows = failed.order_by().values("provider").annotate(number=Count("pk"))
    return [Measured(subject=row["provider"], value=row["number"], sample=row["number"]) for row in rows]


def open_circuits(_reader: Reader, window: timedelta) -> list[Measured]:
    """Return for how many minutes each open circuit has been open."""
    now = timezone.now()
    return [
        Measured(subject=circuit.subject, value=(now - circuit.opened_at).total_seconds() / 60, sample=1)
        for circuit in Circuit.objects.exclude(opened_at=None)
        if circuit.opened_at is not None
    ]


def audited(reader: Reader, window: timedelta, *, subject: str, match: Callable[[str, str], bool]) -> list[Measured]:
    """Return how many entries of the audit log in the window have an action and an outcome that `match`."""
    number = sum(number for kind, number in reader.audited(window).items() if match(*kind))
    return [Measured(subject=subject, value=number, sample=number)] if number else []


def percentile(values: Iterable[float], rank: int) -> float:
    """Return the smallest value that `rank` of 100 values do not exceed; `values` must not be empty."""
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * rank / 100), 1) - 1]


def _received(window: timedelta) -> QuerySet[Any]:
    return InboxEvent.objects.filter(received_at__gte=timezone.now() - window).order_by()
