"""Find a person's record at a provider before one is created: by e-mail, then by phone."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.people import lookup
from accounts.people.models import Contact
from integrations.contracts.exceptions import Permanent
from integrations.contracts.mirror import ContactApi, RemoteContact
from integrations.outbox.enqueue import RECORD


@dataclass(frozen=True, kw_only=True)
class SearchedPerson:
    """The values to search by: addresses in order, the main one first."""

    emails: Sequence[str] = ()
    phone: str = ""
    first_name: str = ""
    last_name: str = ""

    @classmethod
    def like(cls, contact: Contact) -> "SearchedPerson":
        aliases = list(contact.emails.order_by("pk").values_list("email", flat=True)) if contact.pk else []
        return cls(
            emails=list(dict.fromkeys(email for email in [contact.email, *aliases] if email)),
            phone=contact.phone,
            first_name=contact.first_name,
            last_name=contact.last_name,
        )


class OwnedByAnotherContact(Permanent):
    """The matching record is mapped to another contact; staff must say whether the two are one person."""

    def __init__(self, message: str, *, other: Contact) -> None:
        super().__init__(message)
        self.other = other


def find(person: SearchedPerson, book: ContactApi, *, provider: str) -> RemoteContact | None:
    """Return the remote record of a person; None where there is none.

    A number is shared in families: a record that has both another address and another name is another person. Raises
    OwnedByAnotherContact, and Permanent where several records match; Retryable as the book does.
    """
    for email in person.emails:
        if match := _single(book.with_email(email), person, provider=provider, by=f"the address {email}"):
            return match
    if not person.phone:
        return None
    matches = [record for record in book.with_phone(person.phone) if not _contradicts(record, person)]
    return _single(matches, person, provider=provider, by=f"the number {person.phone}")


def owner_of(provider: str, external_id: str) -> Contact | None:
    """Return the contact that a remote record is mapped to."""
    return lookup.find(provider=provider, identities={RECORD: external_id})


def _single(
    matches: Sequence[RemoteContact], person: SearchedPerson, *, provider: str, by: str
) -> RemoteContact | None:
    if not matches:
        return None
    owners = {record.external_id: owner_of(provider, record.external_id) for record in matches}
    free = [record for record in matches if owners[record.external_id] is None]
    if not free:
        external_id = matches[0].external_id
        other = owners[external_id]
        assert other is not None
        raise OwnedByAnotherContact(
            f"{by} is contact {external_id} there, who is {other} (contact {other.pk}) here: see possible duplicates",
            other=other,
        )
    if len(free) > 1:
        same_name = [record for record in free if _name_of(record) == (person.first_name, person.last_name)]
        if len(same_name) != 1:
            ids = ", ".join(record.external_id for record in free[:5])
            raise Permanent(f"{len(free)} contacts there have {by} ({ids}): merge them there, then retry")
        return same_name[0]
    return free[0]


def _contradicts(remote: RemoteContact, person: SearchedPerson) -> bool:
    email = remote.report.email.casefold()
    other_address = bool(email and person.emails) and email not in person.emails
    has_names = any(_name_of(remote)) and bool(person.first_name or person.last_name)
    return other_address and has_names and _name_of(remote) != (person.first_name, person.last_name)


def _name_of(remote: RemoteContact) -> tuple[str, str]:
    fields = remote.report.fields
    return str(fields.get("first_name") or ""), str(fields.get("last_name") or "")
