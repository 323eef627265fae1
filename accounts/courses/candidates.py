"""Suggestions for an unknown address, with their reasons; a person decides."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat, Length, Lower, Replace
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rapidfuzz import process
from rapidfuzz.distance import OSA

from accounts.courses.models import Completion
from accounts.people.models import ContactEmail, User
from core.prefix import at_most
from core.text import EMAIL, without_zero_width

AT_MOST = 10
FARTHEST = 2  # letters that differ, of two neighbours that were swapped one
SHORTEST = 8  # letters of an address: of a shorter one too many are near
READ = 100  # users of one reason
COMPARED = 200_000  # addresses at the most, of about the same length
GMAIL = ("gmail.com", "googlemail.com")
WELL_KNOWN = (
    *GMAIL,
    *("hotmail.com", "outlook.com", "live.com", "msn.com", "yahoo.com", "ymail.com", "aol.com"),
    *("icloud.com", "me.com", "mac.com", "proton.me", "protonmail.com", "gmx.com", "gmx.net", "gmx.de", "web.de"),
    *("comcast.net", "verizon.net", "att.net", "sbcglobal.net", "hotmail.es", "yahoo.es", "outlook.es", "mail.com"),
)


@dataclass(frozen=True, kw_only=True)
class Candidate:
    user: User
    reason: str
    is_near: bool = True  # by the address; a name alone is no evidence


@dataclass(frozen=True, kw_only=True)
class _Way:
    """Users whom an address or a name may mean, and why; of many, those that `keep` lets through by their address."""

    users: QuerySet[User]
    reason: str
    keep: Callable[[str], bool] = lambda address: True
    is_near: bool = True


def of(completion: Completion) -> list[Candidate]:
    """Return at most ten members whom a completion may mean, the most likely first, each with its best reason.

    Three queries at the most.
    """
    email = completion.email or without_zero_width(completion.email_received).strip().lower()
    matched = _users_of([*_by_address(email), *_by_name(completion.name)])
    in_order = [
        *((key, way.reason, True) for way, key in matched if way.is_near),
        *_near(email),
        *((key, way.reason, False) for way, key in matched if not way.is_near),
    ]
    found: dict[int, tuple[str, bool]] = {}
    for key, reason, is_near in in_order:
        found.setdefault(key, (reason, is_near))
    keys = list(found)[:AT_MOST]
    users = User.objects.in_bulk(keys)
    return [Candidate(user=users[key], reason=found[key][0], is_near=found[key][1]) for key in keys if key in users]


def _by_address(email: str) -> Iterator[_Way]:
    local, _at, domain = email.rpartition("@")
    if not (local and domain):
        return
    bare = local.partition("+")[0]
    yield from _with_one_of([email], str(_("the same address")))
    tag = str(_("the same but for what follows a plus"))
    if local != bare:
        yield from _with_one_of([f"{bare}@{domain}"], tag)
    yield _Way(users=User.objects.filter(email__startswith=f"{bare}+", email__endswith=f"@{domain}"), reason=tag)
    if domain in GMAIL:
        yield _Way(users=_with_dots(bare), reason=str(_("the same to Gmail, which ignores dots")))
    typo = str(_("a letter of the mail service differs"))
    yield from _with_one_of([f"{bare}@{known}" for known in WELL_KNOWN if is_one_letter_off(domain, known)], typo)
    if domain in WELL_KNOWN:  # a member's own address seems to be the mistaken one

        def is_mistaken(address: str) -> bool:
            return is_one_letter_off(address.rpartition("@")[2], domain)

        yield _Way(users=User.objects.filter(email__startswith=f"{bare}@"), reason=typo, keep=is_mistaken)


def _by_name(name: str) -> Iterator[_Way]:
    if len(name.split()) > 1:
        whole = Lower(Concat(F("first_name"), Value(" "), F("last_name")))
        users = User.objects.alias(whole=whole).filter(whole=" ".join(name.split()).lower())
        yield _Way(users=users, reason=str(_("the same name")), is_near=False)


def _with_one_of(emails: Sequence[str], reason: str) -> Iterator[_Way]:
    """Yield the members with one of these addresses: first by their own, then by an alias."""
    if emails:
        yield _Way(users=User.objects.filter(email__in=emails), reason=reason)
        yield _Way(users=User.objects.filter(contact__emails__email__in=emails), reason=reason)


def _users_of(ways: Sequence[_Way]) -> list[tuple[_Way, int]]:
    """Return the keys of the users of all ways in their order, for each the oldest first, by one query."""
    rows = [
        at_most(way.users.order_by("pk"), READ).annotate(way=Value(place)).values_list("way", "pk", "email")
        for place, way in enumerate(ways)
    ]
    found = sorted(rows[0].union(*rows[1:], all=True)) if rows else []
    return [(ways[place], key) for place, key, address in found if ways[place].keep(address)]


def is_one_letter_off(one: str, other: str) -> bool:
    """Return whether one letter was changed, left out, doubled or put in, or two neighbours were swapped."""
    return bool(OSA.distance(one, other, score_cutoff=1) == 1)


def _near(email: str) -> Iterator[tuple[int, str, bool]]:
    """Yield the members whose address, or alias, differs by a letter, then those by two, each with that reason.

    Of all members' addresses those of about the same length are read by one query, as plain texts, and compared here.
    """
    if not SHORTEST <= len(email) <= EMAIL:
        return
    aliases = _of_length(ContactEmail.objects.filter(contact__user__isnull=False), email)
    owned = _of_length(User.objects.filter(is_active=True), email)
    addresses = aliases.values_list("email", "contact__user").union(owned.values_list("email", "pk"), all=True)
    known = dict(addresses[:COMPARED])
    known.pop(email, None)
    found = process.extract(email, known.keys(), scorer=OSA.distance, score_cutoff=FARTHEST, limit=5 * AT_MOST)
    found = [one for one in found if _is_a_slip(email, one[0])][:AT_MOST]
    for address, distance, _place in sorted(found, key=lambda one: (one[1], one[0])):
        reason = ngettext("%(count)d letter differs", "%(count)d letters differ", distance) % {"count": distance}
        yield known[address], reason, True


def _is_a_slip(one: str, other: str) -> bool:
    """Return whether the names before the @ differ by no more than such a name is mistyped by: joan is not jane."""
    name = one.partition("@")[0]
    return bool(OSA.distance(name, other.partition("@")[0]) <= (2 if len(name) >= 10 else 1)) or "@" not in one


def _of_length(rows: QuerySet[Any], email: str) -> QuerySet[Any]:
    length = len(email)
    near: QuerySet[Any] = rows.alias(size=Length("email")).order_by()
    return near.filter(size__range=(length - FARTHEST, length + FARTHEST))


def _with_dots(bare: str) -> Any:
    plain = bare.replace(".", "")
    dotless = User.objects.alias(dotless=Replace(F("email"), Value("."), Value("")))
    return dotless.filter(dotless__in=[f"{plain}@{domain.replace('.', '')}" for domain in GMAIL])
