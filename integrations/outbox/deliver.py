"""Deliver a write: one attempt at one row."""

import logging
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.demo.marks import is_demo_address, playing
from core.phrases import CODE, Phrase
from core.queue.outcomes import Wait
from core.queue.runner import Failure, JobKind
from integrations import registry
from integrations.issues import failed
from integrations.issues.models import Issue
from integrations.outbox import circuits, closing, contacts, marks, opportunities, switch
from integrations.outbox.models import OutgoingWrite
from integrations.toolkit.failures import NotPermitted, Refused, TemporaryFailure, TooManyCalls
from integrations.toolkit.permissions import noting_permissions
from integrations.toolkit.retries import until_allowed

_OF_THE_DEMO = Phrase("of the demo, which is written nowhere")
_PAUSED = Phrase("writing to {provider} is paused", provider=CODE)
_PAUSED_RESOURCE = Phrase.worded(
    "writing to {provider} is paused: {resource}", _("Writing to {provider} is paused"), provider=CODE, resource=CODE
)

logger = logging.getLogger(__name__)
Kind = OutgoingWrite.Kind
_WRITERS = {Kind.CONTACT: contacts.write, Kind.OPPORTUNITY: opportunities.write, Kind.MARK: marks.write}


def _deliver(row: OutgoingWrite) -> None:
    if row.contact is not None and is_demo_address(row.contact.email) and not playing.get():
        row.close(row.Status.SKIPPED, error=_OF_THE_DEMO())
        return
    switch.wait_until_on()
    resources = circuits.resources_of(row.provider, row.kind)
    until = circuits.open_until(row.provider, resources)
    if until is not None:
        title = registry.provider(row.provider).title
        raise Wait(
            _PAUSED_RESOURCE(provider=title, resource=resources[0]) if resources[0] else _PAUSED(provider=title),
            due=until,
        )
    with noting_permissions() as proved:
        try:
            _WRITERS[Kind(row.kind)](row)
        except TooManyCalls as error:  # the provider works, and is asked too much: nothing failed
            due = timezone.now() + timedelta(seconds=until_allowed(error.retry_after))
            raise Wait(str(error), due=due) from error
        except TemporaryFailure as error:
            circuits.failed(row.provider, resources[0], str(error))
            raise
        except NotPermitted as error:  # nothing is wrong with this row: it waits until somebody mends that
            raise Wait(str(error), due=circuits.denied(row.provider, error)) from error
        except Refused:
            circuits.succeeded(row.provider, resources)
            raise
    circuits.succeeded(row.provider, resources)
    circuits.permitted(row.provider, proved)


def _store_failure(row: OutgoingWrite, failure: Failure) -> None:
    if failure.is_last:
        closing.take_on(row)
        failed.note(row, provider=row.provider, kind=Issue.Kind.WRITE, event_type=row.kind, error=failure.error)


JOBS = JobKind(model=OutgoingWrite, work=_deliver, on_failure=_store_failure)
