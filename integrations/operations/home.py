"""Panels of the home page: connections, events by hour, the queue, members and mails.

Counts of many rows come from what the clock counted (`figures.py`). A figure that was not counted says so, and so does
one that is old.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.mail.models import EmailMessage
from accounts.memberships.purchase_state import Status as MemberStatus
from core.console import home
from core.console.bars import Bar, chart
from core.console.home import Panel
from core.console.links import EVENTS, list_url
from core.console.one_statement import AT_MOST, Counted
from core.days import day_of
from core.web import access
from integrations import registry, setup_state
from integrations.contracts.provider import Provider
from integrations.contracts.webhook import TEST_EVENT
from integrations.inbox import refusals
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.operations import closing, figures, silence, silence_texts
from integrations.operations.connections.state import hooks_of, hooks_page, is_refused
from integrations.operations.figures import Recent
from integrations.operations.models import DailyClose, Figure
from integrations.outbox.models import Circuit, OutgoingWrite
from integrations.reconcile.models import SyncRun

QUIET = timedelta(days=1)  # without an event: worth a mark
OUTCOMES = (Status.PROCESSED, Status.IGNORED, Status.UNMATCHED, Status.FAILED, Status.PENDING)
MAILS, WRITES = "admin:accounts_emailmessage", "admin:integrations_outgoingwrite"
Kind = Figure.Kind


@home.source
def panels(user: Any) -> Iterable[Panel]:
    counted, used = Recent(), setup_state.used()
    may_see_runs = user.has_perm("integrations.view_syncrun")
    with_lists = [provider for provider in used if provider.pulls is not None and may_see_runs]
    pending = InboxEvent.objects.filter(status=Status.PENDING)
    oldest: list[InboxEvent | None] = []  # found by the first panel, together with the other events
    received = InboxEvent.objects.exclude(event_type=TEST_EVENT).order_by("-pk")
    lasts = [received.filter(provider=one.key)[:1] for one in used]
    reads = [SyncRun.objects.filter(provider=one.key).order_by("-pk")[:1] for one in with_lists]
    yield Panel(
        name="connections",
        title=gettext_lazy("Connections"),
        template="admin/home/connections.html",
        permission="integrations.view_inboxevent",
        lists=[pending.order_by("pk")[:1], *lasts, *reads],
        fill=lambda counts: {"strips": _strips(used, with_lists, counts, oldest, counted, user=user)},
    )
    yield Panel(
        name="events",
        title=gettext_lazy("Events of the last 24 hours"),
        template="admin/home/events.html",
        permission="integrations.view_inboxevent",
        fill=lambda counts: {"counted": counted, "providers": [_arrivals(counted, one) for one in used]},
    )
    yield Panel(
        name="queue",
        title=gettext_lazy("Waiting now"),
        template="admin/home/queue.html",
        permission="integrations.view_inboxevent",
        lists=[pending],
        fill=lambda counts: {
            **_queue(counted, used, counts, oldest),
            "metrics_url": reverse("admin:metrics") if access.may(user, "admin:metrics") else "",
        },
    )
    yield Panel(
        name="members",
        title=gettext_lazy("Members"),
        template="admin/home/members.html",
        permission="accounts.view_subscription",
        fill=lambda counts: _members(counted),
    )
    yield Panel(
        name="mails",
        title=gettext_lazy("E-mails of the last 24 hours"),
        template="admin/home/mails.html",
        permission="accounts.view_emailmessage",
        fill=lambda counts: {"rows": _mails(counted)},
    )
    written = [one for one in registry.all_providers().values() if one.mirror or one.deals]
    written = written if user.has_perm("integrations.view_circuit") else []
    yield Panel(
        name="writes",
        title=gettext_lazy("Writes that wait"),
        template="admin/home/writes.html",
        permission="integrations.view_outgoingwrite",
        lists=[
            OutgoingWrite.objects.filter(status=OutgoingWrite.Status.PENDING),
            *(Circuit.objects.filter(provider=one.key).exclude(opened_at=None) for one in written),
        ],
        fill=lambda counts: {
            "number": _capped(counts[0]),
            "url": list_url(WRITES, status__exact=OutgoingWrite.Status.PENDING.value),
            "paused": [one.title for one, open_ones in zip(written, counts[1:], strict=True) if open_ones.number],
        },
    )


def _capped(counted: Counted) -> str:
    return f"{AT_MOST}+" if counted.number > AT_MOST else str(counted.number)


# Connections ----------------------------------------------------------------------------------------------------------


def _strips(
    used: Sequence[Provider],
    with_lists: Sequence[Provider],
    counts: Sequence[Counted],
    oldest: list[InboxEvent | None],
    counted: Recent,
    *,
    user: Any,
) -> list[dict[str, Any]]:
    """Return what is known of each connection: the last event, refusal, reading and close, and the state of hooks."""
    first_of_queue, *last = (one.key for one in counts)
    keys = dict(zip((one.key for one in used), last, strict=False))
    run_keys = dict(zip((one.key for one in with_lists), last[len(used) :], strict=True))
    columns = ("pk", "event_type", "received_at", "status")
    events = InboxEvent.objects.only(*columns).in_bulk([key for key in (first_of_queue, *keys.values()) if key])
    runs = SyncRun.objects.in_bulk([key for key in run_keys.values() if key])
    oldest.append(events.get(first_of_queue or 0))
    refused = refusals.last(keys)
    page = reverse("admin:connections")
    may_see_closes = user.has_perm("integrations.view_dailyclose")
    closes = _last_closes() if may_see_closes else {}
    strips = []
    for provider in used:
        event = events.get(keys[provider.key] or 0)
        state = setup_state.of(provider)
        refusal = (refused or {}).get(provider.key)
        rhythm = _rhythm(provider, event, counted)
        strips.append(
            {
                "provider": provider,
                "events_url": list_url(EVENTS, provider=provider.key),
                "event": event,
                **rhythm,
                "refusal": refusal,
                "is_broken": (rhythm["is_quiet"] and rhythm["usually"]) or is_refused(event, refusal),
                "are_refusals_known": refused is not None,
                "run": runs.get(run_keys.get(provider.key) or 0),
                "close": closes.get(provider.key),
                "has_closes": may_see_closes,
                "has_lists": provider.key in run_keys,
                "hooks_need": () if state.takes_unsigned else state.hooks_need,
                "hooks": hooks_of(provider, counted),
                "hooks_url": _hooks_url(provider, user),
                "url": f"{page}#{provider.key}",
            }
        )
    return strips


def _rhythm(provider: Provider, event: InboxEvent | None, counted: Recent) -> dict[str, Any]:
    """Return whether the last event is unusually old, and when the next one is usual, "" while that is learnt."""
    now = timezone.now()
    rhythm = silence.rhythm_of(counted.newest(Kind.RHYTHM, provider.key))
    if event is None or rhythm is None:
        return {"is_quiet": event is not None and event.received_at < now - QUIET, "usually": ""}
    overdue_at = rhythm.overdue_at(event.received_at, timezone.get_default_timezone(), counted.pauses)
    return {"is_quiet": overdue_at < now, "usually": silence_texts.length(overdue_at - event.received_at)}


def _last_closes() -> dict[str, DailyClose]:
    """Return the last close of each provider within a week."""
    recent = DailyClose.objects.filter(day__gte=day_of(timezone.now()) - timedelta(days=closing.DAYS_BACK))
    return {row.provider: row for row in recent.order_by("day")}


def _hooks_url(provider: Provider, user: Any) -> str:
    name = hooks_page(provider)
    return reverse(name) if name and access.may(user, name) else ""


# Events ---------------------------------------------------------------------------------------------------------------


def _arrivals(counted: Recent, provider: Provider) -> dict[str, Any]:
    """Return the events of a provider by hour and status, and their sums; None for what was not counted."""
    hours, known = [], True
    sums = dict.fromkeys(OUTCOMES, 0)
    for at in counted.hours:
        numbers = counted.numbers(Kind.EVENTS, provider.key, at)
        known = known and numbers is not None
        by_status = None if numbers is None else {status: numbers.get(status, 0) for status in OUTCOMES}
        for status, number in (by_status or {}).items():
            sums[status] += number
        window = {"received_at__gte": at.isoformat(), "received_at__lt": (at + figures.AN_HOUR).isoformat()}
        hours.append({"at": at, "numbers": by_status, "url": list_url(EVENTS, provider=provider.key, **window)})
    since = {"provider": provider.key, "received_at__gte": counted.hours[0].isoformat()}
    return {
        "provider": provider,
        "hours": hours,
        "is_known": known,
        "total": sum(sums.values()),
        "url": list_url(EVENTS, **since),
        "sums": [
            {"status": status, "number": number, "url": list_url(EVENTS, status__exact=status.value, **since)}
            for status, number in sums.items()
            if number
        ],
        "chart": chart([_bar(hour) for hour in hours]),
    }


def _bar(hour: Mapping[str, Any]) -> Bar:
    numbers, label = hour["numbers"], f"{timezone.localtime(hour['at']):%H:%M}"
    if numbers is None:
        return Bar(label=f"{label}: {_('not counted')}", url=hour["url"], parts=None)
    said = ", ".join(f"{number} {status.label}" for status, number in numbers.items() if number) or "0"
    return Bar(
        label=f"{label}: {said}", url=hour["url"], parts=[(status.value, numbers[status]) for status in OUTCOMES]
    )


def _queue(
    counted: Recent, used: Sequence[Provider], counts: Sequence[Counted], oldest: Sequence[InboxEvent | None]
) -> dict[str, Any]:
    latency = []
    for provider in used:
        row = counted.newest(Kind.LATENCY, provider.key)
        latency.append({"provider": provider, "numbers": row.numbers if row else None})
    return {
        "number": _capped(counts[0]),
        "url": list_url(EVENTS, status__exact=Status.PENDING.value),
        "oldest": next(iter(oldest), None),
        "latency": latency,
    }


# Members and mails ----------------------------------------------------------------------------------------------------


def _members(counted: Recent) -> dict[str, Any]:
    today = counted.newest(Kind.MEMBERS)
    days = [counted.day - n * figures.A_DAY for n in range(figures.DAYS, -1, -1)]
    trend = [(day, counted.numbers(Kind.MEMBERS, "", day)) for day in days]
    url = list_url("admin:accounts_subscription")
    bars = [
        Bar(
            label=f"{date_format(day, 'SHORT_DATE_FORMAT')}: "
            f"{_('not counted') if numbers is None else numbers.get(figures.ACCESS, 0)}",
            url=url,
            parts=None if numbers is None else [("access", numbers.get(figures.ACCESS, 0))],
        )
        for day, numbers in trend
    ]
    return {
        "today": today,
        "access": today.numbers.get(figures.ACCESS) if today else None,
        "statuses": [
            {
                "label": status.label,
                "number": today.numbers[status],
                "url": list_url("admin:accounts_subscription", status__exact=status.value),
            }
            for status in MemberStatus
            if today and today.numbers.get(status)
        ],
        "trend": [(day, numbers and numbers.get(figures.ACCESS, 0)) for day, numbers in trend],
        "chart": chart(bars),
        "url": url,
    }


def _mails(counted: Recent) -> list[dict[str, Any]]:
    """Return the mails of the last day by status; a number is None where it was not counted."""
    row, since = counted.newest(Kind.MAILS), (counted.now - figures.A_DAY).isoformat()
    status = EmailMessage.Status
    always = (status.SENT, status.DELIVERED, status.BOUNCED)
    return [
        {
            "label": one.label,
            "number": row.numbers.get(one, 0) if row else None,
            "url": list_url(MAILS, status__exact=one.value, created_at__gte=since),
        }
        for one in status
        if one in always or (row and row.numbers.get(one))
    ]
