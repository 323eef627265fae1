"""Delivering what is owed: one attempt at one row."""

import logging
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone

from core.queue.attempts import attempt
from integrations.contracts.exceptions import Permanent
from integrations.outbox import circuits, contacts, opportunities
from integrations.outbox.models import OutgoingWrite
from integrations.outbox.postpone import Wait
from integrations.toolkit.failures import Refused, TemporaryFailure, TooManyCalls
from integrations.toolkit.retries import until_allowed

logger = logging.getLogger(__name__)
SWITCHED_OFF_FOR = timedelta(minutes=5)
_CREDENTIALS = frozenset({401, 403})
Kind = OutgoingWrite.Kind


def deliver(write_id: int) -> None:
    """Write what is due and nobody else writes. Whatever goes wrong is on the row, and it is tried again or failed."""
    row = OutgoingWrite.objects.claim(write_id)
    if row is not None:
        attempt(row, partial(_attempt, row), is_permanent=lambda error: isinstance(error, Permanent))


def _attempt(row: OutgoingWrite) -> None:
    if not settings.CONTACT_SYNC:
        row.put_off(timezone.now() + SWITCHED_OFF_FOR, last_error="CONTACT_SYNC is off: nothing is written anywhere")
        return
    until = circuits.rests_until(row.provider)
    if until is not None:
        row.put_off(until, last_error=f"the circuit of {row.provider} is open: waits for it to be closed")
        return
    try:
        (contacts.write if row.kind == Kind.CONTACT else opportunities.write)(row)
    except Wait as wait:
        row.put_off(wait.due, last_error=str(wait))
        return
    except TooManyCalls as error:  # the provider works, and is asked too much: nothing failed
        row.put_off(timezone.now() + timedelta(seconds=until_allowed(error.retry_after)), last_error=str(error))
        return
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
