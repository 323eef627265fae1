"""Split a contact of which two people's records were made one by mistake."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.people.contact_changes import decide
from accounts.people.contact_report import EMPTY, set_values, value_of
from accounts.people.contacts import add_alias, remove_alias
from accounts.people.models import Contact, ContactChange, ContactMapping, PossibleDuplicate
from accounts.people.outbound import ChangedContact
from core.cause import Cause
from core.insert_once import insert_once
from core.text import email_or_empty


def split(
    contact: Contact, mapping: ContactMapping, values: Mapping[str, Any], *, since: datetime, cause: Cause
) -> tuple[Contact, ChangedContact]:
    """Give a record that was mapped to `contact` by mistake to a contact of its own; return that, and what changed.

    `values` are the record's own. What `contact` took from it `since` then goes back to what it had, unless it changed
    again; an address that is the record's moves with it. The two are remembered as different people. Inside a
    transaction that holds the contact's row; the caller hands over what is returned.
    """
    taken = ContactChange.objects.filter(
        contact=contact,
        provider=mapping.provider,
        kind__in=[ContactChange.Kind.CHANGED, ContactChange.Kind.WON],
        recorded_at__gte=since,
    )
    former: dict[str, Any] = {}
    newest: dict[str, Any] = {}
    for change in taken.order_by("pk"):
        former.setdefault(change.name, "" if change.before is None else change.before)
        newest[change.name] = change.after
    restored = {name: value for name, value in former.items() if value_of(contact, name) == newest[name]}
    if restored.get("email") in EMPTY:
        restored.pop("email", None)  # a contact is not left without its address
    changed = decide(contact, restored, cause=cause)

    other = Contact()
    own = {name: value for name, value in values.items() if name != "email"}
    if email := _moved_address(contact, str(values.get("email") or "")):
        own["email"] = email
    set_values(other, own, provider=mapping.provider, at=timezone.now())
    other.save()
    if email:
        add_alias(other, email, source=cause.text)
    ContactMapping.objects.filter(pk=mapping.pk).update(contact=other, is_main=True)
    first, second = sorted((contact, other), key=lambda one: one.pk)
    insert_once(
        PossibleDuplicate(
            contact=first,
            other=second,
            other_name=str(second)[:300],
            reason=cause.text[:300],
            status=PossibleDuplicate.Status.APART,
            decided_at=timezone.now(),
            staff=cause.staff,
        )
    )
    return other, changed or ChangedContact(contact=contact, provider="", cause=cause)


def _moved_address(contact: Contact, email: str) -> str:
    """Return the address that the other person gets: none where it is the contact's own, or somebody else's."""
    address = email_or_empty(email)
    if not address or address == contact.email:
        return ""
    remove_alias(contact, address)
    return "" if Contact.objects.filter(emails__email=address).exists() else address
