"""Findings of a run or an audit for staff: rows with a remedy, and values as people read them."""

from collections.abc import Sequence
from typing import Any

from accounts.people.models import Contact, ContactMapping
from integrations.reconcile.models import SyncFinding, SyncRun

CONTACT = "contact"  # the kind of id that a provider's API can be asked for
GONE_REMEDY = "nothing was deleted here; delete, merge or keep the contact by hand, then set aside"
_VALUE_AT_MOST = 60  # characters of a value in an explanation


def write(run: SyncRun, findings: Sequence[SyncFinding]) -> None:
    """Keep findings as the run's, each of them once."""
    for finding in findings:
        finding.run = run
    if findings:
        SyncFinding.objects.bulk_create(findings, ignore_conflicts=True)


def gone(mapping: ContactMapping) -> SyncFinding:
    """Return the finding, not saved and of no run yet, that a record of a contact is no longer there."""
    return SyncFinding(
        key=f"{SyncFinding.Kind.GONE_THERE}:{mapping.kind}:{mapping.external_id}",
        kind=SyncFinding.Kind.GONE_THERE,
        person=mapping.contact.email,
        person_id=mapping.external_id,
        contact=mapping.contact,
        remote_value="deleted, or made part of another record",
        local_value=f"contact {mapping.contact}"[:300],
        remedy=GONE_REMEDY,
    )


def shown(value: Any) -> str:
    """Return a value as people see it in an explanation."""
    text = "nothing" if value in ("", None) else str(value)
    return text if len(text) <= _VALUE_AT_MOST else f"{text[: _VALUE_AT_MOST - 1]}…"


def changed_values(before: Contact | None, after: Any) -> str:
    """Return old and new of what is different, for people; "" for what was made."""
    if before is None or not isinstance(after, Contact) or after.pk != before.pk:
        return ""
    old, new = _values(before), _values(after)
    lines = [
        f"{name}: {shown(old.get(name))} → {shown(new.get(name))}"
        for name in old | new
        if old.get(name) != new.get(name)
    ]
    return f" ({'; '.join(lines)})" if lines else ""


def _values(contact: Contact) -> dict[str, Any]:
    left_out = {"id", "created_at", "updated_at", "custom_fields", "origins", "user", "company"}
    columns = [column.name for column in Contact._meta.concrete_fields if column.name not in left_out]
    return {name: getattr(contact, name) for name in columns} | dict(contact.custom_fields)
