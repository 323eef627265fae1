"""Writes at providers in a person's timeline; those that failed stand above it."""

from django.db.models import Case, TextField, When
from django.utils.translation import gettext as _

from core.console import timeline
from core.console.links import badge, row_url
from core.console.timeline import Entry, Row, Source
from core.provider_names import provider_title
from integrations.outbox.admin.writes import WRITES
from integrations.outbox.models import OutgoingWrite

Status = OutgoingWrite.Status


def _entry(row: Row) -> Entry:
    kind, status, why, provider = row.texts
    return Entry(
        at=row.at,
        sort=_("Sync"),
        title=f"{provider_title(provider)}: {OutgoingWrite.Kind(kind).label}",
        url=row_url(WRITES, row.key),
        state=badge(status, Status(status).label),
        cause=why,
    )


timeline.register(
    Source(
        permission="integrations.view_outgoingwrite",
        rows=lambda person: OutgoingWrite.objects.filter(contact=person.contact) if person.contact else None,
        at="created_at",
        texts=(
            "kind",
            "status",
            Case(When(status=Status.FAILED, then="last_error"), default="cause", output_field=TextField()),
            "provider",
        ),
        entry=_entry,
        opened=lambda person: [person.contact.writes.filter(status=Status.FAILED)],
    )
)
