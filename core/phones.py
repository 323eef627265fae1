"""Telephone numbers in a column of a foreign system, parsed by libphonenumber."""

import re

import phonenumbers
from phonenumbers import Leniency, NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberMatcher

from core.phrases import QUOTED, Phrase
from core.text import Parsed, ascii_like, is_placeholder

_TOO_LONG = Phrase("{text}… is far longer than a telephone number", text=QUOTED)
_EXTENSION = Phrase("extension {extension} of {number}")
_NO_NUMBER_HERE = Phrase("{text} is no telephone number that can be called from elsewhere", text=QUOTED)
_BESIDE = Phrase("{text} beside the number", text=QUOTED)

REGION = "US"  # of numbers without a country
_LONGEST = 200  # letters of a column with several numbers
_SEPARATORS = re.compile(r"[\s().\-/]")
_DIGITS = re.compile(r"[0-9]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NORTH_AMERICAN = re.compile(r"[2-9][0-9]{9}")
_LONG_ENOUGH = 7  # digits of a number, rather than of one that somebody began to type
_NO_NUMBER = frozenset({"no", "na", "n.a", "n.a.", "x", "xx", "xxx", "unknown", "no tiene", "no phone", "s/n"})
_BETWEEN = re.compile(r"\b(?:or|and|y|o|e)\b", re.IGNORECASE)
_WITHOUT_PLUS = re.compile(r"[1-9][0-9]{10,14}")
# A number with its country as it is dialled from most of the world, at the beginning or behind what parts two numbers.
_DIALLED = re.compile(r"(^|[/;,|&]\s?|\s(?:or|and|y|o|e)\s)\+?00[\s.\-]?([1-9][0-9\s().\-]{5,25})", re.IGNORECASE)
_TRUNK = re.compile(r"((?:\+|\b00|\b011)[\s.\-]?([1-9][0-9]{0,2})[\s.\-]?)\(0\)")
_ITALY = "39"
# The 1 that Mexico's mobiles had behind the country until 2019, before the ten digits that are left of the number.
_FORMER_MEXICAN = re.compile(
    r"((?:\+|\b00|\b011)[\s.\-]?52)[\s.\-(]{0,2}1\)?(?=[\s.\-()]{0,2}[2-9](?:[\s.\-()]{0,2}[0-9]){9}(?![0-9]))"
)
_MEXICAN = re.compile(r"\+52([2-9][0-9]{9})")
_ARGENTINE = re.compile(r"\+54(9?)([1-3][0-9]{9})")


def parse(raw: str) -> Parsed:
    """Return the numbers in a text, in E.164: "(305) 555-0110 ext. 12 / 786 555 0111" → two of them.

    A number without a country is North American. An extension is left out, since no common form of it is known at the
    providers; so is what cannot be called from elsewhere ("555-0141"). "none", "0" and "000-000-0000" are no number.
    A number that is written with its country is believed, whatever the plan of that country says; behind "00" only a
    valid one is. "+44 (0)20 …": the 0 is not dialled from abroad, but in Italy, where it is a part of the number. So is
    Mexico's former 1 ("+52 1 55 …"), which nobody dials any more.
    """
    if len(raw) > _LONGEST:
        return Parsed(left_out=_TOO_LONG(text=raw[:40]))
    text = ascii_like(raw)
    digits = _DIGITS.findall(text)
    is_filler = len(set(digits)) == 1 and (digits[0] == "0" or len(digits) >= _LONG_ENOUGH)
    if not text or is_placeholder(text) or is_filler or text.casefold() in _NO_NUMBER:
        return Parsed()
    text = _TRUNK.sub(lambda found: found[1] + ("0" if found[2] == _ITALY else ""), text)
    text = _FORMER_MEXICAN.sub(r"\1", text)
    text = _DIALLED.sub(lambda found: f"{found[1]}{number} " if (number := _with_plus(found[2])) else found[0], text)
    if number := _plain(text):
        return Parsed((number,))
    if (parsed := _parsed(text)) is not None:
        number = _stored(parsed)
        return Parsed((number,), _EXTENSION(extension=parsed.extension, number=number) if parsed.extension else "")
    found: dict[str, None] = {}
    left_out = []
    rest = text
    for match in PhoneNumberMatcher(text, REGION, leniency=Leniency.POSSIBLE, max_tries=100):
        if not _is_usable(match.number):
            continue
        found[_stored(match.number)] = None
        rest = rest.replace(match.raw_string, " ", 1)
        if match.number.extension:
            left_out.append(_EXTENSION(extension=match.number.extension, number=_stored(match.number)))
    if not found:
        return Parsed(left_out=_NO_NUMBER_HERE(text=text[:40]))
    if any(letter.isalnum() for letter in _BETWEEN.sub(" ", rest)):
        left_out.append(_BESIDE(text=" ".join(rest.split())[:80]))
    return Parsed(tuple(found), "; ".join(left_out))


def spellings(number: str) -> list[str]:
    """Return the ways in which the line of a number in E.164 may be stored elsewhere, the number itself first.

    Mexico's mobiles may still have their former 1. Argentina's have a 9 behind the country, which is often left out; no
    landline has the digits of a mobile, so both ways mean one line. They are for comparing: a mobile can be called from
    abroad with its 9 alone.
    """
    if mexican := _MEXICAN.fullmatch(number):
        return [number, f"+521{mexican[1]}"]
    if argentine := _ARGENTINE.fullmatch(number):
        return [number, f"+54{'' if argentine[1] else '9'}{argentine[2]}"]
    return [number]


def _plain(text: str) -> str:
    """Return the number that a text is, written with its country or as 10 or 11 digits; "" for any other text."""
    digits = _SEPARATORS.sub("", text)
    national = digits.removeprefix("+1") if digits.startswith("+") else digits.removeprefix("1")
    if _NORTH_AMERICAN.fullmatch(national):
        return f"+1{national}"
    if _E164.fullmatch(digits):
        return _with_plus(digits.removeprefix("+")) or digits
    if _WITHOUT_PLUS.fullmatch(digits) and not _with_plus(f"1{digits[:10]}"):
        return _with_plus(digits)  # written with its country, and surely not a number and its extension
    return ""


def _with_plus(text: str) -> str:
    """Return a number that begins with its country in E.164, "" for one that is not valid there."""
    number = _parsed(f"+{text}")
    return _stored(number) if number is not None and phonenumbers.is_valid_number(number) else ""


def _parsed(text: str) -> PhoneNumber | None:
    """Return the one number that the whole text is, None for any other text."""
    try:
        number = phonenumbers.parse(text, REGION)
    except NumberParseException:
        return None
    return number if _is_usable(number) else None


def _is_usable(number: PhoneNumber) -> bool:
    if number.country_code == 1:  # where no number begins with 0, which is not in `national_number`
        return not number.italian_leading_zero and bool(_NORTH_AMERICAN.fullmatch(str(number.national_number)))
    return phonenumbers.is_possible_number(number)


def _stored(number: PhoneNumber) -> str:
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
