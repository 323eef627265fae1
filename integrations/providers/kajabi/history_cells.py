"""Cells of Kajabi's CSV exports: headings, dates, amounts and statuses, as they were seen in files of several sites.

Nothing of it is documented by Kajabi (docs/history-import.md has the sources), so every reader is tolerant of spelling
and strict about meaning: an ambiguous cell is refused.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dateutil.relativedelta import relativedelta

from core.text import LINE, plain_key, title_key
from integrations.contracts.history import InvalidRow
from integrations.toolkit.reading import read_moment

A_DAY = timedelta(days=1)
_NAME_OF_FIELD = re.compile(r"\(([A-Za-z0-9_]{1,60})\)$")
_AMOUNT = re.compile(
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:\.[0-9]{3}){2,}|[0-9]{1,3}(?:\.[0-9]{3})+(?=,[0-9]{1,2}$)|[0-9]+)"
    r"(?:[.,](?P<part>[0-9]{1,2}))?"
)
_FORMATS_WITH_MONTHS = ("%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y")
_LONGEST_DATE = 40
_LIMIT = 10**13
# ISO 4217 currencies of Kajabi's checkout that have no smaller unit.
_WITHOUT_CENTS = frozenset({"CLP", "JPY", "KRW", "PYG", "VND"})
_UNITS = {
    **dict.fromkeys(("day", "days", "daily", "dia", "dias"), ("days", 1)),
    **dict.fromkeys(("week", "weeks", "weekly", "semana", "semanas", "semanal"), ("weeks", 1)),
    **dict.fromkeys(("month", "months", "monthly", "mes", "meses", "mensual"), ("months", 1)),
    **dict.fromkeys(("quarter", "quarters", "quarterly", "trimestre", "trimestral"), ("months", 3)),
    **dict.fromkeys(("semiannual", "semestre", "semestral"), ("months", 6)),
    **dict.fromkeys(("year", "years", "yearly", "annual", "annually", "ano", "anos", "anual"), ("years", 1)),
}


def names_of(heading: str) -> list[str]:
    """Return the names of a heading: itself, and the field's name that Kajabi writes behind a custom label.

    "Teléfono (phone_number)" is known as "telefono_phone_number" and as "phone_number".
    """
    text = heading[:LINE].strip()
    names = [plain_key(text)]
    if (match := _NAME_OF_FIELD.search(text)) is not None:
        names.append(match[1].lower())
    return [name for name in names if name]


def moment(text: str) -> datetime | None:
    """Return the moment in a cell, None where there is none or it is ambiguous: 11/08/2025 may be two days.

    "2025-11-08 04:11:00 -0700" of transactions and contacts, "Nov 28, 2025" of subscriptions.
    """
    text = text.strip()
    found = read_moment(text)
    if found is not None or not text or len(text) > _LONGEST_DATE:
        return found
    for pattern in _FORMATS_WITH_MONTHS:
        try:
            return datetime.strptime(text, pattern).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def dated(text: str, *, column: str) -> datetime | None:
    """Return the moment in a cell, None where the cell is empty. Raises InvalidRow for a text that is no date."""
    found = moment(text)
    if found is None and text.strip():
        raise InvalidRow(f'{column}: "{text[:40]}" is no date that can be read one way; write it as 2025-11-28')
    return found


def end_of_day(day: datetime) -> datetime:
    """Return the end of a day that has no time: access that is paid until a day includes that day."""
    return day + A_DAY if day == datetime(day.year, day.month, day.day, tzinfo=UTC) else day


def cents(text: str, *, currency: str) -> int | None:
    """Return an amount in minor units: "$1,234.50", "-44", "44,00 €", "(20.00)"; None where there is none.

    Raises InvalidRow for a text that is no amount, or may be two: 1.234 is a thousand or one.
    """
    raw = text.strip()
    if not raw:
        return None
    places = [place for place, letter in enumerate(raw[:60]) if letter in "0123456789"]
    number = "".join(raw[places[0] : places[-1] + 1].split()) if places else ""
    if (match := _AMOUNT.fullmatch(number)) is None:
        raise InvalidRow(f'"{raw[:40]}" is no amount that can be read one way')
    whole = "".join(letter for letter in match["whole"] if letter.isdigit())
    amount = Decimal(f"{whole}.{match['part'] or 0}")
    if amount >= _LIMIT:
        raise InvalidRow(f'"{raw[:40]}" is no amount')
    minor = int(amount if currency in _WITHOUT_CENTS else amount * 100)
    is_negative = "-" in raw[: places[0]] or raw.startswith("(")
    return -minor if is_negative else minor


def split_list(text: str) -> list[str]:
    """Return the entries of a list in a cell; an entry that holds a comma itself cannot be told from two."""
    return [entry for entry in (part.strip() for part in text.split(",")) if entry]


def key_of_title(title: str) -> str:
    """Return the key of an offer that a file names by its title; Kajabi's ids are numbers, so none is like it."""
    return f"title:{title_key(title[:LINE], 90)}"


def interval(text: str) -> relativedelta | None:
    """Return the length of a subscription's period, None where the cell has none: "Month", "3 months", "yearly"."""
    names = plain_key(text).split("_")
    unit = next((_UNITS[name] for name in names if name in _UNITS), None)
    if unit is None:
        return None
    number = next((int(name) for name in names if name.isdigit() and 0 < len(name) < 3), 1) or 1
    name, factor = unit
    return relativedelta(**{name: number * factor})  # type: ignore[arg-type]
