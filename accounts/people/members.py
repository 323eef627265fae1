"""Members: finding the user whom a provider's event names, and creating one where there is none."""

from dataclasses import dataclass
from datetime import datetime

from accounts.people import contacts, forgotten, lookup
from accounts.people.contact_report import ContactReport
from accounts.people.lookup import Match, NeedsStaff
from accounts.people.models import Contact, ContactMapping, User
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.insert_once import insert_once
from core.phrases import CODE, Phrase
from core.text import clean_name, normalise_email

_STAFF = Phrase("{email} is a staff account and is never matched automatically; grant the plan by hand")
_LOCKED = Phrase("{email} is locked; unlock the user, then retry")
ANOTHER_CUSTOMER = Phrase(
    "conflict: {email} is {provider} {kind} {known}, this event says {said};"
    " remove the wrong id from the contact, then retry",
    provider=CODE,
    kind=CODE,
)


@dataclass(frozen=True, kw_only=True)
class Member:
    user: User
    created: bool


@dataclass(frozen=True, kw_only=True)
class ReportedMember(Member):
    """A member, and what the report changed of their contact, to be handed over by the caller."""

    reported: ChangedContact


def find_or_create(
    report: ContactReport, *, provider: str, cause: Cause, bought_at: datetime | None = None, found: Match | None = None
) -> ReportedMember:
    """Return the member whom `report` names, created with their contact and without a password where there is none.

    Whom its ids and its address mean is decided by `lookup.match`. An existing user is never changed: neither e-mail,
    name, password, flags nor session. Two workers at once make one user (unique constraints). Inside a transaction.
    `bought_at`: when the person paid, where the event is a payment. `found`: whom the report means, as found and held
    in this transaction.

    Raises InvalidAddress; NeedsStaff where several members are meant, the one who is meant is staff or locked, or is
    another customer there; PersonForgotten where there is no member because they were erased, and have not paid since.
    """
    email = normalise_email(report.email)
    sought = {"provider": provider, "email": email}
    found = found or lookup.match(identities=report.identities, hold=True, **sought)
    user, is_new = found.member, False
    if user is None:
        forgotten.refuse(email=email, provider=provider, identities=report.identities, bought_at=bought_at)
        names = {name: clean_name(str(report.fields.get(name) or "")) for name in ("first_name", "last_name")}
        user = User(email=email, auth_provider=provider, **names)
        user.set_unusable_password()
        is_new = insert_once(user)
        if not is_new:  # another worker was faster
            found = lookup.match(identities=report.identities, hold=True, **sought)
            user = found.member or User.objects.get(email=email)
    if user.is_staff or user.is_superuser:
        raise NeedsStaff(_STAFF(email=user.email))
    if not user.is_active:
        raise NeedsStaff(_LOCKED(email=user.email))
    if not is_new:
        _refuse_another_customer(user, report.identities, found, provider=provider)
    reported = contacts.apply_member_report(user, report, provider=provider, cause=cause, is_new=is_new, found=found)
    return ReportedMember(user=user, created=is_new, reported=reported)


def refuse_conflict(found: Match, identities: lookup.Ids, *, provider: str) -> None:
    """Raise NeedsStaff where these ids and the address of `found` mean several members, or another customer."""
    if (user := found.member) is not None:
        _refuse_another_customer(user, identities, found, provider=provider)


def _refuse_another_customer(user: User, identities: lookup.Ids, found: Match, *, provider: str) -> None:
    """Raise NeedsStaff where the member has another id of a kind that is named: two customers have one address."""
    own = {row.kind for row in found.records if row.contact.user_id == user.pk}
    kinds = [kind for kind in identities if kind not in own]
    if not kinds:
        return
    contact = found.contact_of(user) or Contact.objects.filter(user=user).first()
    rows = ContactMapping.objects.filter(contact=contact, provider=provider, kind__in=kinds, is_main=True)
    known = rows.order_by("pk") if contact else []
    # Another worker may have stored the very ids since they were looked up.
    other = next((row for row in known if row.external_id != identities[row.kind]), None)
    if other is not None:
        raise NeedsStaff(
            ANOTHER_CUSTOMER(
                email=user.email,
                provider=provider,
                kind=other.kind,
                known=other.external_id,
                said=identities[other.kind],
            )
        )
