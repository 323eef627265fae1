"""Contacts: whom a report is about, and what it changes. The only writer of contacts, their addresses and their ids.

Two people are never made one here: where an address and an id point to different contacts, both stay and staff decide
(`accounts.people.contact_duplicates`).
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Model

from accounts.people import contact_changes, contact_duplicates, contact_tags, forgotten, lookup
from accounts.people.contact_report import ContactReport
from accounts.people.models import Contact, ContactEmail, ContactMapping, User
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.insert_once import insert_once
from core.text import InvalidAddress, normalise_email

_TRIES = 5


class Nobody(Exception):
    """The report names nobody: neither an id that is known nor an e-mail."""


def report(told: ContactReport, *, provider: str, cause: Cause, user: User | None = None) -> ChangedContact:
    """Bring the contact whom `told` is about to what it says; made, as `user`'s, where nobody is that person.

    A known id wins over the e-mail, so that somebody who changed their address stays the same contact. Of each value
    the newest word of that record holds. Two at once make one contact (unique constraints).

    Raises Nobody, InvalidAddress; PersonForgotten where nobody is that person because they were erased.
    """
    email = normalise_email(told.email) if told.email else ""
    if not email and not told.identities:
        raise Nobody("neither an e-mail nor an id")
    for _try in range(_TRIES):
        with transaction.atomic(savepoint=False):
            known = lookup.mappings(provider, told.identities, hold=True)
            if known:
                return _applied(known[0].contact, known, told, email, provider=provider, cause=cause)
            owner = lookup.with_email(email)
            if owner is not None and not _is_somebody_else(owner, told.identities, provider):
                held = Contact.objects.select_for_update().filter(pk=owner.pk).first()
                if held is None or lookup.mappings(provider, told.identities):
                    continue  # merged away, or reported by another worker while this one waited
                return _applied(held, [], told, email, provider=provider, cause=cause)
            contact = _created(told, email, owner=owner, user=user, provider=provider, cause=cause)
            if contact is not None:
                tags = tuple(_tagged(contact, told, provider))
                return ChangedContact(contact=contact, provider=provider, cause=cause, created=True, changed=tags)
    raise RuntimeError(f"{told.identities or email}: another worker makes and unmakes this contact")


def of_member(user: User, told: ContactReport, *, provider: str, cause: Cause, is_new: bool = False) -> ChangedContact:
    """The contact who is the member `user`, brought to what `told` says; they are linked where neither is yet.

    `is_new`: the user was made just now, and is nobody's yet.
    """
    before = None if is_new else Contact.objects.filter(user=user).first()
    if before is None and not is_new:
        # Two at once would each make one: the second waits here, and finds the first one's.
        User.objects.select_for_update().get(pk=user.pk)
        before = Contact.objects.filter(user=user).first()
    reported = report(told, provider=provider, cause=cause, user=user if before is None else None)
    contact = reported.contact
    if before is not None and before.pk != contact.pk:
        contact_duplicates.doubt(before, contact, reason=f"both are the member {user.email}")
    elif before is None and contact.user_id is None:
        Contact.objects.filter(pk=contact.pk, user=None).update(user=user)
        contact.user = user
    elif before is None and contact.user_id != user.pk:
        contact_duplicates.doubt(contact, _own(user), reason=f"{contact} is another member than {user.email}")
    return reported


def note_gone(external_id: str, *, provider: str, at: datetime) -> Contact | None:
    """Note that a provider's contact was deleted there; None where it is not known, or known to be there since."""
    for mapping in lookup.mappings(provider, {"contact": external_id}):
        known = ContactMapping.objects.filter(pk=mapping.pk, gone_at=None).exclude(reported_at__gt=at)
        return mapping.contact if known.update(gone_at=at) else None
    return None


def add_alias(contact: Contact, email: str, *, source: str) -> bool:
    """Let `email` mean this contact too; False where it means somebody already. Raises InvalidAddress."""
    return insert_once(ContactEmail(contact=contact, email=normalise_email(email), source=source[:200]))


def remove_alias(contact: Contact, email: str) -> bool:
    """Let `email` no longer mean this contact; False where it does not, or is the main address. Raises InvalidAddress.

    A report that names it as an alias again brings it back.
    """
    alias = normalise_email(email)
    rows = ContactEmail.objects.filter(contact=contact, email=alias)
    return alias != contact.email and bool(rows.delete()[0])


def _is_somebody_else(owner: Contact, identities: Mapping[str, str], provider: str) -> bool:
    """Return whether the owner of an address is another record there than the one with these ids, which are not known
    yet.
    """
    if not identities:
        return False
    return owner.mappings.filter(provider=provider, kind__in=list(identities), is_main=True).exists()


def _created(
    told: ContactReport, email: str, *, owner: Contact | None, user: User | None, provider: str, cause: Cause
) -> Contact | None:
    """A new contact with its ids, and its address unless that is `owner`'s; None where another worker was faster."""
    if user is None:
        forgotten.refuse(email=email, provider=provider, identities=told.identities)
    contact = Contact(user=user)
    contact_changes.begin(contact, told, email, provider=provider)
    contact.save()
    rows = [
        ContactMapping(contact=contact, provider=provider, kind=kind, external_id=external_id)
        for kind, external_id in told.identities.items()
    ]
    for record in rows[:1]:
        contact_changes.remember(record, told, email)
    unique: list[Model] = [*sorted(rows, key=lambda row: row.kind)]  # one order for all workers: no deadlock
    if email and owner is None:
        unique.append(ContactEmail(contact=contact, email=email, source=cause.text[:200]))
    if not all(insert_once(row) for row in unique):
        contact.delete()
        return None
    if owner is not None:
        contact_duplicates.doubt(owner, contact, reason=f"both have the address {email} ({cause.text})")
    _learn_aliases(contact, told.aliases, cause=cause)
    return contact


def _applied(
    contact: Contact,
    mappings: list[ContactMapping],
    told: ContactReport,
    email: str,
    *,
    provider: str,
    cause: Cause,
) -> ChangedContact:
    """`told` written on a contact that there is, whose row the caller holds."""
    for other in {row.contact_id: row.contact for row in mappings if row.contact_id != contact.pk}.values():
        contact_duplicates.doubt(contact, other, reason=f"ids of both stand in one report ({cause.text})")
    rows = _mapped(contact, mappings, told, provider=provider)
    record = rows[0] if rows else None
    is_stale = record is not None and record.reported_at is not None and record.reported_at > told.occurred_at
    was = record.last_synced_values.get("email") if record else email
    changes = contact_changes.bring(contact, record, told, email, provider=provider, cause=cause)
    if email and was != email:
        _own_address(contact, email, cause=cause)  # an older address too: it was theirs
    _learn_aliases(contact, told.aliases, cause=cause)
    changes += _tagged(contact, told, provider, listed_at=_listed_at(contact, told, provider))
    if record is not None:
        contact_changes.remember(record, told, email)
        record.save(update_fields=["reported_at", "last_synced_values", "last_synced_times", "offers", "gone_at"])
    is_stale = is_stale and not changes
    return ChangedContact(contact=contact, provider=provider, cause=cause, changed=tuple(changes), is_stale=is_stale)


def _mapped(
    contact: Contact, mappings: list[ContactMapping], told: ContactReport, *, provider: str
) -> list[ContactMapping]:
    """The contact's mappings for the ids of the report, in its order; ids that are new are noted."""
    known = {row.kind: row for row in mappings if row.contact_id == contact.pk}
    for kind, external_id in told.identities.items():
        if kind in known or any(row.kind == kind for row in mappings):
            continue
        row = ContactMapping(contact=contact, provider=provider, kind=kind, external_id=external_id)
        row.is_main = not contact.mappings.filter(provider=provider, kind=kind, is_main=True).exists()
        if insert_once(row):
            known[kind] = row
    return [known[kind] for kind in told.identities if kind in known]


def _own_address(contact: Contact, email: str, *, cause: Cause) -> None:
    """Let `email` mean this contact; where it means somebody else already, staff are asked."""
    if add_alias(contact, email, source=cause.text):
        return
    owner = lookup.with_email(email)
    if owner is not None:
        contact_duplicates.doubt(owner, contact, reason=f"both have the address {email} ({cause.text})")


def _learn_aliases(contact: Contact, aliases: Iterable[str], *, cause: Cause) -> None:
    """Keep a contact's further addresses; what is no address, or means somebody else or who was erased, is left out."""
    for alias in sorted({alias for alias in aliases if alias}):
        try:
            if forgotten.since(email=normalise_email(alias)) is None:
                add_alias(contact, alias, source=cause.text)
        except InvalidAddress:
            continue


def _listed_at(contact: Contact, told: ContactReport, provider: str) -> datetime | None:
    """Return when the provider last named all the tags of the contact, before this report.

    Not asked where it names none.
    """
    if not (told.tags or told.tags_added or told.tags_removed):
        return None
    known = (row.last_synced_times.get("tags") for row in contact.mappings.filter(provider=provider))
    newest = max(filter(None, known), default="")
    return datetime.fromisoformat(newest) if newest else None


def _tagged(contact: Contact, told: ContactReport, provider: str, *, listed_at: datetime | None = None) -> list[str]:
    return contact_tags.change(
        contact,
        provider=provider,
        at=told.occurred_at,
        whole=told.tags,
        added=told.tags_added,
        removed=told.tags_removed,
        listed_at=listed_at,
    )


def _own(user: User) -> Contact:
    """The contact of a member, made where there is none."""
    contact = Contact.objects.filter(user=user).first()
    if contact is None:
        contact = Contact.objects.create(
            user=user, email=user.email, first_name=user.first_name, last_name=user.last_name
        )
        insert_once(ContactEmail(contact=contact, email=user.email, source="account"))
    return contact
