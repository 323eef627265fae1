"""Silence: a provider that sent nothing for longer than is usual at this hour of the week.

Once a day the rhythm of each provider is learnt from its newest events; every few minutes the clock compares the last
event with it. A silence is a row, so staff are notified once, and the next event ends it. Times in which Enlace itself
did not run count as nobody's silence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.mail import questions
from core.insert_once import insert_once
from integrations import setup_state
from integrations.contracts.provider import Provider
from integrations.contracts.webhook import TEST_EVENT
from integrations.inbox.models import InboxEvent
from integrations.operations import clock, figures, notices, silence_texts
from integrations.operations.models import Figure, Silence
from integrations.operations.rhythm import LONGEST, Rhythm, learn

NEWEST = 20_000  # events of a provider, of which its rhythm is learnt
PAGE = "/admin/integrations/silence/"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A provider's last event, None for none, and its rhythm, None while that is still being learnt."""

    provider: Provider
    last: datetime | None
    rhythm: Rhythm | None
    pauses: Sequence[clock.Pause]

    @property
    def overdue_at(self) -> datetime | None:
        """When its silence becomes unusual, None where nothing is known of that."""
        if self.rhythm is None or self.last is None:
            return None
        return self.rhythm.overdue_at(self.last, timezone.get_default_timezone(), self.pauses)


def check() -> None:
    """Learn the rhythms of today, end the silences that are over and begin those that are new. For the clock."""
    now = timezone.now()
    pauses = clock.note_run(now)
    watched = {provider.key: _watched(provider, pauses, now) for provider in setup_state.used()}
    for row in Silence.objects.filter(ended_at=None):
        one = watched.get(row.provider)
        if one is None or one.last is None or one.last > row.since:
            ended_at = one.last if one is not None and one.last is not None else now
            Silence.objects.filter(pk=row.pk, ended_at=None).update(ended_at=ended_at)
    for one in watched.values():
        overdue_at = one.overdue_at
        if overdue_at is not None and overdue_at < now:
            _begin(one, now)


def still_learning() -> list[Provider]:
    """Return the providers of which too few events came yet to know their rhythm."""
    used = {provider.key: provider for provider in setup_state.used()}
    figures_of = Figure.objects.filter(kind=Figure.Kind.RHYTHM, subject__in=used, at__gte=timezone.now() - LONGEST)
    newest = {figure.subject: figure for figure in figures_of.order_by("at")}
    return [provider for key, provider in used.items() if rhythm_of(newest.get(key)) is None]


def rhythm_of(figure: Figure | None) -> Rhythm | None:
    """Return the rhythm that a figure holds, None while there are too few events to learn it."""
    if figure is None or not figure.numbers.get("rates"):
        return None
    return Rhythm(rates=figure.numbers["rates"], limit=figure.numbers["limit"])


def _watched(provider: Provider, pauses: Sequence[clock.Pause], now: datetime) -> Watched:
    day = figures.day_key(now)
    figure = Figure.objects.filter(kind=Figure.Kind.RHYTHM, subject=provider.key, at=day).first()
    if figure is None:
        figure = Figure(kind=Figure.Kind.RHYTHM, subject=provider.key, at=day, numbers=_learnt(provider, pauses, now))
        insert_once(figure)
    last = _received(provider).values_list("received_at", flat=True).first()
    return Watched(provider=provider, last=last, rhythm=rhythm_of(figure), pauses=pauses)


def _learnt(provider: Provider, pauses: Sequence[clock.Pause], now: datetime) -> dict[str, object]:
    times = _received(provider).values_list("received_at", flat=True)[:NEWEST]
    recent = [moment for moment in times if now - LONGEST <= moment <= now]
    rhythm = learn(recent, timezone.get_default_timezone(), pauses)
    if rhythm is None:
        return {"events": len(recent)}
    return {"events": len(recent), "rates": [round(rate, 4) for rate in rhythm.rates], "limit": rhythm.limit}


def _received(provider: Provider) -> "QuerySet[InboxEvent]":
    """Return what came from outside, the newest first."""
    return InboxEvent.objects.filter(provider=provider.key).exclude(event_type=TEST_EVENT).order_by("-pk")


def _begin(one: Watched, now: datetime) -> None:
    assert one.rhythm is not None
    assert one.last is not None
    usual = one.rhythm.usual(now, timezone.get_default_timezone())
    # What is unusual to come may be usual to have lasted: at the edge of an hour the two limits differ by minutes.
    usual = min(usual, now - one.last)
    with transaction.atomic():
        seconds = int(usual.total_seconds())
        row = Silence(provider=one.provider.key, since=one.last, noticed_at=now, usual_seconds=seconds)
        if not insert_once(row):
            return
        key = f"silence:{row.provider}:{row.since.isoformat()}"
        questions.ask(
            "silence",
            key=key,
            provider=one.provider.title,
            details=lambda: [silence_texts.sentence(row, one.provider.title)],
            admin_path=f"{PAGE}{row.pk}/change/",
            list_path=f"{PAGE}?ended_at__isnull=True",
        )
        notices.enqueue(lambda: silence_texts.sentence(row, one.provider.title), key=key)
