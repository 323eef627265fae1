"""The address under which staff find an event: as it was told, else that of whoever it turned out to be about."""

from collections.abc import Iterable

from accounts.people import lookup
from accounts.people.models import Contact, User
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import (
    AboutSomebody,
    CompanyReported,
    ContactGone,
    ContactReported,
    Event,
    MembershipEvent,
)
from integrations.contracts.provider import Provider
from integrations.contracts.webhook import StoredWebhook
from integrations.handlers.context import Change


def told(events: Iterable[Event]) -> str:
    """Return the first e-mail that the events state, as it is searched for; "" where they state none."""
    return next((searchable(email) for event in events if (email := _email_of(event))), "")


def found(events: Iterable[Event], changes: Iterable[Change], *, provider: str) -> str:
    """Return the e-mail of whom the events were about, for events that name them by an id alone; "" for nobody known.

    To be called where they were handled: it is the contact of what they led to, else the one who has their ids here.
    """
    for change in changes:
        person = change.target if isinstance(change.target, Contact | User) else getattr(change.target, "contact", None)
        if person is not None and person.email:
            return str(person.email)
    for event in events:
        known = lookup.find(provider=provider, identities=identities) if (identities := _ids_of(event)) else None
        if known is not None and known.email:
            return known.email
    return ""


def claimed(webhook: StoredWebhook, provider: Provider) -> str:
    """Return the e-mail in a delivery that is not confirmed yet, by which staff find it should it never be.

    Nothing else is done with it, so whatever is wrong with the delivery is left to who processes it.
    """
    try:
        return told(provider.parse(webhook))
    except Exception:  # noqa: BLE001 (it is parsed again, once it is confirmed)
        return ""


def searchable(email: str) -> str:
    """Return an address in its stored form; what is none as it is, as far as it fits."""
    try:
        return normalise_email(email)
    except InvalidAddress:
        return email[:254]


def _email_of(event: Event) -> str:
    if isinstance(event, MembershipEvent):
        return event.buyer.email
    if isinstance(event, CompanyReported):
        return next((str(one["email"]) for one in event.administrators or () if one.get("email")), "")
    return str(getattr(event, "email", ""))


def _ids_of(event: Event) -> dict[str, str]:
    if isinstance(event, ContactGone):
        return {"contact": event.contact_id}
    return dict(event.identities) if isinstance(event, AboutSomebody | ContactReported) else {}
