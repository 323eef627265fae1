"""The first sync: read both sides, enqueue every difference, and deliver nothing before staff start it.

While nobody started it, writes are enqueued and held: what staff look at are the pending writes themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.people.models import Contact, ContactMapping, PossibleDuplicate
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.insert_once import insert_once
from core.phrases import CODE, TEXT, Phrase
from core.queue.outcomes import Permanent, Wait
from core.queue.runner import JobKind
from core.queue.wakeup import make_due, wake_on_commit
from integrations.contracts.provider import Provider
from integrations.contracts.pull import RunKind
from integrations.outbox import enqueue
from integrations.outbox.models import FirstSync, OutgoingWrite
from integrations.reconcile import runs
from integrations.reconcile.models import SyncRun
from integrations.reconcile.models.sync_run import OPEN, RunStatus

_IN_READING = Phrase("{provider} is being read", provider=CODE)
_NOT_READ = Phrase("{provider} could not be read: {error}", provider=CODE, error=TEXT)

LOOK_AGAIN = timedelta(seconds=2)
READY_FOR = timedelta(days=7)  # after that the sides must be read again before writing starts
BATCH = 100  # contacts of one attempt
_CAUSE = Cause(text=Phrase("first sync")())
Status, Kind = FirstSync.Status, OutgoingWrite.Kind


class CannotStart(Exception):
    """Writing cannot be started; the message says why and what is to be done."""


@dataclass(frozen=True, kw_only=True)
class SideFigures:
    """How many writes wait for one provider, and how many contacts cannot be written there."""

    provider: Provider
    contacts: int
    creates: int
    changes: int
    opportunities: int
    left_out: int


def newest() -> FirstSync | None:
    """Return the newest first sync; None where nobody began one."""
    found: FirstSync | None = FirstSync.objects.order_by("-pk").first()
    return found


def is_ready(row: FirstSync | None) -> bool:
    """Return whether writing can be started by what `row` read."""
    if row is None or row.status != Status.READY or row.finished_at is None:
        return False
    return row.finished_at > timezone.now() - READY_FOR


def begin(*, cause: Cause) -> FirstSync:
    """Start reading every side; return its row, also where it is under way already.

    Raises CannotStart where no two sides are connected; Retryable and Permanent as the start of a run does.
    """
    sides = enqueue.mirrored_providers()
    if len(sides) < 2:
        raise CannotStart("two providers are needed whose API is configured, and CONTACT_SYNC that is not false")
    row = FirstSync(requested_by=cause.staff)
    row.schedule_wake_up()
    if not insert_once(row):
        return FirstSync.objects.get(status=Status.PENDING)
    for side in _listed(sides):
        try:
            runs.start(side, cause=cause)
        except runs.AlreadyOpen:
            continue
    wake_on_commit(row)
    return row


def run_of(provider: Provider) -> SyncRun | None:
    """Return the newest run that applied a provider's lists."""
    return SyncRun.objects.filter(provider=provider.key).exclude(kind=RunKind.AUDIT).order_by("-pk").first()


def figures() -> list[SideFigures]:
    """Return, of each side, what waits to be written."""
    sides = enqueue.mirrored_providers()
    return [
        SideFigures(
            provider=side,
            contacts=ContactMapping.objects.filter(provider=key, kind=enqueue.RECORD, is_main=True).count(),
            creates=creates(key).count(),
            changes=changes(key).count(),
            opportunities=opportunities(key).count(),
            left_out=left_out(key).count(),
        )
        for key, side in sides.items()
    ]


def totals(sides: list[SideFigures]) -> dict[str, int]:
    """Return the figures that staff confirm."""
    names = ("creates", "changes", "opportunities")
    return {name: sum(getattr(side, name) for side in sides) for name in names}


def creates(provider: str) -> "QuerySet[OutgoingWrite]":
    """Return the pending writes of contacts that have no record at the provider yet."""
    return _pending(provider, Kind.CONTACT).exclude(_has_record(provider))


def changes(provider: str) -> "QuerySet[OutgoingWrite]":
    """Return the pending writes of contacts that have one, which was not deleted there."""
    return _pending(provider, Kind.CONTACT).filter(_has_record(provider, gone_at=None))


def opportunities(provider: str) -> "QuerySet[OutgoingWrite]":
    return _pending(provider, Kind.OPPORTUNITY)


def left_out(provider: str) -> "QuerySet[Contact]":
    """Return the contacts of other sides that cannot be created at the provider: nothing could find them again."""
    others = [key for key in enqueue.mirrored_providers() if key != provider]
    records = ContactMapping.objects.filter(contact=OuterRef("pk"), kind=enqueue.RECORD)
    has_neither = Contact.objects.filter(email="", phone="").order_by("pk")
    waits = OutgoingWrite.objects.filter(contact=OuterRef("pk"), provider=provider, status="pending")
    reported = has_neither.filter(Exists(records.filter(provider__in=others)))
    return reported.exclude(Exists(records.filter(provider=provider)) | Exists(waits))  # another number finds some


def duplicates() -> "QuerySet[PossibleDuplicate]":
    return PossibleDuplicate.objects.filter(status=PossibleDuplicate.Status.OPEN)


def start_writing(row: FirstSync, *, confirmed: Mapping[str, int], cause: Cause) -> None:
    """Let writes be delivered from now on, all that wait at once.

    `confirmed` are the totals that staff saw. Raises CannotStart where they changed since, where the sides were not
    read within a week, and for the second of two at once.
    """
    if dict(confirmed) != totals(figures()):
        raise CannotStart("the figures have changed since you looked: look at them again")
    now = timezone.now()
    with transaction.atomic():
        ready = FirstSync.objects.filter(pk=row.pk, status=Status.READY, finished_at__gt=now - READY_FOR)
        if not ready.update(
            status=Status.STARTED, started_at=now, read_at=now, started_by=cause.staff, figures=dict(confirmed)
        ):
            raise CannotStart("both sides must be read first, or somebody started it just now")
        held = OutgoingWrite.objects.filter(status="pending", crashes=0, failures=0, next_attempt_at__gt=now)
        make_due(held)


def _prepare(row: FirstSync) -> None:
    """Wait until every side is read, then enqueue what differs of each contact, a batch in each attempt."""
    sides = enqueue.mirrored_providers()
    for side in _listed(sides):
        run = run_of(side)
        if run is None or run.status in OPEN or (run.finished_at or run.started_at) < row.requested_at:
            raise Wait(_IN_READING(provider=side.title), due=timezone.now() + LOOK_AGAIN)
        if run.status == RunStatus.FAILED:
            raise Permanent(_NOT_READ(provider=side.title, error=run.last_error))
    mapped = ContactMapping.objects.filter(contact=OuterRef("pk"), provider__in=sides)
    batch = list(
        Contact.objects.filter(Exists(mapped), pk__gt=row.position).order_by("pk").values_list("pk", flat=True)[:BATCH]
    )
    for key in batch:
        _enqueue_differences(key)
    if batch:
        row.save_progress(position=batch[-1])
    else:
        row.close(Status.READY)


def _enqueue_differences(key: int) -> None:
    """Enqueue what a contact and its policies have that the sides lack, as a report of it would have."""
    with transaction.atomic():
        contact = Contact.objects.select_for_update().filter(pk=key).first()
        if contact is None:
            return
        enqueue.contact_changed(ChangedContact(contact=contact, provider="", cause=_CAUSE))
        for provider in enqueue.opportunity_providers():
            written = OutgoingWrite.objects.filter(
                Q(status="pending") | Q(finished_at__gte=OuterRef("reported_at")),
                policy=OuterRef("pk"),
                provider=provider,
            )
            for policy in contact.policies.exclude(Exists(written)):
                enqueue.enqueue_write(contact, provider, policy=policy, cause=_CAUSE)


def _listed(sides: Mapping[str, Provider]) -> list[Provider]:
    return [side for side in sides.values() if side.pulls is not None and side.is_connected()]


def _pending(provider: str, kind: str) -> "QuerySet[OutgoingWrite]":
    rows = OutgoingWrite.objects.filter(provider=provider, kind=kind, status="pending")
    return rows.select_related("contact", "policy").order_by("pk")


def _has_record(provider: str, **conditions: Any) -> Any:
    records = ContactMapping.objects.filter(
        contact=OuterRef("contact"), provider=provider, kind=enqueue.RECORD, is_main=True, **conditions
    )
    return Exists(records)


JOBS = JobKind(model=FirstSync, work=_prepare, noun="first sync")
