"""The one look-up of people by a provider's ids and by addresses.

An id at a provider stands in `ContactMapping` (contacts) and `ExternalIdentity` (logins of members); an address in
`ContactEmail` (contacts, main address or alias) and `User.email`. Nothing is decided or written here: what follows
where an id and an address mean different people is up to those who ask. Of many ids one query takes IN_ONE_QUERY.
"""

from collections.abc import Iterable, Iterator, Mapping

from django.db.models import Exists, OuterRef, Q

from accounts.people.models import Contact, ContactEmail, ContactMapping, ExternalIdentity, User
from core.text import InvalidAddress, normalise_email

IN_ONE_QUERY = 500
Ids = Mapping[str, str]  # kind of id → id at the provider


def find(*, provider: str, identities: Ids, email: str = "") -> Contact | None:
    """Return the contact with the first of these ids that is known, else with this address; None for nobody."""
    for mapping in mappings(provider, identities):
        return mapping.contact
    return with_email(email)


def mappings(provider: str, identities: Ids, *, hold: bool = False) -> list[ContactMapping]:
    """Return the known ones among these ids, with their contacts, in the order of `identities`.

    With `hold` their contacts are locked, before the ids are read: what another worker stored while this one
    waited must not be undone. Returns none where an id moved meanwhile; the caller then looks up again.
    """
    if not identities:
        return []
    rows = ContactMapping.objects.filter(
        provider=provider, kind__in=list(identities), external_id__in=list(identities.values())
    )
    held: set[int] = set()
    if hold:  # contacts only and by their keys, as a merge does: no deadlock
        whose = Contact.objects.select_for_update().filter(pk__in=rows.values("contact")).order_by("pk")
        held = set(whose.values_list("pk", flat=True))
        if not held:
            return []
    order = list(identities)
    known = [row for row in rows.select_related("contact") if identities[row.kind] == row.external_id]
    if hold and not held.issuperset(row.contact_id for row in known):
        return []
    return sorted(known, key=lambda row: order.index(row.kind))


def users(provider: str, identities: Ids) -> list[User]:
    """Return the members with these ids, by their keys; more than one where the ids contradict each other."""
    if not identities:
        return []
    known = ExternalIdentity.objects.filter(
        provider=provider, kind__in=list(identities), external_id__in=list(identities.values())
    )
    found = {row.user for row in known.select_related("user") if identities[row.kind] == row.external_id}
    return sorted(found, key=lambda user: user.pk)


def mappings_by_id(provider: str, kind: str, external_ids: Iterable[str]) -> dict[str, ContactMapping]:
    """Return the known ones of many ids of one kind, with their contacts."""
    known = ContactMapping.objects.filter(provider=provider, kind=kind).select_related("contact")
    return {row.external_id: row for part in parts(external_ids) for row in known.filter(external_id__in=part)}


def users_by_id(provider: str, kind: str, external_ids: Iterable[str]) -> dict[str, User]:
    """Return the members who have these ids of one kind."""
    known = ExternalIdentity.objects.filter(provider=provider, kind=kind).select_related("user")
    return {row.external_id: row.user for part in parts(external_ids) for row in known.filter(external_id__in=part)}


def owners(ids: Iterable[tuple[str, str, str]]) -> tuple[set[int], set[int]]:
    """Return the keys of the contacts and of the users who have these ids: (provider, kind, id) each."""
    by_kind: dict[tuple[str, str], list[str]] = {}
    for provider, kind, external_id in ids:
        by_kind.setdefault((provider, kind), []).append(external_id)
    found_contacts, found_users = set(), set()
    for (provider, kind), external_ids in by_kind.items():
        found_contacts |= {row.contact_id for row in mappings_by_id(provider, kind, external_ids).values()}
        found_users |= {user.pk for user in users_by_id(provider, kind, external_ids).values()}
    return found_contacts, found_users


def with_email(email: str) -> Contact | None:
    """Return the contact whom this address means, in whatever case it is written; None for nobody or no address."""
    try:
        stored = normalise_email(email) if email else ""
    except InvalidAddress:
        return None
    known = ContactEmail.objects.select_related("contact").filter(email=stored).first() if stored else None
    return known.contact if known else None


def member_with(email: str) -> tuple[User, str] | None:
    """Return the member whom this address (in its stored form) means, and by which rule; None for nobody."""
    if not email:
        return None
    user = User.objects.filter(email=email).first()
    if user is not None:
        return user, "the member's address"
    alias = ContactEmail.objects.select_related("contact__user").filter(email=email).first()
    if alias is not None and alias.contact.user is not None:
        return alias.contact.user, "an alias of the member"
    return None


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
        Q(**{f"identities__{name}": value for name, value in names.items()}),
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
