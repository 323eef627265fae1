"""The e-mail address under which staff find an event: the one that it states, else that of its contact."""

from collections.abc import Iterable

from accounts.people import lookup
from accounts.people.models import Contact, User
from core.text import InvalidAddress, normalise_email
from integrations.contracts.events import AboutSomebody, CompanyReported, ContactGone, ContactReported, Event
from integrations.contracts.membership_events import MembershipEvent
from integrations.contracts.provider import Provider
from integrations.contracts.webhook import StoredWebhook
from integrations.handlers.context import Change


def stated_email(events: Iterable[Event]) -> str:
    """Return the first e-mail that the events state, in its stored form; one that is no address, as far as it fits.

    Returns "" where they state none.
    """
    for event in events:
        if isinstance(event, MembershipEvent):
            email = event.buyer.email
        elif isinstance(event, CompanyReported):
            email = next((str(row["email"]) for row in event.administrators or () if row.get("email")), "")
        else:
            email = str(getattr(event, "email", ""))
        if email:
            try:
                return normalise_email(email)
            except InvalidAddress:
                return email[:254]
    return ""


def unconfirmed(webhook: StoredWebhook, provider: Provider) -> tuple[str, frozenset[tuple[str, str]]]:
    """Return the e-mail and the ids, (kind, id), of the person in a delivery that is not confirmed yet.

    Nothing is applied, so whatever is wrong with the delivery is left to its processing.
    """
    try:
        events = provider.parse(webhook)
    except Exception:  # noqa: BLE001 (it is parsed again, once it is confirmed)
        return "", frozenset()
    people = [event.buyer if isinstance(event, MembershipEvent) else event for event in events]
    ids = {pair for person in people for pair in getattr(person, "identities", {}).items()}
    return stated_email(events), frozenset(ids)


def unconfirmed_email(webhook: StoredWebhook, provider: Provider) -> str:
    """Return the e-mail in a delivery that is not confirmed yet, by which staff find it should it never be."""
    return unconfirmed(webhook, provider)[0]


def known_email(events: Iterable[Event], changes: Iterable[Change], *, provider: str) -> str:
    """Return the e-mail of the contact whom the events changed, else of the one who has their ids; "" for nobody known.

    For events that name their person by an id alone, after they were handled.
    """
    for change in changes:
        person = change.target if isinstance(change.target, Contact | User) else getattr(change.target, "contact", None)
        if person is not None and person.email:
            return str(person.email)
    for event in events:
        if isinstance(event, ContactGone):
            identities = {"contact": event.contact_id}
        elif isinstance(event, AboutSomebody | ContactReported):
            identities = dict(event.identities)
        else:
            continue
        known = lookup.find(provider=provider, identities=identities) if identities else None
        if known is not None and known.email:
            return known.email
    return ""
