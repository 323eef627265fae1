"""Values that could not be written at a provider: noted as questions, decided by staff, settled by what happens."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.people import contact_changes
from accounts.people.contact_report import value_of
from accounts.people.models import Contact
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.field_names import CUSTOM
from core.phrases import ERROR, Phrase
from integrations.contracts.exceptions import Permanent
from integrations.contracts.mirror import Sent
from integrations.fields.names import FieldNames
from integrations.outbox.differences import remembered
from integrations.outbox.models import OutgoingWrite, RefusedValue

REFUSED = Phrase("it was refused: {reasons}", reasons=ERROR)
_REFUSED_THERE = Phrase("refused there: {reason}", reason=ERROR)

Status = RefusedValue.Status


def go_on_without(row: OutgoingWrite, sent: Sent, names: FieldNames) -> None:
    """Let the next attempt go on without the values that the provider refused. Raises Permanent where none is ours."""
    left_out = {
        name: {"value": value, "reason": _REFUSED_THERE(reason=reason)}
        for name, value in row.after.items()
        if (reason := sent.refused.get(names.remote.get(name, name)))
    }
    if not left_out:
        raise Permanent(REFUSED(reasons="; ".join(sent.refused.values())))
    with transaction.atomic():
        note(row, left_out)
        row.go_on_with(sent, external_id=row.external_id, left_out={**row.left_out, **left_out})


def note(row: OutgoingWrite, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Make questions of values that a write could not write: name → value and reason, as `OutgoingWrite.left_out`.

    Nothing is asked about a value that staff left out before.
    """
    if row.contact is None:
        return
    known = {one.name: one for one in RefusedValue.objects.filter(contact=row.contact, provider=row.provider)}
    for name, one in sorted(values.items()):
        found = known.get(name)
        if found is not None and found.value == one["value"] and found.status != Status.SETTLED:
            continue
        RefusedValue.objects.update_or_create(
            contact=row.contact,
            provider=row.provider,
            name=name[:150],
            defaults={
                "value": one["value"],
                "reason": one["reason"],
                "write": row,
                "status": Status.OPEN,
                "refused_at": timezone.now(),
                "settled_at": None,
                "staff": None,
            },
        )


def settle(row: OutgoingWrite, unusable: Mapping[str, str]) -> None:
    """Settle the questions that the end of a write of a contact answers, and ask about values that are `unusable`.

    Those stay that the write left out; the others are written, or nothing differs any more.
    """
    assert row.contact is not None
    rows = RefusedValue.objects.filter(contact=row.contact, provider=row.provider, status=Status.OPEN)
    rows.exclude(name__in=[*row.left_out, *unusable]).update(status=Status.SETTLED, settled_at=timezone.now())
    if unusable:
        note(row, {name: {"value": value_of(row.contact, name), "reason": why} for name, why in unusable.items()})


def value_changed(contact: Contact, names: Iterable[str]) -> None:
    """Settle what was asked, or decided, about values of a contact that are others now. `names`: as reported."""
    stored = [stored for name in names for stored in (name, f"{CUSTOM}{name}")]
    rows = RefusedValue.objects.filter(contact=contact, name__in=stored).exclude(status=Status.SETTLED)
    changed = [one.pk for one in rows if one.value != value_of(contact, one.name)]
    if changed:
        ended = RefusedValue.objects.filter(pk__in=changed)
        ended.update(status=Status.SETTLED, settled_at=timezone.now())


def leave_out(value: RefusedValue, *, cause: Cause) -> bool:
    """Leave the value out of every write there until it changes; False where the question was settled before.

    A write that failed for want of anything else to write is skipped.
    """
    if not _decide(value, Status.OPEN, Status.LEFT_OUT, cause):
        return False
    failed = OutgoingWrite.objects.filter(
        kind=OutgoingWrite.Kind.CONTACT,
        contact=value.contact,
        provider=value.provider,
        status=OutgoingWrite.Status.FAILED,
    )
    for write in failed:
        if set(write.left_out) <= set(remembered(value.contact, value.provider)):
            failed.filter(pk=write.pk).update(status=OutgoingWrite.Status.SKIPPED)
    return True


def ask_again(value: RefusedValue, *, cause: Cause) -> bool:
    """Make a value that staff left out a question again; False where it is not left out any more."""
    return _decide(value, Status.LEFT_OUT, Status.OPEN, cause)


def accept_retry(value: RefusedValue, *, cause: Cause) -> bool:
    """Settle the question, for the value is about to be sent again; False where it was settled before.

    It is a question again if it is refused again.
    """
    return _decide(value, Status.OPEN, Status.SETTLED, cause)


def correct(value: RefusedValue, corrected: Any, *, cause: Cause) -> ChangedContact | None:
    """Give the contact another value instead; None where the question was settled before, or it is the same value.

    Inside a transaction that holds the contact's row. The caller hands the change over.
    """
    if not _decide(value, Status.OPEN, Status.SETTLED, cause):
        return None
    return contact_changes.decide(value.contact, {value.name: corrected}, cause=cause)


def _decide(value: RefusedValue, before: Status, after: Status, cause: Cause) -> bool:
    still = RefusedValue.objects.filter(pk=value.pk, status=before)
    at = None if after == Status.OPEN else timezone.now()
    return bool(still.update(status=after, settled_at=at, staff=cause.staff))
