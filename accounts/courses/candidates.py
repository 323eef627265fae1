"""Suggestions for an unknown address, with their reasons; a person decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Concat, Length, Lower, Replace
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from rapidfuzz import process
from rapidfuzz.distance import OSA

from accounts.courses.models import Completion
from accounts.people import lookup
from accounts.people.models import ContactEmail, User
from core.text import EMAIL, without_zero_width

AT_MOST = 10
FARTHEST = 2  # letters that differ, of two neighbours that were swapped one
SHORTEST = 8  # letters of an address: of a shorter one too many are near
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


def of(completion: Completion) -> list[Candidate]:
    """Return at most ten members whom a completion may mean, the most likely first, each with its best reason."""
    email = completion.email or without_zero_width(completion.email_received).strip().lower()
    found: dict[int, Candidate] = {}
    for users, reason in _suggestions(email, completion.name):
        for user in users:
            found.setdefault(user.pk, Candidate(user=user, reason=reason))
    return list(found.values())[:AT_MOST]


def _suggestions(email: str, name: str) -> Iterable[tuple[Iterable[User], str]]:
    local, _at, domain = email.rpartition("@")
    if local and domain:
        bare = local.partition("+")[0]
        yield lookup.members_with([email]), str(_("the same address"))
        yield _with_tag(local, bare, domain), str(_("the same but for what follows a plus"))
        if domain in GMAIL:
            yield _with_dots(bare), str(_("the same to Gmail, which ignores dots"))
        meant = [known for known in WELL_KNOWN if is_one_letter_off(domain, known)]
        yield lookup.members_with(f"{bare}@{known}" for known in meant), str(_("a letter of the mail service differs"))
        if domain in WELL_KNOWN:
            yield _with_typo(bare, domain), str(_("a letter of the mail service differs"))
    for distance, users in _near(email):
        said = ngettext("%(count)d letter differs", "%(count)d letters differ", distance)
        yield users, said % {"count": distance}
    if len(name.split()) > 1:
        yield _named(name), str(_("the same name"))


def is_one_letter_off(one: str, other: str) -> bool:
    """Return whether one letter was changed, left out, doubled or put in, or two neighbours were swapped."""
    return bool(OSA.distance(one, other, score_cutoff=1) == 1)


def _near(email: str) -> Iterable[tuple[int, list[User]]]:
    """Yield the members whose address, or alias, differs by a letter, then those by two: three queries at the most.

    Of all members' addresses those of about the same length are read, as plain texts, and compared here.
    """
    if not SHORTEST <= len(email) <= EMAIL:
        return
    owned = _of_length(User.objects.filter(is_active=True), email).values_list("email", "pk")
    aliases = _of_length(ContactEmail.objects.filter(contact__user__isnull=False), email)
    known = dict(aliases.values_list("email", "contact__user")[:COMPARED]) | dict(owned[:COMPARED])
    known.pop(email, None)
    found = process.extract(email, known.keys(), scorer=OSA.distance, score_cutoff=FARTHEST, limit=5 * AT_MOST)
    found = [one for one in found if _is_a_slip(email, one[0])][:AT_MOST]
    users = User.objects.in_bulk({known[address] for address, _distance, _place in found})
    for distance in range(1, FARTHEST + 1):
        near = sorted(address for address, away, _place in found if away == distance)
        yield distance, [users[known[address]] for address in near if known[address] in users]


def _is_a_slip(one: str, other: str) -> bool:
    """Return whether the names before the @ differ by no more than such a name is mistyped by: joan is not jane."""
    name = one.partition("@")[0]
    return bool(OSA.distance(name, other.partition("@")[0]) <= (2 if len(name) >= 10 else 1)) or "@" not in one


def _of_length(rows: QuerySet[Any], email: str) -> QuerySet[Any]:
    length = len(email)
    near: QuerySet[Any] = rows.alias(size=Length("email")).order_by()
    return near.filter(size__range=(length - FARTHEST, length + FARTHEST))


def _with_tag(local: str, bare: str, domain: str) -> list[User]:
    tagged = User.objects.filter(email__startswith=f"{bare}+", email__endswith=f"@{domain}").order_by("pk")
    return [*(lookup.members_with([f"{bare}@{domain}"]) if local != bare else []), *tagged[:AT_MOST]]


def _with_dots(bare: str) -> Any:
    plain = bare.replace(".", "")
    dotless = User.objects.annotate(dotless=Replace(F("email"), Value("."), Value("")))
    return dotless.filter(dotless__in=[f"{plain}@{domain.replace('.', '')}" for domain in GMAIL]).order_by("pk")


def _with_typo(bare: str, domain: str) -> list[User]:
    """Return members whose own address seems to be the mistaken one."""
    alike = User.objects.filter(email__startswith=f"{bare}@").order_by("pk")[:100]
    return [user for user in alike if is_one_letter_off(user.email.rpartition("@")[2], domain)]


def _named(name: str) -> Any:
    whole = Lower(Concat(F("first_name"), Value(" "), F("last_name")))
    return User.objects.annotate(whole=whole).filter(whole=" ".join(name.split()).lower()).order_by("pk")[:AT_MOST]
