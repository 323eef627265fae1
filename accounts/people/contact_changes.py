"""Writing what a report changes on a contact, with its history; the caller holds the contact's row."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people.contact_merge import Merged, merge
from accounts.people.contact_report import (
    EMPTY,
    MAIN,
    WHOLE_LISTS,
    ContactReport,
    set_values,
    timestamp,
    value_of,
    without_outdated,
)
from accounts.people.models import Contact, ContactChange, ContactMapping, ContactPhone
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.field_names import CUSTOM, field_label
from core.insert_once import insert_once
from core.phones import spellings

FLIPS_AT_MOST = 3  # how often a value may come back to what it had been, within AN_HOUR
AN_HOUR = timedelta(hours=1)
Kind = ContactChange.Kind


def apply(
    contact: Contact, mapping: ContactMapping | None, report: ContactReport, email: str, *, provider: str, cause: Cause
) -> list[str]:
    """Merge a report into a contact, save it, and return the short names of the values that changed.

    `mapping` is the reporting record, whose last synced values are the base of the merge.
    """
    remote = report.values(email)
    if mapping is not None:
        remote = without_outdated(remote, mapping.last_synced_times, at=report.occurred_at)
    ours = {name: value_of(contact, name) for name in remote}
    if mapping is not None:
        mapping.accepted = mapping.accepted | _accepted(contact, mapping, report, remote, ours)
        remote = {name: value for name, value in remote.items() if mapping.accepted.get(name) != [value, ours[name]]}
    changed_at = min(report.changed_at or report.occurred_at, report.occurred_at)
    merged = merge(
        ours,
        remote,
        mapping.last_synced_values if mapping else None,
        origins=contact.origins,
        provider=provider,
        changed_at=changed_at,
        authorities=report.authorities,
        lists=report.lists,
    )
    if merged.taken or merged.lost:
        _leave_out_frozen(contact, merged, ours, provider=provider, cause=cause)
    if merged.taken or merged.agreed:
        if ours.get("phone") and "phone" in merged.taken:
            add_phones(contact, [ours["phone"]], cause=cause)
        agreed = {name: ours[name] for name in merged.agreed}
        set_values(contact, merged.taken | agreed, provider=provider, at=changed_at)
        contact.updated_at = timezone.now() if merged.taken else contact.updated_at
        contact.save()
    kinds = {name: Kind.WON if name in merged.won else Kind.CHANGED for name in merged.taken}
    kinds |= dict.fromkeys(merged.lost, Kind.LOST)
    if kinds:
        _record(contact, ours, {**merged.taken, **merged.lost}, kinds, provider=provider, cause=cause)
    return [name.removeprefix(CUSTOM) for name in merged.taken]


def add_phones(contact: Contact, numbers: Iterable[str], *, cause: Cause) -> None:
    """Store numbers that a contact has beside the main one."""
    rows = [ContactPhone(contact=contact, number=number[:20], source=cause.text[:200]) for number in numbers if number]
    ContactPhone.objects.bulk_create(rows, ignore_conflicts=True)


def decide(contact: Contact, values: Mapping[str, Any], *, cause: Cause) -> ChangedContact | None:
    """Set values that staff chose, whatever was reported before; None where the contact has them all already.

    Inside a transaction that holds the contact's row.
    """
    ours = {name: value_of(contact, name) for name in values}
    changed = {name: value for name, value in values.items() if ours[name] != value}
    if not changed:
        return None
    set_values(contact, changed, provider="", at=timezone.now())
    contact.updated_at = timezone.now()
    contact.save()
    _record(contact, ours, changed, dict.fromkeys(changed, Kind.STAFF), provider="", cause=cause)
    names = tuple(name.removeprefix(CUSTOM) for name in changed)
    return ChangedContact(contact=contact, provider="", cause=cause, changed=names)


def note_report(mapping: ContactMapping, report: ContactReport, email: str) -> None:
    """Note on `mapping`, which the caller saves, what was reported of its record and when that was true."""
    at = report.occurred_at
    lists = {name: getattr(report, name) for name in WHOLE_LISTS if getattr(report, name) is not None}
    named = without_outdated(report.values(email) | lists, mapping.last_synced_times, at=at)
    if "offers" in named:
        mapping.offers = list(map(dict, named["offers"]))
    values = {name: value for name, value in named.items() if name not in lists}
    mapping.last_synced_values = mapping.last_synced_values | values
    mapping.last_synced_times |= dict.fromkeys(named, timestamp(at))
    mapping.reported_at = max(mapping.reported_at or at, at)
    if report.is_whole or report.left_out:
        left_out = dict(report.left_out) or None
        if left_out != mapping.left_out:  # what staff decided to leave out is not asked about again
            mapping.left_out_at = timezone.now() if left_out else None
        mapping.left_out = left_out
    if report.is_whole and mapping.gone_at is not None and mapping.gone_at < at:
        mapping.gone_at = None  # it exists again
        if mapping.deletion != ContactMapping.Deletion.MARKED:  # a mark is taken away first
            mapping.deletion = ContactMapping.Deletion.NOTHING


def leave_out(mapping: ContactMapping) -> bool:
    """Leave out what of the record cannot be used, without asking again; False where that was decided before."""
    return bool(ContactMapping.objects.with_unusable_values().filter(pk=mapping.pk).update(left_out_at=None))


def release(change: ContactChange, *, cause: Cause) -> ChangedContact | None:
    """Unfreeze a value; None where it is not frozen any more. Ours holds until somebody changes it."""
    still = ContactChange.objects.filter(pk=change.pk, kind=Kind.FROZEN, settled_at=None)
    if not still.update(settled_at=timezone.now(), staff=cause.staff):
        return None
    return ChangedContact(contact=change.contact, provider="", cause=cause)


def _accepted(
    contact: Contact,
    mapping: ContactMapping,
    report: ContactReport,
    remote: Mapping[str, Any],
    ours: Mapping[str, Any],
) -> dict[str, list[Any]]:
    """Return the main address and number of a record, reported for the first time, that are no change: name → [value
    there, value here].

    One of the two is an address or number of the same person beside the main one, or another spelling of one line. Both
    sides keep theirs until one of them is changed.
    """
    accepted = {}
    for name in MAIN:
        value, mine = remote.get(name), ours.get(name)
        if name in mapping.last_synced_values or value in EMPTY or mine in EMPTY or value == mine:
            continue
        own = contact.emails.filter(email=value) if name == "email" else contact.phones.filter(number=value)
        same_line = name == "phone" and mine in spellings(value)
        if same_line or mine in (report.aliases if name == "email" else report.phones) or own.exists():
            accepted[name] = [value, mine]
    return accepted


def _leave_out_frozen(
    contact: Contact, merged: Merged, ours: Mapping[str, Any], *, provider: str, cause: Cause
) -> None:
    """Leave out what is frozen, and freeze what would come back to an earlier value once too often in an hour."""
    recent = contact.changes.filter(
        Q(kind=Kind.FROZEN, settled_at=None)
        | Q(kind__in=[Kind.CHANGED, Kind.WON], recorded_at__gt=timezone.now() - AN_HOUR),
        name__in=[*merged.taken, *merged.lost],
    )
    frozen: set[str] = set()
    history: defaultdict[str, list[tuple[Any, Any]]] = defaultdict(list)
    for change in recent.order_by("pk"):
        if change.kind == Kind.FROZEN:
            frozen.add(change.name)
        else:
            history[change.name].append((change.before, change.after))
    for name, value in merged.taken.items():
        changes = [*history[name], (ours[name], value)]
        before = [old for old, _new in changes]
        flips = sum(new in before[: number + 1] for number, (_old, new) in enumerate(changes))
        if name not in frozen and flips > FLIPS_AT_MOST:
            frozen.add(name)
            _freeze(contact, name, ours[name], value, provider=provider, cause=cause)
    for name in frozen:
        merged.taken.pop(name, None)
        merged.lost.pop(name, None)
        merged.won.discard(name)


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
            EmailMessage.Kind.STAFF_FIELD_FROZEN,
            key=f"frozen:{change.pk}",
            context=lambda: {
                "contact": contact.called,
                "field": field_label(name),
                "ours": str(mine)[:200],
                "theirs": str(value)[:200],
                "provider": provider,
                "admin_path": f"/admin/accounts/contactchange/{change.pk}/change/",
            },
        )


def _record(
    contact: Contact,
    ours: Mapping[str, Any],
    remote: Mapping[str, Any],
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
            after=remote[name],
            provider=provider,
            cause=cause.text[:300],
            staff=cause.staff,
        )
        for name, kind in kinds.items()
    )
