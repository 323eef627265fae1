"""Events in a person's timeline; those that were not processed stand above it."""

from typing import Any

from django.db.models import Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext as _

from core.console import timeline
from core.console.links import EVENTS, badge, row_url
from core.console.timeline import Entry, Row, Source
from core.provider_names import provider_title
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status

_OPEN = (Status.PENDING, Status.FAILED, Status.UNMATCHED)


def _entry(row: Row) -> Entry:
    event_type, status, why, provider = row.texts
    return Entry(
        at=row.at,
        sort=_("Event"),
        title=f"{provider_title(provider)} {event_type or '?'}",
        url=row_url(EVENTS, row.key),
        state=badge(status, Status(status).label),
        cause=why,
    )


def _of(person: Any) -> Any:
    return InboxEvent.objects.filter(person_email__in=person.emails) if person.emails else None


timeline.register(
    Source(
        permission="integrations.view_inboxevent",
        rows=_of,
        at="received_at",
        texts=("event_type", "status", Coalesce(NullIf("reason", Value("")), "last_error"), "provider"),
        entry=_entry,
        opened=lambda person: [_of(person).filter(status__in=_OPEN)],
    )
)
