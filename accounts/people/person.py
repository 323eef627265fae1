"""Persons: looked up by a text, with everything that identifies them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from accounts.commerce.models.policy import Policy
from accounts.courses.models import Completion, CourseProgress
from accounts.people import forgotten, lookup
from accounts.people.mentions import Mentions, digits_of
from accounts.people.models import Contact, ContactChange, ContactEmail, ContactMapping, ContactPhone, User
from accounts.people.models.user import NOBODY
from config.logs import mask
from core import phrases
from core.text import InvalidAddress, normalise_email

_LINES = ("address_line_1", "address_line_2")
_PHONES = ("phone", "business_phone")
_NAMES = ("first_name", "last_name")


class NobodyFound(Exception):
    """Nobody is known by the text; the message says what can be given."""


class SeveralFound(Exception):
    """More than one person is meant; the message lists them."""


@dataclass(kw_only=True)
class Person:
    """A person: their contacts and logins (keys), and what names them.

    `emails` are in their stored form, without those that are another person's too. `ids` are (provider, kind, id).
    """

    users: set[int] = field(default_factory=set)
    contacts: set[int] = field(default_factory=set)
    emails: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    names: set[tuple[str, str]] = field(default_factory=set)
    parts: set[str] = field(default_factory=set)
    ids: set[tuple[str, str, str]] = field(default_factory=set)
    lines: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)

    @property
    def is_known(self) -> bool:
        return bool(self.users or self.contacts)

    def keys(self) -> set[forgotten.Key]:
        """Return the keys by which `accounts.people.forgotten` knows the person."""
        return {("email", email) for email in self.emails} | {("id", *named) for named in self.ids}

    def ids_at(self, provider: str) -> set[str]:
        return {external_id for at, _kind, external_id in self.ids if at == provider}

    @property
    def external_ids(self) -> set[str]:
        return {external_id for _provider, _kind, external_id in self.ids}

    def mentions(self) -> Mentions:
        """Return the person's values as patterns, those left out that mean somebody else too."""
        others = _OtherPeople(self)
        parts = {part for name in self.names for part in name if part} | self.parts
        return Mentions(
            emails=self.emails,
            masked=others.unshared_masks(self.emails),
            phones={phone for phone in self.phones if digits_of(phone) not in others.phones},
            full_names={name for name in self.names if name not in others.namesakes(self.names)},
            parts=parts,
            shared_parts=others.shared_parts(parts),
            ids=self.external_ids,
            lines={line for line in self.lines if line.casefold() not in others.lines},
        )


def find(text: str) -> Person:
    """Return the person whom `text` means: an e-mail, contact:ID, user:ID, PROVIDER:ID, or an id alone.

    An address that nobody has still stands for whoever is named by it in events, mails and completions. Raises
    NobodyFound, SeveralFound.
    """
    text = text.strip()
    people = _people(*_named(text))
    if len(people) > 1:
        listed = ", ".join(f"contact:{pk}" if kind == "contact" else f"user:{pk}" for kind, pk in map(_handle, people))
        named = {"text": repr(text), "people": listed}
        raise SeveralFound(_("%(text)s means several people: %(people)s. Name one of them.") % named)
    if people:
        return collect(people[0])
    if "@" in text:
        try:
            return Person(emails={normalise_email(text)})
        except InvalidAddress as error:
            raise NobodyFound(phrases.shown(str(error))) from error
    unknown = _("Nobody is known as %(text)s. Give an e-mail, contact:ID, user:ID, PROVIDER:ID or an id.")
    raise NobodyFound(unknown % {"text": repr(text)})


def of_contact(contact: Contact) -> Person:
    return collect(Person(contacts={contact.pk}, users={contact.user_id} - {None} if contact.user_id else set()))


def of_user(user: User) -> Person:
    contacts = set(Contact.objects.filter(user=user).values_list("pk", flat=True))
    return collect(Person(users={user.pk}, contacts=contacts))


def collect(person: Person) -> Person:
    """Add to a person everything by which their rows name them; what is another's as well is left out."""
    for user in User.objects.filter(pk__in=person.users):
        person.emails.add(user.email)
        _add_name(person, user.first_name, user.last_name)
    for contact in Contact.objects.filter(pk__in=person.contacts):
        person.emails.add(contact.email)
        _add_name(person, contact.first_name, contact.last_name)
        _add_values(person, {name: getattr(contact, name) for name in (*_PHONES, *_LINES)})
    person.emails |= set(ContactEmail.objects.filter(contact__in=person.contacts).values_list("email", flat=True))
    for number in ContactPhone.objects.filter(contact__in=person.contacts).values_list("number", flat=True):
        _add_values(person, {"phone": number})
    for mapping in ContactMapping.objects.filter(contact__in=person.contacts):
        if mapping.kind == "email":  # a record without an id is known by its address
            person.emails.add(mapping.external_id)
        person.ids.add((mapping.provider, mapping.kind, mapping.external_id))
        _add_values(person, mapping.last_synced_values)
        _add_name(person, mapping.last_synced_values.get("first_name"), mapping.last_synced_values.get("last_name"))
    for change in ContactChange.objects.filter(contact__in=person.contacts):
        _add_values(person, {change.name: change.before})
        _add_values(person, {change.name: change.after})
    for policy in Policy.objects.filter(contact__in=person.contacts):
        person.ids |= {(policy.provider, "policy", text) for text in (policy.external_id, policy.number) if text}
    for completion in Completion.objects.filter(Q(user__in=person.users) | Q(email__in=person.emails - {""})):
        person.emails.add(completion.email)
        first, _space, last = completion.name.partition(" ")
        _add_name(person, first, last.strip())
    progress = CourseProgress.objects.filter(user__in=person.users)
    person.emails |= set(progress.values_list("email", flat=True).distinct())
    person.emails = {email for email in person.emails if email and not email.endswith(NOBODY)}
    _remove_shared(person)
    return person


def _named(text: str) -> tuple[Q, Q]:
    """Return what `text` may mean, as conditions on contacts and on users."""
    prefix, colon, rest = text.partition(":")
    if colon and prefix in ("contact", "user") and _is_key(rest):
        key = int(rest)
        return (Q(pk=key), Q(contact=key)) if prefix == "contact" else (Q(user=key), Q(pk=key))
    if colon and prefix.isalpha():
        return lookup.having_id(rest, provider=prefix)
    if "@" in text:
        try:
            return lookup.having_email([normalise_email(text)])
        except InvalidAddress:
            return lookup.having_email([])
    contacts, users = lookup.having_id(text)
    return (contacts | Q(pk=int(text)), users | Q(pk=int(text))) if _is_key(text) else (contacts, users)


def _people(on_contacts: Q, on_users: Q) -> list[Person]:
    """Return those who are meant, a contact and its login as one."""
    users = set(User.objects.filter(on_users).values_list("pk", flat=True))
    contacts = Contact.objects.filter(Q(pk__in=Contact.objects.filter(on_contacts)) | Q(user__in=users))
    people = [
        Person(contacts={pk}, users={user} if user else set())
        for pk, user in contacts.order_by("pk").values_list("pk", "user")
    ]
    with_contact = {user for person in people for user in person.users}
    return [*people, *(Person(users={pk}) for pk in sorted(users - with_contact))]


def _handle(person: Person) -> tuple[str, int]:
    return ("contact", min(person.contacts)) if person.contacts else ("user", min(person.users))


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _add_name(person: Person, first: Any, last: Any) -> None:
    first, last = (value.strip() if isinstance(value, str) else "" for value in (first, last))
    if first or last:
        person.names.add((first, last))


def _add_values(person: Person, values: Any) -> None:
    """Add values under the names that contacts have for them."""
    for name, value in values.items():
        if not isinstance(value, str) or not value.strip():
            continue
        if name == "email":
            person.emails.add(value.lower())
        elif name in _PHONES:
            person.phones.add(value)
        elif name in _LINES:
            person.lines.add(value)
        elif name in _NAMES:
            person.parts.add(value.strip())


def _remove_shared(person: Person) -> None:
    """Move addresses that another person has too from `emails` to `shared`."""
    others = Contact.objects.exclude(pk__in=person.contacts)
    means = ContactEmail.objects.exclude(contact__in=person.contacts)
    users = User.objects.exclude(pk__in=person.users)
    for part in lookup.parts(person.emails):
        person.shared |= set(others.filter(email__in=part).values_list("email", flat=True))
        person.shared |= set(means.filter(email__in=part).values_list("email", flat=True))
        person.shared |= set(users.filter(email__in=part).values_list("email", flat=True))
    person.emails -= person.shared


class _OtherPeople:
    """Values that other people share with this person: read once for all of a person's values."""

    def __init__(self, person: Person) -> None:
        self._contacts = Contact.objects.exclude(pk__in=person.contacts)
        self._users = User.objects.exclude(pk__in=person.users)
        self._addresses = ContactEmail.objects.exclude(contact__in=person.contacts).exclude(email__in=person.emails)
        wanted = {digits_of(phone) for phone in person.phones} - {""}
        self.phones = {
            digits
            for pair in (self._contacts.values_list(*_PHONES).iterator(chunk_size=2000) if wanted else ())
            for phone in pair
            if phone and (digits := digits_of(phone)) in wanted
        }
        wanted_lines = {line.casefold() for line in person.lines}
        shown = self._contacts.annotate(line=Lower("address_line_1")).filter(line__in=wanted_lines)
        self.lines = {line.casefold() for line in shown.values_list("address_line_1", flat=True).distinct()}

    def namesakes(self, names: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        return {
            (first, last)
            for first, last in names
            if any(
                rows.filter(first_name__iexact=first, last_name__iexact=last).exists()
                for rows in (self._contacts, self._users)
            )
        }

    def unshared_masks(self, emails: Iterable[str]) -> set[str]:
        """Return the addresses as logs mask them, where that means nobody else's: "q•••@example.com"."""
        return {
            masked
            for masked in map(mask, emails)
            if not any(
                rows.filter(email__startswith=masked[:1], email__endswith=f"@{masked.rpartition('@')[2]}").exists()
                for rows in (self._contacts, self._users, self._addresses)
            )
        }

    def shared_parts(self, parts: Iterable[str]) -> set[str]:
        return {
            part
            for part in parts
            if any(
                rows.filter(Q(first_name__iexact=part) | Q(last_name__iexact=part)).exists()
                for rows in (self._contacts, self._users)
            )
        }
