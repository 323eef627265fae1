"""The one look-up of people by a provider's ids and by addresses.

An id at a provider stands in `ContactMapping`, an address in `ContactEmail` (main address or alias), and a member's
login in `User.email`. `match` is the one rule by which they mean somebody: purchases, completions, contacts and
policies all ask it. Nothing is written here. Of many ids one query takes IN_ONE_QUERY.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Exists, OuterRef, Q

from accounts.people.models import Contact, ContactEmail, ContactMapping, ContactPhone, User
from core.phrases import Phrase
from core.text import email_or_empty, words

SEVERAL_MEMBERS = Phrase("conflict: the ids in this event belong to several users ({emails})")
ANOTHER_MEMBER = Phrase("conflict: the id belongs to {known}, the e-mail to {named}")

IN_ONE_QUERY = 500
AT_MOST = 50  # contacts with one number who are looked at
Ids = Mapping[str, str]  # kind of id → id at the provider
_BY_ADDRESS, _BY_ALIAS = Phrase("the member's address"), Phrase("an alias of the member")


class NeedsStaff(Exception):
    """A person must decide; the message says what about."""


class Contradiction(NeedsStaff):
    """Ids and address mean several members; the message names them all."""


@dataclass
class Match:
    """People whom ids and an address mean, as `match` found them.

    `records` are the known ones among the ids, in their order. `email` is the address in its stored form, "" for none;
    it is looked up when it is needed.
    """

    records: Sequence[ContactMapping]
    email: str

    @property
    def contact(self) -> Contact | None:
        """Return the contact of the first id that is known, else the one with exactly this address."""
        return self.records[0].contact if self.records else self.owner

    @cached_property
    def owner(self) -> Contact | None:
        """Return the contact whose main address or alias this is."""
        rows = ContactEmail.objects.select_related("contact__user").filter(email=self.email)
        known = rows.first() if self.email else None
        return known.contact if known else None

    @cached_property
    def login_by_address(self) -> tuple[User, str] | None:
        """Return the member whom the address means, and by which rule: their login first, then an address of theirs."""
        own = self.owner.user if self.owner else None
        if own is None or own.email != self.email:
            user = User.objects.filter(email=self.email).first() if self.email else None
            return (user, _BY_ADDRESS()) if user else (own, _BY_ALIAS()) if own else None
        return own, _BY_ADDRESS()

    @property
    def contacts(self) -> list[Contact]:
        """Return all contacts who are meant, each once, the one who counts first."""
        found = [row.contact for row in self.records] + ([self.owner] if self.owner else [])
        return list(dict.fromkeys(found))

    @property
    def member(self) -> User | None:
        """Return the one member among those who are meant; None where nobody is one yet. Raises Contradiction."""
        by_id = {row.contact.user for row in self.records if row.contact.user}
        if len(by_id) > 1:
            emails = ", ".join(sorted(user.email for user in by_id))
            raise Contradiction(SEVERAL_MEMBERS(emails=emails))
        known, named = next(iter(by_id), None), self.login_by_address
        if known is not None and named is not None and known != named[0]:
            raise Contradiction(ANOTHER_MEMBER(known=known.email, named=named[0].email))
        return known or (named[0] if named else None)

    def contact_of(self, user: User) -> Contact | None:
        """Return the one among these contacts who is the member `user`."""
        return next((contact for contact in self.contacts if contact.user_id == user.pk), None)


def match(*, provider: str = "", identities: Ids | None = None, email: str = "", hold: bool = False) -> Match:
    """Return whom these ids and this address mean: by a known id, else by exactly the address, else nobody yet.

    Where they mean several people nothing is decided: they stay apart and whoever asks puts the question.

    With `hold` the contacts of the ids are locked, before the ids are read: what another worker stored while this one
    waited must not be undone. No id is known where one moved meanwhile; the caller then looks up again.
    """
    ids = identities or {}
    order, held = list(ids), set[int]()
    # Without ids nothing is asked.
    rows = ContactMapping.objects.filter(provider=provider, kind__in=order, external_id__in=list(ids.values()))
    if hold:  # contacts only and by their keys, as a merge does: no deadlock
        whose = Contact.objects.select_for_update().filter(pk__in=rows.values("contact")).order_by("pk")
        held = set(whose.values_list("pk", flat=True))
        rows = rows if held else rows.none()
    known = [row for row in rows.select_related("contact__user") if ids[row.kind] == row.external_id]
    if hold and not held.issuperset(row.contact_id for row in known):
        known = []
    return Match(sorted(known, key=lambda row: order.index(row.kind)), email_or_empty(email))


def find(*, provider: str, identities: Ids, email: str = "") -> Contact | None:
    """Return the contact whom these ids and this address mean; None for nobody."""
    return match(provider=provider, identities=identities, email=email).contact


def name_key(first: object, last: object, *, company: object = "") -> tuple[str, ...]:
    """Return what two spellings of a name have in common: "JUAN  Pérez" and "juan perez" are one.

    The name of a company counts where there is no person's. Empty where there is neither.
    """
    person = f"{first or ''} {last or ''}"
    return tuple(word for word in words(person if person.strip() else str(company or "")) if word)


def with_number_and_name(numbers: Iterable[str], name: tuple[str, ...]) -> list[Contact]:
    """Return the contacts who have one of these numbers (as stored) and this name (`name_key`), which is evidence.

    An absent name agrees with nobody's. Of more than AT_MOST who have a number the others are left out.
    """
    wanted = {number for number in numbers if number}
    if not wanted or not name:
        return []
    main = Contact.objects.filter(phone__in=wanted).order_by("pk")[:AT_MOST]
    further = ContactPhone.objects.filter(number__in=wanted).select_related("contact").order_by("pk")[:AT_MOST]
    found = dict.fromkeys([*main, *(row.contact for row in further)])
    return [
        contact
        for contact in found
        if name == name_key(contact.first_name, contact.last_name, company=contact.custom_fields.get("company"))
    ]


def users(provider: str, identities: Ids) -> list[User]:
    """Return the members with these ids, by their keys; more than one where the ids contradict each other."""
    records = match(provider=provider, identities=identities).records
    found = {row.contact.user for row in records if row.contact.user}
    return sorted(found, key=lambda user: user.pk)


def mappings_by_id(provider: str, kind: str, external_ids: Iterable[str]) -> dict[str, ContactMapping]:
    """Return the known ones of many ids of one kind, with their contacts."""
    known = ContactMapping.objects.filter(provider=provider, kind=kind).select_related("contact")
    return {row.external_id: row for part in parts(external_ids) for row in known.filter(external_id__in=part)}


def users_by_id(provider: str, kind: str, external_ids: Iterable[str]) -> dict[str, User]:
    """Return the members who have these ids of one kind."""
    known = ContactMapping.objects.filter(provider=provider, kind=kind, contact__user__isnull=False)
    rows = known.select_related("contact__user")
    return {
        row.external_id: row.contact.user
        for part in parts(external_ids)
        for row in rows.filter(external_id__in=part)
        if row.contact.user is not None
    }


def owners(ids: Iterable[tuple[str, str, str]]) -> tuple[set[int], set[int]]:
    """Return the keys of the contacts and of the users who have these ids: (provider, kind, id) each."""
    by_kind: dict[tuple[str, str], list[str]] = {}
    for provider, kind, external_id in ids:
        by_kind.setdefault((provider, kind), []).append(external_id)
    found = [row.contact for (provider, kind), some in by_kind.items() for row in _rows(provider, kind, some)]
    return {contact.pk for contact in found}, {contact.user_id for contact in found if contact.user_id}


def _rows(provider: str, kind: str, external_ids: Iterable[str]) -> Iterable[ContactMapping]:
    return mappings_by_id(provider, kind, external_ids).values()


def with_email(email: str) -> Contact | None:
    """Return the contact whom this address means, in whatever case it is written; None for nobody or no address."""
    return match(email=email).owner


def member_with(email: str) -> tuple[User, str] | None:
    """Return the member whom this address means, and by which rule; None for nobody."""
    return match(email=email).login_by_address


def members_with(emails: Iterable[str]) -> list[User]:
    """Return the members with one of these addresses: first by their own, then by an alias."""
    wanted = list(emails)
    aliases = ContactEmail.objects.filter(email__in=wanted, contact__user__isnull=False)
    by_alias = [alias.contact.user for alias in aliases.select_related("contact__user").order_by("pk")]
    return [*User.objects.filter(email__in=wanted).order_by("pk"), *(user for user in by_alias if user is not None)]


def is_a_members_address() -> Q:
    """Return the condition on rows whose column `email` is an address of a member."""
    own = User.objects.filter(email=OuterRef("email"))
    aliases = ContactEmail.objects.filter(email=OuterRef("email"), contact__user__isnull=False)
    return Q(Exists(own)) | Q(Exists(aliases))


def having_id(external_id: str, *, provider: str = "") -> tuple[Q, Q]:
    """Return the conditions on contacts and on users who have this id, of any kind; at any provider without one."""
    at = {"provider": provider} if provider else {}
    names = {"external_id": external_id, **at}
    return (
        Q(**{f"mappings__{name}": value for name, value in names.items()}),
        Q(**{f"contact__mappings__{name}": value for name, value in names.items()}),
    )


def having_email(emails: Iterable[str]) -> tuple[Q, Q]:
    """Return the conditions on contacts and on users who have one of these addresses, in their stored form."""
    wanted = list(emails)
    return Q(email__in=wanted) | Q(emails__email__in=wanted), Q(email__in=wanted)


def parts(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield the values, sorted, in lists that one query takes."""
    ordered = sorted(values)
    for start in range(0, len(ordered), IN_ONE_QUERY):
        yield ordered[start : start + IN_ONE_QUERY]
