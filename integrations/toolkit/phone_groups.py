"""Digits of a telephone number as people write them together, for filters of providers that know only texts."""

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

_DIGITS = re.compile(r"[0-9]+")
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{2}([0-9]{3})([0-9]{4})")


def digit_groups(number: str) -> list[list[str]]:
    """Return lists of groups of digits of a number (E.164): who writes it leaves the groups of one list unbroken.

    Other numbers may have them too, so whoever searches by them compares what was found.
    """
    if match := _NORTH_AMERICAN.fullmatch(number):
        return [list(match.groups())]
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return [_DIGITS.findall(number)]
    digits = str(parsed.national_number)
    usual = _DIGITS.findall(phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL))[1:]
    return [usual, [digits[:3], digits[-3:]]]
