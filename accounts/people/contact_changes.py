"""Writing what a report changes on a contact, with its history; the caller holds the contact's row."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people.contact_merge import Merged, merge, originated
from accounts.people.contact_report import WHOLE_LISTS, ContactReport, dated, still_newest, value_of, write
from accounts.people.models import Contact, ContactChange, ContactMapping
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.field_names import short
from core.insert_once import insert_once

FLIPS_AT_MOST = 3  # how often a value may come back to what it had been, within AN_HOUR
AN_HOUR = timedelta(hours=1)
Kind = ContactChange.Kind


def begin(contact: Contact, told: ContactReport, email: str, *, provider: str) -> None:
    """Set what a report says on a contact that is new and not saved."""
    values = told.values(email)
    write(contact, values)
    filled = [name for name in values if value_of(contact, name) not in ("", None)]
    contact.origins = originated(filled, provider=provider, at=told.true_since)


def bring(
    contact: Contact, record: ContactMapping | None, told: ContactReport, email: str, *, provider: str, cause: Cause
) -> list[str]:
    """Write what was changed there since it was last told; the names of what is different here now."""
    values = told.values(email)
    if record is not None:
        values = still_newest(values, told_at=record.last_synced_times, at=told.occurred_at)
    ours = {name: value_of(contact, name) for name in values}
    found = merge(
        ours,
        values,
        record.last_synced_values if record else None,
        origins=contact.origins,
        provider=provider,
        changed_at=told.true_since,
        authorities=told.authorities,
    )
    if found.taken or found.lost:
        found = _without_frozen(contact, found, ours, provider=provider, cause=cause)
    if found.taken or found.agreed:
        write(contact, found.taken)
        theirs_now = [*found.taken, *found.agreed]
        contact.origins = contact.origins | originated(theirs_now, provider=provider, at=told.true_since)
        contact.updated_at = timezone.now() if found.taken else contact.updated_at
        contact.save()
    taken = {name: Kind.WON if name in found.won else Kind.CHANGED for name in found.taken}
    kinds = taken | dict.fromkeys(found.lost, Kind.LOST)
    if kinds:
        _note(contact, ours, {**found.taken, **found.lost}, kinds, provider=provider, cause=cause)
    return [short(name) for name in found.taken]


def decide(contact: Contact, values: Mapping[str, Any], *, cause: Cause) -> ChangedContact | None:
    """Set values that staff chose, whatever was reported before; None where the contact has them all already.

    Inside a transaction that holds the contact's row.
    """
    ours = {name: value_of(contact, name) for name in values}
    changed = {name: value for name, value in values.items() if ours[name] != value}
    if not changed:
        return None
    write(contact, changed)
    contact.origins = contact.origins | originated(changed, provider="", at=timezone.now())
    contact.updated_at = timezone.now()
    contact.save()
    _note(contact, ours, changed, dict.fromkeys(changed, Kind.STAFF), provider="", cause=cause)
    names = tuple(short(name) for name in changed)
    return ChangedContact(contact=contact, provider="", cause=cause, changed=names)


def remember(record: ContactMapping, told: ContactReport, email: str) -> None:
    """Note on `record`, which the caller saves, what it was told to be and when that was so."""
    at = told.occurred_at
    lists = {name: getattr(told, name) for name in WHOLE_LISTS if getattr(told, name) is not None}
    values = still_newest(told.values(email), told_at=record.last_synced_times, at=at)
    lists = still_newest(lists, told_at=record.last_synced_times, at=at)
    if "offers" in lists:
        record.offers = list(map(dict, lists["offers"]))
    record_synced(record, values, at=at, lists=list(lists))
    if told.is_whole and record.gone_at is not None and record.gone_at < at:
        record.gone_at = None  # it is there again


def record_synced(
    record: ContactMapping, values: Mapping[str, Any], *, at: datetime, lists: list[str] | None = None
) -> None:
    """Note on `record`, which the caller saves, that these values stand there since `at`."""
    record.last_synced_values = record.last_synced_values | dict(values)
    record.last_synced_times = record.last_synced_times | dated([*values, *(lists or [])], at=at)
    record.reported_at = max(record.reported_at or at, at)


def frozen_names(contact: Contact) -> frozenset[str]:
    """The values of the contact that are neither taken in nor sent."""
    return frozenset(contact.changes.filter(kind=Kind.FROZEN, settled_at=None).values_list("name", flat=True))


def release(change: ContactChange, *, cause: Cause) -> ChangedContact | None:
    """Let a frozen value be taken in and sent again; None where it is already. Ours holds until somebody changes it."""
    still = ContactChange.objects.filter(pk=change.pk, kind=Kind.FROZEN, settled_at=None)
    if not still.update(settled_at=timezone.now(), staff=cause.staff):
        return None
    return ChangedContact(contact=change.contact, provider="", cause=cause)


def _without_frozen(contact: Contact, found: Merged, ours: Mapping[str, Any], *, provider: str, cause: Cause) -> Merged:
    """Leave out what is frozen, and freeze what would come back to an earlier value once too often in an hour."""
    recent = contact.changes.filter(
        Q(kind=Kind.FROZEN, settled_at=None)
        | Q(kind__in=[Kind.CHANGED, Kind.WON], recorded_at__gt=timezone.now() - AN_HOUR),
        name__in=[*found.taken, *found.lost],
    )
    frozen, history = set(), defaultdict(list)
    for change in recent.order_by("pk"):
        if change.kind == Kind.FROZEN:
            frozen.add(change.name)
        else:
            history[change.name].append((change.before, change.after))
    for name, value in found.taken.items():
        if name not in frozen and _returns([*history[name], (ours[name], value)]) > FLIPS_AT_MOST:
            frozen.add(name)
            _freeze(contact, name, ours[name], value, provider=provider, cause=cause)
    return found.without(frozenset(frozen))


def _returns(history: list[tuple[Any, Any]]) -> int:
    """Return how often a value came back to one that it had had before."""
    had: list[Any] = []
    count = 0
    for before, after in history:
        had.append(before)
        count += after in had
    return count


def _freeze(contact: Contact, name: str, mine: Any, value: Any, *, provider: str, cause: Cause) -> None:
    change = ContactChange(
        contact=contact,
        kind=Kind.FROZEN,
        name=name,
        before=mine,
        after=value,
        provider=provider,
        cause=cause.text[:300],
    )
    if insert_once(change):
        emails.notify_staff(
            EmailMessage.Kind.STAFF_VALUE_FROZEN,
            key=f"frozen:{change.pk}",
            context={
                "contact": contact.name or str(contact),
                "field": short(name),
                "ours": str(mine)[:200],
                "theirs": str(value)[:200],
                "provider": provider,
                "admin_path": f"/admin/accounts/contactchange/{change.pk}/change/",
            },
        )


def _note(
    contact: Contact,
    ours: Mapping[str, Any],
    theirs: Mapping[str, Any],
    kinds: Mapping[str, str],
    *,
    provider: str,
    cause: Cause,
) -> None:
    ContactChange.objects.bulk_create(
        ContactChange(
            contact=contact,
            kind=kind,
            name=name[:150],
            before=ours.get(name),
            after=theirs[name],
            provider=provider,
            cause=cause.text[:300],
            staff=cause.staff,
        )
        for name, kind in kinds.items()
    )
