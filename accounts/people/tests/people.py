"""Reports about people as a provider would make them, and what the database holds of a contact afterwards."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.people import contact_duplicates, contacts
from accounts.people.contact_report import ContactReport
from accounts.people.models import Contact, ContactMapping, PossibleDuplicate, User
from accounts.people.outbound import ChangedContact
from core.cause import Cause

CAUSE = Cause(text="test")
JANE = "jane@example.com"
START = datetime.now(tz=UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=30)


def at(minutes: float) -> datetime:
    """A moment so many minutes after START, a day last month."""
    return START + timedelta(minutes=minutes)


def contact_report(
    email: str = JANE, *, minute: float = 0, ids: dict[str, str] | None = None, **parts: Any
) -> ContactReport:
    """A report of minute `minute`; `ids` are the identities, and what is no part of a report is a field."""
    known = ("aliases", "custom_fields", "tags", "tags_added", "tags_removed", "offers")
    fields = {name: value for name, value in parts.items() if name not in known}
    rest = {name: value for name, value in parts.items() if name in known}
    return ContactReport(occurred_at=at(minute), email=email, identities=ids or {}, fields=fields, **rest)


def report(email: str = JANE, *, provider: str = "kajabi", **parts: Any) -> ChangedContact:
    return contacts.apply_report(contact_report(email, **parts), provider=provider, cause=CAUSE)


def person(email: str = JANE, **parts: Any) -> Contact:
    """The contact that a report makes, as it is in the database."""
    return Contact.objects.get(pk=report(email, **parts).contact.pk)


def known_as(user: User, kind: str, external_id: str, provider: str = "kajabi") -> ContactMapping:
    """The id of a member at a provider, on their contact."""
    contact = contacts.of_member(user)
    return ContactMapping.objects.create(contact=contact, provider=provider, kind=kind, external_id=external_id)


def possible_duplicate(one: Contact, another: Contact, reason: str = "both have one phone") -> Any:
    """The open question whether two are one."""
    question = contact_duplicates.flag(one, another, reason=reason)
    assert question is not None
    return PossibleDuplicate.objects.get(pk=question.pk)


def columns(contact: Contact, *names: str) -> list[Any]:
    """Return the values of these columns in the database."""
    contact.refresh_from_db()
    return [getattr(contact, name) for name in names]


def addresses(contact: Contact) -> list[str]:
    return sorted(contact.emails.values_list("email", flat=True))


def ids(contact: Contact) -> list[str]:
    return sorted(map(str, contact.mappings.all()))


def tags(contact: Contact) -> list[str]:
    return sorted(contact.tag_rows.filter(is_present=True).values_list("tag__name", flat=True))


def record(kind: str, external_id: str, provider: str = "kajabi") -> ContactMapping:
    return ContactMapping.objects.get(provider=provider, kind=kind, external_id=external_id)
