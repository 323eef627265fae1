"""Unmatched events by what is asked about them: who has an id, which day a date is, or something else."""

from django.db.models import Q, QuerySet

from core import dates
from integrations.handlers import doubts
from integrations.inbox import claims
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.toolkit.reading import READ_AS

NO_DATE = (dates.NO_DATE, dates.AMBIGUOUS, dates.TOO_LONG)
IMPOSSIBLE = (doubts.TO_COME, doubts.ENDED_BEFORE)


def about_ids() -> QuerySet[InboxEvent]:
    return claims.open_claims()


def about_dates() -> QuerySet[InboxEvent]:
    """Return those that were processed with a date which could not be read for certain, or cannot be right."""
    return _unmatched().filter(_date()).exclude(claims.claimed())


def about_the_rest() -> QuerySet[InboxEvent]:
    return _unmatched().exclude(_date()).exclude(claims.claimed())


def _unmatched() -> QuerySet[InboxEvent]:
    return InboxEvent.objects.filter(status=Status.UNMATCHED)


def _date() -> Q:
    return claims.says_one_of((*NO_DATE, READ_AS, *IMPOSSIBLE))
