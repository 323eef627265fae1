"""Find a person's record at a provider before one is created, and judge whether a record is this person's.

Evidence is an equal address, in any column of either side, or an equal number together with an equal name. A number
alone proves nothing, since families and offices share one, and an absent value agrees with nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.people import contact_duplicates, lookup
from accounts.people.contact_report import value_of
from accounts.people.lookup import name_key
from accounts.people.models import Contact
from core.field_names import custom
from core.phrases import KNOWN, Kind, Phrase
from integrations.contracts.exceptions import Permanent
from integrations.contracts.mirror import ContactApi, RemoteContact
from integrations.outbox.enqueue import RECORD
from integrations.outbox.numbers import phones_of


class _RecordThere(Kind):
    """A remote record as `described` has it: the names are the provider's, the rest is in the reader's language."""

    _FORM = re.compile(r"(?P<names>.*) \(id (?P<id>\S+) there\)", re.DOTALL)

    def shown(self, text: str) -> str:
        found = self._FORM.fullmatch(text)
        return gettext("%(names)s (id %(id)s there)") % found.groupdict() if found else text


RECORD_THERE = _RecordThere()
_BY_ADDRESS = Phrase("the address {email}")
_BY_NUMBER = Phrase("the name and the number {numbers}")
_OF_ANOTHER = Phrase.worded(
    "{by} is contact {id} there, who is {name} (contact {key}) here: see possible duplicates",
    _("Already there as {name} ({id}). Same person?"),
    by=KNOWN,
)
_SEVERAL = Phrase.worded(
    "{count} contacts there have {by} ({ids}): merge them there, then retry",
    _("{count} contacts there are this person ({ids}): merge them there, then retry"),
    by=KNOWN,
)
_NOT_PROVEN = Phrase.worded(
    "{record} has the number, and nothing proves that they are the same",
    _("The record was deleted there. Is it {record} now? Merge them there, then retry, or skip"),
    record=RECORD_THERE,
)

SEARCH_LAG = timedelta(seconds=60)  # what was written or merged is found by a search by then
_COMPANY = custom("company")


@dataclass(frozen=True, kw_only=True)
class SearchedPerson:
    """The values to search by: addresses and numbers in order, the main one first. `name` as `name_key` has it.

    `apart` are the keys of contacts that staff told from this person: their records never match. `key` is the person's
    own, None where they are no contact yet: a record that is theirs already comes first.
    """

    emails: Sequence[str] = ()
    phones: Sequence[str] = ()
    name: tuple[str, ...] = ()
    apart: frozenset[int] = frozenset()
    key: int | None = None

    @classmethod
    def like(cls, contact: Contact) -> "SearchedPerson":
        aliases = list(contact.emails.order_by("pk").values_list("email", flat=True)) if contact.pk else []
        return cls(
            emails=list(dict.fromkeys(email for email in [contact.email, *aliases] if email)),
            phones=phones_of(contact),
            name=name_key(contact.first_name, contact.last_name, company=value_of(contact, _COMPANY)),
            apart=contact_duplicates.told_apart(contact) if contact.pk else frozenset(),
            key=contact.pk,
        )


class OwnedByAnotherContact(Permanent):
    """The matching record is mapped to another contact; staff must say whether the two are one person."""

    def __init__(self, message: str, *, other: Contact) -> None:
        super().__init__(message)
        self.other = other


def is_of(remote: RemoteContact, person: SearchedPerson) -> bool:
    """Return whether a record is surely this person's."""
    return _has_address(remote, person) or _has_number_and_name(remote, person)


def find(person: SearchedPerson, book: ContactApi, *, provider: str, asks: bool = False) -> RemoteContact | None:
    """Return the remote record of a person; None where there is none.

    Raises OwnedByAnotherContact, and Permanent where several records match, or where one `asks` about records of
    nobody that have only the number; Retryable as the book does.
    """
    if not person.emails and not person.phones:
        return None
    found = book.search(emails=person.emails, phones=person.phones)
    for email in person.emails:
        same = [remote for remote in found if email in remote.emails]
        if match := _single(same, person, provider=provider, by=_BY_ADDRESS(email=email)):
            return match
    same = [remote for remote in found if _has_number_and_name(remote, person)]
    match = _single(same, person, provider=provider, by=_BY_NUMBER(numbers=", ".join(person.phones)))
    weak = [remote for remote in found if owner_of(provider, remote.external_id) is None] if asks else []
    if match is None and weak:
        raise Permanent(_NOT_PROVEN(record=described(weak[0])))
    return match


def absent(people: Sequence[SearchedPerson], book: ContactApi) -> list[SearchedPerson]:
    """Return those of whom there is no trace at the provider: no record has an address or a number of theirs."""
    emails = [email for person in people for email in person.emails]
    phones = [phone for person in people for phone in person.phones]
    known: set[str] = set()
    for remote in book.search(emails=list(dict.fromkeys(emails)), phones=list(dict.fromkeys(phones))):
        known.update(remote.emails, remote.phones)
    return [person for person in people if known.isdisjoint((*person.emails, *person.phones))]


def owner_of(provider: str, external_id: str) -> Contact | None:
    """Return the contact that a remote record is mapped to."""
    return lookup.find(provider=provider, identities={RECORD: external_id})


def described(remote: RemoteContact) -> str:
    """Return a remote record in a line for staff: name, address and number, as far as it has them, and id."""
    fields = remote.report.fields
    name = f"{fields.get('first_name') or ''} {fields.get('last_name') or ''}".strip()
    parts = [part for part in (name, remote.report.email, *remote.phones[:1]) if part]
    return f"{', '.join(parts) or '–'} (id {remote.external_id} there)"


def _single(
    matches: Sequence[RemoteContact], person: SearchedPerson, *, provider: str, by: str
) -> RemoteContact | None:
    owners = {record.external_id: owner_of(provider, record.external_id) for record in matches}
    matches = [one for one in matches if (owner := owners[one.external_id]) is None or owner.pk not in person.apart]
    if not matches:
        return None
    for record in matches:
        owner = owners[record.external_id]
        if owner is not None and owner.pk == person.key:
            return record  # it was taken for deleted, or is there again
    free = [record for record in matches if owners[record.external_id] is None]
    if not free:
        external_id = matches[0].external_id
        other = owners[external_id]
        assert other is not None
        raise OwnedByAnotherContact(
            _OF_ANOTHER(by=by, id=external_id, name=other, key=other.pk),
            other=other,
        )
    if len(free) > 1:
        same_name = [record for record in free if person.name and _name_of(record) == person.name]
        if len(same_name) != 1:
            ids = ", ".join(record.external_id for record in free[:5])
            raise Permanent(_SEVERAL(count=len(free), by=by, ids=ids))
        return same_name[0]
    return free[0]


def _has_address(remote: RemoteContact, person: SearchedPerson) -> bool:
    return bool(set(remote.emails) & set(person.emails))


def _has_number_and_name(remote: RemoteContact, person: SearchedPerson) -> bool:
    name = _name_of(remote)
    return bool(name) and name == person.name and bool(set(remote.phones) & set(person.phones))


def _name_of(remote: RemoteContact) -> tuple[str, ...]:
    fields, company = remote.report.fields, remote.report.custom_fields.get("company")
    return name_key(fields.get("first_name"), fields.get("last_name"), company=company)
