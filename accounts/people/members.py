"""Members: finding the user whom a provider's event names, and creating one where there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from accounts.people import forgotten, lookup
from accounts.people.models import ExternalIdentity, User
from core.insert_once import insert_once
from core.text import clean_name, normalise_email


class NeedsStaff(Exception):
    """A person must decide; the message says what about."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody as a provider names them. `identities`: kind of id → id, for example {"customer": "981"}."""

    email: str
    first_name: str = ""
    last_name: str = ""
    identities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Member:
    user: User
    created: bool


def find_or_create(person: Person, *, provider: str, bought_at: datetime | None = None) -> Member:
    """Return the member whom `person` names, created without a password where there is none.

    Known ids win over the e-mail, so that somebody who changed their address at the provider stays the same member. An
    existing user is never changed: neither e-mail, name, password, flags nor session. Two workers at once make one user
    (unique constraints). `bought_at`: when the person paid, where the event is a payment.

    Raises InvalidAddress; NeedsStaff where the address is a staff user's, is locked, or belongs to another customer
    there; PersonForgotten where there is no member because they were erased, and have not paid since.
    """
    email = normalise_email(person.email)
    identities = {kind: external_id for kind, external_id in person.identities.items() if external_id}
    by_id = lookup.users(provider, identities)
    if len(by_id) > 1:
        emails = ", ".join(sorted(user.email for user in by_id))
        raise NeedsStaff(f"conflict: the ids in this event belong to several users ({emails})")
    by_email = User.objects.filter(email=email).first()
    user = by_id[0] if by_id else by_email
    if user is not None and by_email is not None and user != by_email:
        raise NeedsStaff(f"conflict: the id belongs to {user.email}, the e-mail to {by_email.email}")

    is_new = False
    if user is None:
        forgotten.refuse(email=email, provider=provider, identities=identities, bought_at=bought_at)
        names = {"first_name": clean_name(person.first_name), "last_name": clean_name(person.last_name)}
        user = User(email=email, auth_provider=provider, **names)
        user.set_unusable_password()
        is_new = insert_once(user)
        if not is_new:
            user = User.objects.get(email=email)  # another worker was faster
    if user.is_staff or user.is_superuser:
        raise NeedsStaff(f"{user.email} is a staff account and is never matched automatically; grant the plan by hand")
    if not user.is_active:
        raise NeedsStaff(f"{user.email} is locked; unlock the user, then retry")

    # Ids that are new are stored; another id of a kind that is known is another customer.
    known = {} if is_new else {row.kind: row.external_id for row in user.identities.filter(provider=provider)}
    for kind, external_id in identities.items():
        if kind not in known:
            insert_once(ExternalIdentity(user=user, provider=provider, kind=kind, external_id=external_id))
        elif known[kind] != external_id:
            raise NeedsStaff(
                f"conflict: {user.email} is {provider} {kind} {known[kind]}, this event says {external_id}; "
                "remove the wrong identity from the user, then retry"
            )
    return Member(user=user, created=is_new)
