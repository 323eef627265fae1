"""Contacts: matching reports to them, and applying these. The only writer of contacts, their addresses and their ids.

Two people are never made one here: where an address and an id point to different contacts, both stay and staff decide
(`accounts.people.contact_duplicates`).
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Model

from accounts.people import contact_changes, contact_duplicates, contact_tags, forgotten, lookup
from accounts.people.contact_report import EMPTY, ContactReport, set_values
from accounts.people.lookup import Match
from accounts.people.models import Contact, ContactEmail, ContactMapping, User
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.insert_once import insert_once
from core.phrases import TEXT, Phrase
from core.text import normalise_email

_NOBODY = Phrase("neither an e-mail nor an id")
_ONE_MEMBER = Phrase("both are the member {email}")
_ANOTHER_MEMBER = Phrase("{contact} is another member than {email}")
_ONE_ADDRESS = Phrase("both have the address {email}")
_ONE_ADDRESS_BY = Phrase("both have the address {email} ({cause})", cause=TEXT)
_ONE_REPORT = Phrase("ids of both stand in one report ({cause})", cause=TEXT)

_TRIES = 5
_REPORTED = (
    *("reported_at", "last_synced_values", "last_synced_times", "offers", "accepted"),
    *("left_out", "left_out_at", "gone_at", "deletion"),
)


class Unidentified(Exception):
    """The report names nobody: neither an id that is known nor an e-mail."""


def apply_report(
    report: ContactReport,
    *,
    provider: str,
    cause: Cause,
    user: User | None = None,
    own: Contact | None = None,
    found: Match | None = None,
) -> ChangedContact:
    """Apply a report to its contact, which is created, as `user`'s, where there is none.

    `own`: whom it is about where its ids and address mean nobody else. `found`: whom they mean, as `lookup.match`
    found and held it in this transaction.

    A known id wins over the e-mail, so that somebody who changed their address stays the same contact. Of each value
    the newest report of that record holds. Two at once make one contact (unique constraints).

    Raises Unidentified, InvalidAddress; PersonForgotten where there is no contact because the person was erased.
    """
    email = normalise_email(report.email) if report.email else ""
    ids = report.identities
    if not email and not ids:
        raise Unidentified(_NOBODY())
    for _try in range(_TRIES):
        with transaction.atomic(savepoint=False):
            found = found or lookup.match(provider=provider, identities=ids, email=email, hold=True)
            if found.records:
                known = list(found.records)
                return _update(known[0].contact, known, report, email, provider=provider, cause=cause)
            owner, found = found.owner, None  # asked anew where this try fails
            # The owner of the address may be another record there than the one with these ids, which are not known yet;
            # where their own record is gone, this one is its successor.
            is_another = owner is not None and bool(ids) and _has_record(owner, provider, ids)
            has_evidence = report.aliases or report.phones or report.fields.get("phone")
            if owner is None and own is None and ids and has_evidence:
                own = _of_gone_record(report, provider, ids)
            target = own if owner is None or is_another else owner
            if target is not None:
                held = Contact.objects.select_for_update().filter(pk=target.pk).first()
                if held is None or lookup.match(provider=provider, identities=ids).records:
                    continue  # merged away, or reported by another worker while this one waited
                if owner is None and email:
                    add_alias(held, email, source=cause.text)
                return _update(held, [], report, email, provider=provider, cause=cause)
            contact = _create(report, email, owner=owner, user=user, provider=provider, cause=cause)
            if contact is not None:
                tags = tuple(contact_tags.apply(contact, report, provider=provider))
                return ChangedContact(
                    contact=contact,
                    provider=provider,
                    cause=cause,
                    created=True,
                    changed=tags,
                    new_ids=tuple(ids.values()),
                )
    raise RuntimeError(f"{ids or email}: another worker makes and unmakes this contact")


def apply_member_report(
    user: User,
    report: ContactReport,
    *,
    provider: str,
    cause: Cause,
    is_new: bool = False,
    found: Match | None = None,
) -> ChangedContact:
    """Apply a report to the contact of the member `user`; contact and login are linked where neither is yet.

    `is_new`: the user was made just now, and is nobody's yet. `found`: as for `apply_report`.
    """
    before = None if is_new else (found and found.contact_of(user)) or Contact.objects.filter(user=user).first()
    if before is None and not is_new:
        # Two at once would each make one: the second waits here, and finds the first one's.
        User.objects.select_for_update().get(pk=user.pk)
        before = Contact.objects.filter(user=user).first()
    changed = apply_report(
        report, provider=provider, cause=cause, user=user if before is None else None, own=before, found=found
    )
    contact = changed.contact
    if before is not None and before.pk != contact.pk:
        contact_duplicates.flag(before, contact, reason=_ONE_MEMBER(email=user.email))
    elif before is None and contact.user_id is None:
        Contact.objects.filter(pk=contact.pk, user=None).update(user=user)
        contact.user = user
    elif before is None and contact.user_id != user.pk:
        contact_duplicates.flag(contact, of_member(user), reason=_ANOTHER_MEMBER(contact=contact, email=user.email))
    return changed


def note_gone(external_id: str, *, provider: str, at: datetime) -> ContactMapping | None:
    """Note that a provider deleted its contact, and return the mapping; None where it is not known, noted already, or
    reported since. Inside a transaction, which holds the contact's row from now on.
    """
    for mapping in lookup.match(provider=provider, identities={"contact": external_id}, hold=True).records:
        if mapping.gone_at is None and (mapping.reported_at is None or mapping.reported_at <= at):
            mapping.gone_at = at
            mapping.save(update_fields=["gone_at"])
            return mapping
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


def _create(
    report: ContactReport, email: str, *, owner: Contact | None, user: User | None, provider: str, cause: Cause
) -> Contact | None:
    """Create a contact with its ids, and its address unless that is `owner`'s; None where another worker was faster."""
    if user is None:
        forgotten.refuse(email=email, provider=provider, identities=report.identities)
    contact = Contact(user=user)
    filled = {name: value for name, value in report.values(email).items() if value not in EMPTY}
    set_values(contact, filled, provider=provider, at=min(report.changed_at or report.occurred_at, report.occurred_at))
    contact.save()
    mappings = [
        ContactMapping(contact=contact, provider=provider, kind=kind, external_id=external_id)
        for kind, external_id in report.identities.items()
    ]
    if mappings:
        contact_changes.note_report(mappings[0], report, email)
    unique: list[Model] = [*sorted(mappings, key=lambda row: row.kind)]  # one order for all workers: no deadlock
    if email and owner is None:
        unique.append(ContactEmail(contact=contact, email=email, source=cause.text[:200]))
    if not all(insert_once(row) for row in unique):
        contact.delete()
        return None
    if owner is not None:
        contact_duplicates.flag(owner, contact, reason=_ONE_ADDRESS_BY(email=email, cause=cause.text))
    _add_further(contact, report, cause=cause)
    return contact


def _update(
    contact: Contact, known: list[ContactMapping], report: ContactReport, email: str, *, provider: str, cause: Cause
) -> ChangedContact:
    """Apply a report to an existing contact, whose row the caller holds; `known` are the mappings of its ids."""
    for other in {row.contact_id: row.contact for row in known if row.contact_id != contact.pk}.values():
        contact_duplicates.flag(contact, other, reason=_ONE_REPORT(cause=cause.text))
    own = {row.kind: row for row in known if row.contact_id == contact.pk}
    new_ids = []
    for kind, external_id in report.identities.items():
        if any(row.kind == kind for row in known):
            continue
        row = ContactMapping(contact=contact, provider=provider, kind=kind, external_id=external_id)
        main = contact.mappings.filter(provider=provider, kind=kind, is_main=True).first()
        row.is_main = main is None or main.gone_at is not None
        predecessor = contact.mappings.filter(pk=main.pk) if main is not None and row.is_main else None
        if predecessor is not None:
            row.take_over(main)
            predecessor.update(is_main=False)
        if insert_once(row):
            own[kind] = row
            new_ids.append(external_id)
        elif predecessor is not None:
            predecessor.update(is_main=True)
    mapping = next((own[kind] for kind in report.identities if kind in own), None)
    is_stale = mapping is not None and mapping.reported_at is not None and mapping.reported_at > report.occurred_at
    last_email = mapping.last_synced_values.get("email") if mapping else email

    changes = contact_changes.apply(contact, mapping, report, email, provider=provider, cause=cause)
    if email and last_email != email:
        _claim_address(contact, email, cause=cause)  # an older address too: it was this person's
    _add_further(contact, report, cause=cause)

    listed_at = None
    if report.tags or report.tags_added or report.tags_removed:
        times = [row.last_synced_times.get("tags", "") for row in contact.mappings.filter(provider=provider)]
        listed_at = datetime.fromisoformat(newest) if (newest := max(times, default="")) else None
    changes += contact_tags.apply(contact, report, provider=provider, listed_at=listed_at)
    if mapping is not None:
        contact_changes.note_report(mapping, report, email)
        mapping.save(update_fields=_REPORTED)
    return ChangedContact(
        contact=contact,
        provider=provider,
        cause=cause,
        changed=tuple(changes),
        new_ids=tuple(new_ids),
        is_stale=is_stale and not changes,
    )


def _of_gone_record(report: ContactReport, provider: str, kinds: Iterable[str]) -> Contact | None:
    """Return the contact who is surely this person and whose record of such a kind is gone: this one took it in.

    By an address, else by a number and the name, of one contact only.
    """
    for alias in report.aliases:
        contact = lookup.with_email(alias)
        if contact is not None and not _has_record(contact, provider, kinds):
            return contact if _has_lost_record(contact, provider, kinds) else None
    same = lookup.with_number_and_name(report.numbers, report.name)
    lost = [contact for contact in same if _has_lost_record(contact, provider, kinds)]
    return lost[0] if len(lost) == 1 and not _has_record(lost[0], provider, kinds) else None


def _has_lost_record(contact: Contact, provider: str, kinds: Iterable[str]) -> bool:
    return contact.mappings.filter(provider=provider, kind__in=list(kinds)).exclude(gone_at=None).exists()


def _has_record(contact: Contact, provider: str, kinds: Iterable[str]) -> bool:
    """Return whether a main record of one of these kinds is known that is not gone."""
    return contact.mappings.filter(provider=provider, kind__in=list(kinds), is_main=True, gone_at=None).exists()


def _claim_address(contact: Contact, email: str, *, cause: Cause) -> None:
    """Let `email` mean this contact; where it means somebody else already, flag both as possible duplicates."""
    if add_alias(contact, email, source=cause.text):
        return
    owner = lookup.with_email(email)
    if owner is not None:
        contact_duplicates.flag(owner, contact, reason=_ONE_ADDRESS_BY(email=email, cause=cause.text))


def _add_further(contact: Contact, report: ContactReport, *, cause: Cause) -> None:
    """Store a contact's further addresses and numbers, without addresses of a person who was erased.

    An address that means somebody else already stays theirs, and both are flagged as possible duplicates.
    """
    if report.aliases:
        aliases = set(report.aliases) - set(contact.emails.values_list("email", flat=True))
        erased = forgotten.among(("email", alias) for alias in aliases)
        for alias in sorted(aliases):
            if ("email", alias) not in erased:
                _claim_address(contact, alias, cause=cause)
    if report.phones:
        contact_changes.add_phones(contact, report.phones, cause=cause)


def of_member(user: User) -> Contact:
    """Return the contact of a member: where there is none, the one with their address who is nobody's, or a new one."""
    contact = Contact.objects.filter(user=user).first()
    if contact is not None:
        return contact
    owner = lookup.with_email(user.email)
    if owner is not None and Contact.objects.filter(pk=owner.pk, user=None).update(user=user):
        owner.user = user
        return owner
    contact = Contact(user=user, email=user.email, first_name=user.first_name, last_name=user.last_name)
    if not insert_once(contact):
        return Contact.objects.get(user=user)  # another worker was faster
    if not add_alias(contact, user.email, source="account") and owner is not None:
        contact_duplicates.flag(owner, contact, reason=_ONE_ADDRESS(email=user.email))
    return contact
