"""Contacts: whom a report is about, and what it changes. The only writer of contacts, their addresses and their ids.

Two people are never made one here: where an address and an id point to different contacts, both stay and staff decide
(`accounts.services.contact_duplicates`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts.addresses import InvalidAddress, normalise
from accounts.models import Contact, ContactEmail, ContactMapping, User
from accounts.models.insert_once import insert_once
from accounts.services import contact_duplicates, contact_tags
from accounts.services.cause import Cause
from accounts.services.contact_report import ContactReport, news, value_of, write

_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Reported:
    """What a report did. `changed` are the names of what is different now; `is_stale`: a newer one was here before."""

    contact: Contact
    created: bool = False
    changed: tuple[str, ...] = ()
    is_stale: bool = False


class Nobody(Exception):
    """The report names nobody: neither an id that is known nor an e-mail."""


def find(*, provider: str, identities: Mapping[str, str], email: str = "") -> Contact | None:
    """The contact with one of these ids, else with this address, main or alias; None where nobody has them."""
    for mapping in _mappings(provider, identities):
        return mapping.contact
    return with_email(email)


def with_email(email: str) -> Contact | None:
    """The contact whom this address means, in whatever case it is written; None for nobody or no address."""
    try:
        known = ContactEmail.objects.select_related("contact").filter(email=normalise(email)).first() if email else None
    except InvalidAddress:
        return None
    return known.contact if known else None


def report(told: ContactReport, *, provider: str, cause: Cause, user: User | None = None) -> Reported:
    """Bring the contact whom `told` is about to what it says; made, as `user`'s, where nobody is that person.

    A known id wins over the e-mail, so that somebody who changed their address stays the same contact. A report that is
    older than the last one of that record changes nothing. Two at once make one contact (unique constraints).

    Raises Nobody, InvalidAddress.
    """
    email = normalise(told.email) if told.email else ""
    for _try in range(_TRIES):
        with transaction.atomic(savepoint=False):
            mappings = _mappings(provider, told.identities)
            if mappings:
                return _applied(mappings[0].contact, mappings, told, email, provider=provider, cause=cause)
            owner = with_email(email)
            if owner is not None and not _is_somebody_else(owner, told.identities, provider):
                return _applied(owner, [], told, email, provider=provider, cause=cause)
            if not email and not told.identities:
                raise Nobody("neither an e-mail nor an id")
            contact = _created(told, email, owner=owner, user=user, provider=provider, cause=cause)
            if contact is not None:
                return Reported(contact=contact, created=True, changed=tuple(_tagged(contact, None, told, provider)))
    raise RuntimeError(f"{told.identities or email}: another worker makes and unmakes this contact")


def of_member(user: User, told: ContactReport, *, provider: str, cause: Cause, is_new: bool = False) -> Reported:
    """The contact who is the member `user`, brought to what `told` says; they are linked where neither is yet.

    `is_new`: the user was made just now, and is nobody's yet.
    """
    before = None if is_new else Contact.objects.filter(user=user).first()
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


def add_alias(contact: Contact, email: str, *, source: str) -> bool:
    """Let `email` mean this contact too; False where it means somebody already. Raises InvalidAddress."""
    return insert_once(ContactEmail(contact=contact, email=normalise(email), source=source[:200]))


def _mappings(provider: str, identities: Mapping[str, str]) -> list[ContactMapping]:
    """The known ones among these ids, in the order of `identities`."""
    if not identities:
        return []
    rows = ContactMapping.objects.select_related("contact").filter(
        provider=provider, kind__in=list(identities), external_id__in=list(identities.values())
    )
    order = list(identities)
    known = [row for row in rows if identities[row.kind] == row.external_id]
    return sorted(known, key=lambda row: order.index(row.kind))


def _is_somebody_else(owner: Contact, identities: Mapping[str, str], provider: str) -> bool:
    """Whether the owner of an address is another record there than the one with these ids, which are not known yet."""
    if not identities:
        return False
    return owner.mappings.filter(provider=provider, kind__in=list(identities), is_main=True).exists()


def _created(
    told: ContactReport, email: str, *, owner: Contact | None, user: User | None, provider: str, cause: Cause
) -> Contact | None:
    """A new contact with its ids, and its address unless that is `owner`'s; None where another worker was faster."""
    contact = Contact(user=user)
    write(contact, told.values(email))
    contact.save()
    rows = [
        ContactMapping(contact=contact, provider=provider, kind=kind, external_id=external_id)
        for kind, external_id in told.identities.items()
    ]
    for record in rows[:1]:
        _remember(record, told, told.values(email))
    unique: list[Model] = [*rows]
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
) -> Reported:
    """`told` written on a contact that there is."""
    contact = Contact.objects.select_for_update().get(pk=contact.pk)
    for other in {row.contact_id: row.contact for row in mappings if row.contact_id != contact.pk}.values():
        contact_duplicates.doubt(contact, other, reason=f"ids of both stand in one report ({cause.text})")
    rows = _mapped(contact, mappings, told, provider=provider)
    record = rows[0] if rows else None
    fresh = _fresh(record, told, email)
    changes = _changes(contact, record, fresh, cause=cause)
    _learn_aliases(contact, told.aliases, cause=cause)
    changes += _tagged(contact, record, told, provider)
    is_stale = record is not None and record.reported_at is not None and record.reported_at > told.occurred_at
    if record is not None and (fresh or not is_stale):
        _remember(record, told, fresh)
        record.save(update_fields=["reported_at", "tags_at", "told", "told_at", "offers"])
    return Reported(contact=contact, changed=tuple(changes), is_stale=is_stale and not fresh)


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


def _fresh(record: ContactMapping | None, told: ContactReport, email: str) -> dict[str, Any]:
    """What is told and no newer report has told of already, value by value: reports overtake each other."""
    moment = told.occurred_at.timestamp()
    known = record.told_at if record else {}
    return {name: value for name, value in told.values(email).items() if known.get(name, moment) <= moment}


def _changes(contact: Contact, record: ContactMapping | None, fresh: Mapping[str, Any], *, cause: Cause) -> list[str]:
    """Write what was changed there since it was last told; the names of what is different here now."""
    before = record.told if record else None
    changed = news({name: value_of(contact, name) for name in fresh}, fresh, before)
    email = fresh.get("email")
    if email and before is not None and before.get("email") != email:
        _own_address(contact, email, cause=cause)
    if changed:
        write(contact, changed)
        contact.updated_at = timezone.now()
        contact.save()
    return list(changed)


def _own_address(contact: Contact, email: str, *, cause: Cause) -> None:
    """Let `email` mean this contact; where it means somebody else already, staff are asked."""
    if add_alias(contact, email, source=cause.text):
        return
    owner = with_email(email)
    if owner is not None:
        contact_duplicates.doubt(owner, contact, reason=f"both have the address {email} ({cause.text})")


def _learn_aliases(contact: Contact, aliases: Iterable[str], *, cause: Cause) -> None:
    """Keep a contact's further addresses; what is no address, or means somebody else, is left out."""
    for alias in sorted({alias for alias in aliases if alias}):
        try:
            add_alias(contact, alias, source=cause.text)
        except InvalidAddress:
            continue


def _tagged(contact: Contact, record: ContactMapping | None, told: ContactReport, provider: str) -> list[str]:
    return contact_tags.change(
        contact,
        provider=provider,
        at=told.occurred_at,
        whole=told.tags,
        added=told.tags_added,
        removed=told.tags_removed,
        known_at=record.tags_at if record else None,
    )


def _remember(record: ContactMapping, told: ContactReport, fresh: Mapping[str, Any]) -> None:
    """Note on the provider's record what it was last told to be; not saved."""
    at = told.occurred_at
    record.told = record.told | fresh
    record.told_at = record.told_at | dict.fromkeys(fresh, at.timestamp())
    if record.reported_at is None or record.reported_at <= at:
        record.reported_at = at
        record.offers = record.offers if told.offers is None else list(map(dict, told.offers))
    if told.tags is not None and (record.tags_at is None or record.tags_at <= at):
        record.tags_at = at


def _own(user: User) -> Contact:
    """The contact of a member, made where there is none."""
    contact = Contact.objects.filter(user=user).first()
    if contact is None:
        contact = Contact.objects.create(
            user=user, email=user.email, first_name=user.first_name, last_name=user.last_name
        )
        insert_once(ContactEmail(contact=contact, email=user.email, source="account"))
    return contact
