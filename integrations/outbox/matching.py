"""Finding somebody's record at a provider before one is made: by the id we know, then by e-mail, then by phone."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.people import lookup
from accounts.people.models import Contact
from integrations.contracts.exceptions import Permanent
from integrations.contracts.mirror import ContactApi, RemoteContact
from integrations.outbox.enqueue import RECORD


@dataclass(frozen=True, kw_only=True)
class Sought:
    """Whom to look for: addresses in order, the main one first."""

    emails: Sequence[str] = ()
    phone: str = ""
    first_name: str = ""
    last_name: str = ""

    @classmethod
    def like(cls, contact: Contact) -> "Sought":
        aliases = list(contact.emails.order_by("pk").values_list("email", flat=True)) if contact.pk else []
        return cls(
            emails=list(dict.fromkeys(email for email in [contact.email, *aliases] if email)),
            phone=contact.phone,
            first_name=contact.first_name,
            last_name=contact.last_name,
        )


class SomebodyElse(Permanent):
    """The record that was found is another contact of ours; staff must say whether the two are one person."""

    def __init__(self, message: str, *, other: Contact) -> None:
        super().__init__(message)
        self.other = other


def find(sought: Sought, book: ContactApi, *, provider: str) -> RemoteContact | None:
    """Return the one record that is this person; None for nobody.

    A number is shared in families: a record that has both another address and another name is somebody else. Raises
    SomebodyElse, and Permanent where several records could be meant; Retryable as the book does.
    """
    for email in sought.emails:
        if found := _one_of(book.with_email(email), sought, provider=provider, by=f"the address {email}"):
            return found
    if not sought.phone:
        return None
    with_number = [one for one in book.with_phone(sought.phone) if not _contradicts(one, sought)]
    return _one_of(with_number, sought, provider=provider, by=f"the number {sought.phone}")


def owner_of(provider: str, external_id: str) -> Contact | None:
    """The contact of ours who is this record, if anybody is."""
    return lookup.find(provider=provider, identities={RECORD: external_id})


def _one_of(found: Sequence[RemoteContact], sought: Sought, *, provider: str, by: str) -> RemoteContact | None:
    if not found:
        return None
    owners = {one.external_id: owner_of(provider, one.external_id) for one in found}
    free = [one for one in found if owners[one.external_id] is None]
    if not free:
        taken = found[0].external_id
        other = owners[taken]
        assert other is not None
        raise SomebodyElse(
            f"{by} is contact {taken} there, who is {other} (contact {other.pk}) here: see possible duplicates",
            other=other,
        )
    if len(free) > 1:
        named_alike = [one for one in free if _name_of(one) == (sought.first_name, sought.last_name)]
        if len(named_alike) != 1:
            ids = ", ".join(one.external_id for one in free[:5])
            raise Permanent(f"{len(free)} contacts there have {by} ({ids}): merge them there, then retry")
        return named_alike[0]
    return free[0]


def _contradicts(theirs: RemoteContact, sought: Sought) -> bool:
    email = theirs.report.email.casefold()
    other_address = bool(email and sought.emails) and email not in sought.emails
    has_names = any(_name_of(theirs)) and bool(sought.first_name or sought.last_name)
    return other_address and has_names and _name_of(theirs) != (sought.first_name, sought.last_name)


def _name_of(theirs: RemoteContact) -> tuple[str, str]:
    fields = theirs.report.fields
    return str(fields.get("first_name") or ""), str(fields.get("last_name") or "")
