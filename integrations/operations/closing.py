"""The daily close: what a provider sent on a business day, what became of it, and what its own list says.

The clock closes each day some minutes after midnight, and again as long as the result can change. Two at once write the
same, and staff are notified once for a provider and day.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, CharField, Count, F, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.mail import questions
from core.cause import Cause
from core.days import day_of, span_of
from core.insert_once import insert_once
from core.phrases import Phrase
from integrations import registry, setup_state
from integrations.contracts.exceptions import Permanent
from integrations.contracts.provider import Provider
from integrations.contracts.pull import RunKind
from integrations.inbox import process
from integrations.inbox.models import DeliveryCount, InboxEvent
from integrations.inbox.models.event import Status
from integrations.operations import close_texts, notices
from integrations.operations.balance import Compared, DayFacts, State, balance
from integrations.operations.models import DailyClose, Silence
from integrations.reconcile import of_day, runs
from integrations.reconcile.models import SyncRun

BEGINS_AFTER = timedelta(minutes=15)  # what arrives at midnight has been processed by then
LIST_AFTER = timedelta(hours=12)  # a list that is read by the clock has been read by then
DAYS_BACK = 7  # of the days that are closed again while their result can change
KEPT = timedelta(days=400)
AGAIN_AFTER = timedelta(hours=6)
COUNTED_FROM = timedelta(minutes=15)  # after midnight: a count that began by then has the whole day
REASONS = 12
RETRIED_AT_MOST = 500
CONTRADICTS = Phrase("contradicts an earlier event with the same id")()
SET_ASIDE = Phrase("set aside later")()
OTHER_REASONS = Phrase("other reasons")()
PAGE = "/admin/integrations/dailyclose/"
LONGEST_REASON = 200


class NotEnded(Exception):
    """The day has not ended, so it cannot be closed."""


@dataclass(frozen=True, kw_only=True)
class Healing:
    """Repairs that were started: the run, None where there is none to start, and the keys of events to try again."""

    run: SyncRun | None
    retried: Sequence[int]
    problem: str = ""


def tick() -> None:
    """Count the deliveries of today and yesterday, and close the days that are due. For the clock."""
    now = timezone.now()
    today = day_of(now)
    for day in (today - timedelta(days=1), today):
        _note_events(day)
    for model in (DailyClose, DeliveryCount):
        model._default_manager.filter(day__lt=today - KEPT).delete()
    Silence.objects.filter(ended_at__lt=now - KEPT).delete()
    last = day_of(now - BEGINS_AFTER) - timedelta(days=1)
    days = [last - timedelta(days=n) for n in range(DAYS_BACK)]
    known = {(row.provider, row.day): row for row in DailyClose.objects.filter(day__gte=days[-1])}
    for provider in setup_state.used():
        for day in days:
            row = known.get((provider.key, day))
            if _is_due(row, now) if row is not None else day == last or _has_events(provider, day):
                close(provider, day)


def close(provider: Provider, day: date) -> DailyClose:
    """Close a day of a provider, or close it again; notify staff where it does not balance. Raises NotEnded."""
    begin, end = span_of(day)
    if timezone.now() < end:
        raise NotEnded(f"{day} has not ended")
    with transaction.atomic():
        insert_once(DailyClose(provider=provider.key, day=day))
        row = DailyClose.objects.select_for_update().get(provider=provider.key, day=day)
        _count(row, provider, begin, end)
        row.save()
        if row.state == State.DIFFERS:
            _notify(row, provider)
    return row


def forget(since: date) -> None:
    """Forget what was counted and closed from a day on: its events are removed on purpose, and none of them is lost."""
    for model in (DailyClose, DeliveryCount):
        model._default_manager.filter(day__gte=since).delete()


def heal(row: DailyClose, *, cause: Cause, wake: bool = True) -> Healing:
    """Start what repairs a day: a reading of the provider's list from its beginning, and its failed events once more.

    The problem says why no reading was started, where there is a list. Another close afterwards says what is left.
    """
    begin, end = span_of(row.day)
    failed = _received(row.provider, begin, end).filter(status=Status.FAILED, pruned_at=None, payload__isnull=False)
    events = list(failed.order_by("pk")[:RETRIED_AT_MOST])
    process.retry(events)
    provider = registry.provider(row.provider)
    run, problem = None, ""
    if provider.pulls is not None and provider.is_connected():
        if not of_day.was_read_ever(provider.key):
            problem = _("Its list was never read: start that under Compare with providers.")
        else:
            try:
                run = runs.start(provider, cause=cause, kind=RunKind.INCREMENTAL, since=begin, wake=wake)
            except (runs.AlreadyOpen, Permanent) as error:
                problem = str(error)
    return Healing(run=run, retried=[event.pk for event in events], problem=problem)


def events_of(row: DailyClose) -> "QuerySet[InboxEvent]":
    """Return the stored events of a day."""
    return _received(row.provider, *span_of(row.day))


def _is_due(row: DailyClose, now: datetime) -> bool:
    """Return whether a closed day is closed again: its result is open, or an event of it may have ended since."""
    is_open = not State(row.state).is_right or bool(row.pending)
    return is_open or row.counted_at < now - AGAIN_AFTER


def _has_events(provider: Provider, day: date) -> bool:
    return _received(provider.key, *span_of(day)).exists()


def _received(provider: str, begin: datetime, end: datetime) -> "QuerySet[InboxEvent]":
    return InboxEvent.objects.filter(provider=provider, received_at__gte=begin, received_at__lt=end)


def _note_events(day: date) -> None:
    begin, end = span_of(day)
    numbers = dict.fromkeys(registry.all_providers(), 0)
    rows = InboxEvent.objects.filter(received_at__gte=begin, received_at__lt=end).order_by().values("provider")
    numbers |= {row["provider"]: row["number"] for row in rows.annotate(number=Count("pk"))}
    DeliveryCount.objects.note_events(day, numbers)


def _count(row: DailyClose, provider: Provider, begin: datetime, end: datetime) -> None:
    now = timezone.now()
    stored, row.reasons = _stored(provider.key, begin, end)
    for status in Status.values:
        setattr(row, status, stored.get(status, 0))
    counts = DeliveryCount.objects.filter(provider=provider.key, day=row.day).first()
    row.events = max(counts.events if counts else 0, sum(stored.values()), row.events)
    is_known = DeliveryCount.objects.filter(began_at__lte=begin + COUNTED_FROM).exists()
    row.repeated = (counts.repeated if counts else 0) if is_known else None
    run = of_day.run_after(provider.key, end) if provider.pulls is not None else None
    row.run_id = run.pk if run else None
    row.compared = _compared(provider, run, now=now, end=end)
    found = of_day.restored(provider.key, begin, end) if provider.pulls is not None else {}
    row.restored = None if found is None else sum(found.values())
    result = balance(
        DayFacts(
            stored=stored,
            counted=row.events,
            compared=Compared(row.compared),
            restored=row.restored,
            not_applied=of_day.not_applied(provider.key, begin, end),
            findings=of_day.open_findings(provider.key, begin, end).count(),
            was_different=row.differed_at is not None,
            is_reread=row.differed_at is not None
            and of_day.was_read_again(provider.key, begin, end, since=row.differed_at),
        )
    )
    row.state, row.differences = result.state.value, {kind.value: n for kind, n in result.differences.items()}
    row.counted_at = now
    if result.state is State.DIFFERS and row.differed_at is None:
        row.differed_at = now


def _stored(provider: str, begin: datetime, end: datetime) -> tuple[dict[str, int], list[list[Any]]]:
    """Return the stored events by status, and pairs of a reason and its ignored events, the most frequent first.

    What was ignored later, by staff or with a person's data, has a reason that somebody wrote: it is not repeated.
    """
    at_once = {"status": Status.IGNORED, "finished_at": F("received_at")}
    reason = Case(
        When(**at_once, reason__startswith="contradicts event ", then=Value(CONTRADICTS)),
        When(**at_once, then=F("reason")),
        When(status=Status.IGNORED, then=Value(SET_ASIDE)),
        default=Value(""),
        output_field=CharField(),
    )
    rows = _received(provider, begin, end).order_by().annotate(why=reason).values("status", "why")
    stored: dict[str, int] = {}
    reasons: list[list[Any]] = []
    for row in rows.annotate(number=Count("pk")):
        stored[row["status"]] = stored.get(row["status"], 0) + row["number"]
        if row["status"] == Status.IGNORED:
            reasons.append([row["why"][:LONGEST_REASON], row["number"]])
    reasons.sort(key=lambda pair: (-pair[1], pair[0]))
    further = sum(number for _why, number in reasons[REASONS:])
    return stored, reasons[:REASONS] + ([[OTHER_REASONS, further]] if further else [])


def _compared(provider: Provider, run: SyncRun | None, *, now: datetime, end: datetime) -> Compared:
    if provider.pulls is None or not provider.is_connected():
        return Compared.DONE if run else Compared.NO_LIST
    if run is not None:
        return Compared.DONE
    if int(getattr(settings, provider.pulls.interval_setting)) <= 0 or not of_day.was_read_ever(provider.key):
        return Compared.NOT_READ
    return Compared.AWAITED if now < end + LIST_AFTER else Compared.OVERDUE


def _notify(row: DailyClose, provider: Provider) -> None:
    key = f"close:{row.provider}:{row.day}"
    path = f"{PAGE}{row.pk}/change/"
    questions.ask(
        "unbalanced_day",
        key=key,
        provider=provider.title,
        details=lambda: [close_texts.sentence(row, provider.title)],
        admin_path=path,
        list_path=f"{PAGE}?state__exact=differs",
    )
    notices.enqueue(lambda: close_texts.sentence(row, provider.title), key=key)


def as_data(rows: Iterable[DailyClose]) -> list[dict[str, Any]]:
    """Return closes as JSON objects, for the command."""
    return [
        {
            "provider": row.provider,
            "day": row.day.isoformat(),
            "state": row.state,
            "received": row.received,
            **{status: getattr(row, status) for status in Status.values if status != Status.PENDING},
            "waiting": row.pending,
            "duplicate": row.repeated,
            "lost": row.lost,
            "ignored_reasons": dict(row.reasons),
            "compared": row.compared,
            "restored": row.restored,
            "differences": row.differences,
            "run": row.run_id,
        }
        for row in rows
    ]
