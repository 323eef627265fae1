"""People found by what somebody types: a name, an address, a telephone number in any spelling, an id at a provider."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, F, Q, QuerySet, Value

from accounts.people.models import Contact, ContactEmail, ContactMapping, ContactPhone, User
from core import phones
from core.prefix import at_most, begins_with
from core.text import InvalidAddress, normalise_email

_PHONE_BEGUN = re.compile(r"\+?[\d\s().\-/]{2,}")


@dataclass(frozen=True)
class Found:
    """A person by the keys of their contact and login, either of which may be missing.

    `is_exact`: the text is an address or an id of theirs, not the beginning of one, a name or a number.
    """

    contact: int | None
    user: int | None
    is_exact: bool


def find(text: str, *, limit: int) -> list[Found]:
    """Return the people whom `text` means, exact ones first, each once, in one query that reads `limit` rows a way."""
    ways = [
        at_most(rows, limit)
        .annotate(found_contact=F(contact), found_user=F(user), found_exact=Value(exact, BooleanField()))
        .values_list("found_contact", "found_user", "found_exact")
        for rows, contact, user, exact in _ways(text)
    ]
    first, *others = ways
    rows = sorted(first.union(*others, all=True), key=lambda row: (not row[2], not row[0], row[0] or row[1]))
    people: dict[tuple[str, int], Found] = {}
    for contact, user, is_exact in rows:
        people.setdefault(("contact", contact) if contact else ("user", user), Found(contact, user, is_exact))
    return list(people.values())


def _ways(text: str) -> Iterator[tuple[QuerySet[Any], str, str, bool]]:
    """Yield rows with the names of their contact's and their user's key, and whether they are exact."""
    lower = text.lower()  # as addresses are stored
    yield ContactMapping.objects.filter(external_id=text), "contact", "contact__user", True
    if "@" in text:
        email = _stored(text)
        yield ContactEmail.objects.filter(email=email), "contact", "contact__user", True
        yield User.objects.filter(email=email), "contact__pk", "pk", True
        yield Contact.objects.filter(email=email), "pk", "user", True
    yield ContactEmail.objects.filter(begins_with("email", lower)), "contact", "contact__user", False
    yield Contact.objects.filter(begins_with("email", lower)), "pk", "user", False
    yield User.objects.filter(begins_with("email", lower)), "contact__pk", "pk", False
    if _PHONE_BEGUN.fullmatch(text):
        numbers = [*(way for number in phones.parse(text).values for way in phones.spellings(number)), text]
        yield Contact.objects.filter(begins_with("phone", text)), "pk", "user", False
        yield Contact.objects.filter(phone__in=numbers), "pk", "user", False
        yield Contact.objects.filter(business_phone__in=numbers), "pk", "user", False
        yield ContactPhone.objects.filter(number__in=numbers), "contact", "contact__user", False
    elif "@" not in text:
        yield Contact.objects.filter(_named(text)), "pk", "user", False
        yield User.objects.filter(_named(text)), "contact__pk", "pk", False


def _named(text: str) -> Q:
    """Return the condition that a name has these words: by an index its beginning, then the beginnings of its words."""
    first, *others = text.split()
    match = Q(first_name__istartswith=first) | Q(last_name__istartswith=first)
    for word in others:
        match &= (
            Q(first_name__istartswith=word)
            | Q(last_name__istartswith=word)
            | Q(first_name__icontains=f" {word}")
            | Q(last_name__icontains=f" {word}")
        )
    return match


def _stored(text: str) -> str:
    try:
        return normalise_email(text)
    except InvalidAddress:
        return text
