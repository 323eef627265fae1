"""Findings of a run or an audit for staff, and values formatted for them."""

from collections.abc import Sequence
from typing import Any

from django.db.models import BigIntegerField, F, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.people.models import Contact, ContactMapping
from core.console.links import NOTHING
from core.phrases import Phrase
from integrations.contracts.pull import RunKind
from integrations.reconcile.models import SyncFinding, SyncRun
from integrations.reconcile.models.sync_run import RunStatus

CONTACT_OF = Phrase("contact {name}")
_GONE = Phrase("deleted, or made part of another record")

CONTACT = "contact"  # the kind of id by which a provider's API returns a contact
GONE_REMEDY = Phrase("nothing was deleted here; delete, merge or keep the contact by hand, then set aside")()
# What a reading of everything applies.
_READ = (
    SyncFinding.Kind.MISSING_HERE,
    SyncFinding.Kind.ENDED_HERE,
    SyncFinding.Kind.ENDED_THERE,
    SyncFinding.Kind.STATUS,
    SyncFinding.Kind.NO_PLAN,
    SyncFinding.Kind.CONTACT_UNKNOWN,
)
_MAX_VALUE_LENGTH = 60  # characters of a value in an explanation


def save(run: SyncRun, findings: Sequence[SyncFinding]) -> None:
    """Store findings of a run, each of them once."""
    for finding in findings:
        finding.run = run
    if findings:
        SyncFinding.objects.bulk_create(findings, ignore_conflicts=True)


def current_findings(findings: QuerySet[SyncFinding]) -> QuerySet[SyncFinding]:
    """Return the findings of each provider's newest audit and of runs since; older differences may be gone.

    A later reading of everything has applied what an audit found to be missing or ended, so that an audit may be the
    look at what a first reading will do; what could not be applied is told as a problem of its own.
    """
    runs = SyncRun.objects.filter(provider=OuterRef("run__provider")).order_by("-pk")
    newest_audit = _newest(runs.filter(kind=RunKind.AUDIT))
    newest_reading = _newest(runs.filter(kind=RunKind.BACKFILL, status=RunStatus.DONE))
    current = findings.alias(newest_audit=newest_audit, newest_reading=newest_reading)
    current = current.filter(run_id__gte=F("newest_audit"))
    return current.exclude(run__kind=RunKind.AUDIT, kind__in=_READ, run_id__lt=F("newest_reading"))


def _newest(runs: QuerySet[SyncRun]) -> Any:
    return Coalesce(Subquery(runs.values("pk")[:1]), Value(0), output_field=BigIntegerField())


def gone_finding(mapping: ContactMapping) -> SyncFinding:
    """Return the finding, not saved and without a run, that a contact was deleted at the provider."""
    return SyncFinding(
        key=f"{SyncFinding.Kind.GONE_THERE}:{mapping.kind}:{mapping.external_id}",
        kind=SyncFinding.Kind.GONE_THERE,
        person=mapping.contact.email,
        person_id=mapping.external_id,
        contact=mapping.contact,
        remote_value=_GONE(),
        local_value=CONTACT_OF(name=mapping.contact)[:300],
        remedy=GONE_REMEDY,
    )


def format_value(value: Any) -> str:
    """Return a value as text for people, shortened."""
    text = NOTHING if value in ("", None) else str(value)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 1]}…"


def changed_values(before: Contact | None, after: Any) -> str:
    """Return old and new values of a changed contact as text, "" for a new one."""
    if before is None or not isinstance(after, Contact) or after.pk != before.pk:
        return ""
    old, new = _values(before), _values(after)
    lines = [
        f"{name}: {format_value(old.get(name))} → {format_value(new.get(name))}"
        for name in old | new
        if old.get(name) != new.get(name)
    ]
    return f" ({'; '.join(lines)})" if lines else ""


def _values(contact: Contact) -> dict[str, Any]:
    excluded = {"id", "created_at", "updated_at", "custom_fields", "origins", "user", "company"}
    columns = [column.name for column in Contact._meta.concrete_fields if column.name not in excluded]
    return {name: getattr(contact, name) for name in columns} | dict(contact.custom_fields)
