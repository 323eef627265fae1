"""First sync as a guided step: how far staff are (read both sides, look, start), and how much there is to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from core import phrases
from core.console.one_statement import AT_MOST, count_all
from integrations.contracts.provider import Provider
from integrations.outbox import enqueue, switch
from integrations.outbox.switch import Writing
from integrations.reconcile import first_sync


class Stage(StrEnum):
    UNREAD = "unread"
    READING = "reading"
    FAILED = "failed"
    READY = "ready"
    WRITING = "writing"


@dataclass(frozen=True, kw_only=True)
class SideNumbers:
    """Writes that are pending at a provider, each counted to AT_MOST: "100+" for more."""

    provider: Provider
    creates: str
    changes: str
    opportunities: str


@dataclass(frozen=True, kw_only=True)
class Guided:
    """The first sync. `since` is when its stage began, as far as it is known; `error` why reading failed."""

    stage: Stage
    sides: Sequence[SideNumbers]
    since: datetime | None = None
    error: str = ""

    def includes(self, provider: Provider) -> bool:
        return any(side.provider.key == provider.key for side in self.sides)

    @property
    def next_text(self) -> str:
        """Return in the reader's language what staff do next."""
        return {
            Stage.UNREAD: _("Nothing is written yet: read both sides."),
            Stage.READING: _("Both sides are being read; nothing is written meanwhile."),
            Stage.FAILED: _("Both sides could not be read: see why, and read them again."),
            Stage.READY: _("Both sides are read: look at what would be written, and start."),
            Stage.WRITING: _("Writing has started."),
        }[self.stage]


def guided() -> Guided | None:
    """Return how far the first sync is, by three statements; None where no two sides are connected."""
    sides = list(enqueue.mirrored_providers().values())
    if len(sides) < 2:
        return None
    lists = [
        rows(side.key) for side in sides for rows in (first_sync.creates, first_sync.changes, first_sync.opportunities)
    ]
    numbers = iter([f"{AT_MOST}+" if one.number > AT_MOST else str(one.number) for one in count_all(lists)])
    counted = [
        SideNumbers(provider=side, creates=next(numbers), changes=next(numbers), opportunities=next(numbers))
        for side in sides
    ]
    state, row = switch.state(), first_sync.newest()
    if state is Writing.ON:
        since = row.started_at if row is not None else None
        return Guided(stage=Stage.WRITING, sides=counted, since=since)
    if row is not None and row.status == "pending":
        return Guided(stage=Stage.READING, sides=counted, since=row.requested_at)
    if row is not None and row.status == "failed":
        return Guided(stage=Stage.FAILED, sides=counted, since=row.finished_at, error=phrases.shown(row.last_error))
    if row is not None and first_sync.is_ready(row):
        return Guided(stage=Stage.READY, sides=counted, since=row.finished_at)
    return Guided(stage=Stage.UNREAD, sides=counted)
