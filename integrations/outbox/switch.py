"""The switch of writing at providers: CONTACT_SYNC, and where that leaves it to staff, their word."""

from datetime import timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.phrases import Phrase
from core.queue.outcomes import Wait
from integrations.outbox.models import FirstSync
from integrations.outbox.models.first_sync import GUIDED

OFF_DELAY = timedelta(minutes=5)
WAITING_DELAY = timedelta(hours=1)  # the start makes every write due; this is for a setting that changed meanwhile


class Writing(StrEnum):
    OFF = "off"
    WAITING = "waiting for start"
    ON = "writing"


REASONS = {
    Writing.OFF: Phrase.worded(
        "CONTACT_SYNC is off: nothing is written anywhere", _("Nothing is written: CONTACT_SYNC is off")
    )(),
    Writing.WAITING: Phrase.worded(
        "nothing is written yet: open First sync in the console, look at it, and start writing",
        _("Nothing is written yet: open First sync, look at it, and start writing"),
    )(),
}


def state() -> Writing:
    """Return whether writes are delivered now; while it is off none is enqueued. One query at the most."""
    if not settings.CONTACT_SYNC:
        return Writing.OFF
    if settings.CONTACT_SYNC == GUIDED and FirstSync.objects.holds_writes():
        return Writing.WAITING
    return Writing.ON


def reason() -> str:
    """Return why nothing is written and what is to be done; "" where writes are delivered."""
    return REASONS.get(state(), "")


def wait_until_on() -> None:
    """Raise Wait where nothing may be written now."""
    now = state()
    if now is not Writing.ON:
        delay = OFF_DELAY if now is Writing.OFF else WAITING_DELAY
        raise Wait(REASONS[now], due=timezone.now() + delay)
