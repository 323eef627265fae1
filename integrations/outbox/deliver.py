"""Deliver a write: one attempt at one row."""

import logging
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from core.queue.outcomes import Wait
from core.queue.runner import JobKind
from integrations.outbox import circuits, contacts, opportunities
from integrations.outbox.models import OutgoingWrite
from integrations.toolkit.failures import Refused, TemporaryFailure, TooManyCalls
from integrations.toolkit.retries import until_allowed

logger = logging.getLogger(__name__)
SWITCHED_OFF_DELAY = timedelta(minutes=5)
_CREDENTIALS = frozenset({401, 403})
Kind = OutgoingWrite.Kind


def _deliver(row: OutgoingWrite) -> None:
    if not settings.CONTACT_SYNC:
        raise Wait("CONTACT_SYNC is off: nothing is written anywhere", due=timezone.now() + SWITCHED_OFF_DELAY)
    until = circuits.open_until(row.provider)
    if until is not None:
        raise Wait(f"the circuit of {row.provider} is open: waits for it to be closed", due=until)
    try:
        (contacts.write if row.kind == Kind.CONTACT else opportunities.write)(row)
    except TooManyCalls as error:  # the provider works, and is asked too much: nothing failed
        due = timezone.now() + timedelta(seconds=until_allowed(error.retry_after))
        raise Wait(str(error), due=due) from error
    except TemporaryFailure as error:
        circuits.failed(row.provider, str(error))
        raise
    except Refused as error:
        if error.status in _CREDENTIALS:  # nothing is wrong with this row: it waits until somebody mends that
            circuits.failed(row.provider, str(error))
            raise TemporaryFailure(str(error), status=error.status) from error
        circuits.succeeded(row.provider)
        raise
    circuits.succeeded(row.provider)


JOBS = JobKind(model=OutgoingWrite, work=_deliver)
