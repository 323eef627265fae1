"""Events that overtook the record whose they are: they wait for it, and are woken as soon as it is known."""

from collections.abc import Collection
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.people import lookup
from core.phrases import MOMENT, TEXT, Phrase
from core.queue.delivery import GRACE
from core.queue.wakeup import wake_on_commit
from integrations.contracts.exceptions import UnknownContact
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status

_WAITS = Phrase.worded(
    "waits for contact {id}, until {until} at most: {why}",
    _("Waits for the contact {id} to be known, until {until} at most"),
    until=MOMENT,
    why=TEXT,
)

WAITS_FOR = timedelta(days=1)  # after it was received; then staff are asked
# Meanwhile the provider is asked again after so long, in case nothing reports the record.
_DELAYS = (timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=2), timedelta(minutes=10))
_THEN = timedelta(hours=1)


def wait_for_contact(event: InboxEvent, unknown: UnknownContact) -> bool:
    """Let a claimed event wait for a contact; False where it has waited long enough. Raises LeaseLost.

    A contact that is stored meanwhile wakes it, or is found by the look after what it waits for is stored; where both
    just miss each other the event is due again after some seconds.
    """
    now = timezone.now()
    ends_at = event.received_at + WAITS_FOR
    if now >= ends_at:
        return False
    delay = _DELAYS[event.attempts - 1] if event.attempts <= len(_DELAYS) else _THEN
    reason = _WAITS(id=unknown.external_id, until=ends_at, why=unknown)
    columns = {"awaits": unknown.external_id[:200], "reason": reason, "last_error": str(unknown), "failures": 0}
    event.postpone(min(now + delay, ends_at), **columns)
    if lookup.match(provider=event.provider, identities={"contact": unknown.external_id}).records:
        wake_on_contact(event.provider, [unknown.external_id])
    return True


def wake_on_contact(provider: str, external_ids: Collection[str]) -> None:
    """Make due the events that wait for one of these records of a provider, in the transaction that stores its id.

    One that was given up for want of the record is processed again.
    """
    if not external_ids:
        return
    now = timezone.now()
    waiting = InboxEvent.objects.filter(
        provider=provider, awaits__in=external_ids, status__in=[Status.PENDING, Status.UNMATCHED], pruned_at=None
    )
    for event in waiting.exclude(awaits="").defer("body", "payload", "headers"):
        if event.crashes:  # it is being processed, and looks once more when it has stored that it waits
            continue
        with transaction.atomic():
            same = InboxEvent.objects.filter(pk=event.pk, attempts=event.attempts, status=event.status, crashes=0)
            columns = {"status": Status.PENDING, "reason": "", "failures": 0, "finished_at": None}
            if same.update(**columns, next_attempt_at=now, wake_at=now + GRACE):
                wake_on_commit(event)
