"""Parsing of form answers that report a completed course, in the many spellings of field names that people choose."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from core import spellings
from core.text import plain_key
from integrations.contracts.events import CompletedCourse
from integrations.toolkit.reading import moment_at, read_day, text_at

_CUSTOM = re.compile(r"custom_\d+")


def read(answers: Mapping[str, Any]) -> CompletedCourse:
    """Return the course in these answers.

    Native forms name their own fields custom_1, custom_2, …: there the one https address is the certificate, the one
    date the date, and the one other text the course; of two texts neither is guessed to be it.
    """
    named = named_answers(answers)
    custom = [text for name, text in named.items() if _CUSTOM.fullmatch(name)]
    addresses = [text for text in custom if text.lower().startswith("https://")]
    days = [text for text in custom if text not in addresses and read_day(text)]
    texts = [text for text in custom if text not in addresses and text not in days]
    return CompletedCourse(
        course=stated(named, "course") or _only(texts),
        completed_on=_day(named) or read_day(_only(days)),
        certificate_url=stated(named, "certificate_url") or _only(addresses),
        student_name=stated(named, "name"),
    )


def named_answers(answers: Mapping[str, Any]) -> dict[str, str]:
    """Return the answers that are texts or numbers, by the plain names of their fields; of two spellings the first."""
    named: dict[str, str] = {}
    for name in answers:
        if text := text_at(answers, name):
            named.setdefault(plain_key(name), text)
    return named


def stated(named: Mapping[str, str], field: str) -> str:
    """Return what the answers say under any spelling of a field (`core.spellings`); "" without one."""
    name = spellings.first(field, named)
    return named[name] if name else ""


def _day(named: Mapping[str, str]) -> date | None:
    """Return the day as it was written; what cannot be read for certain is a doubt, for staff."""
    name = spellings.first("completed_on", named)
    return read_day(named[name]) if name and moment_at(named, [(name,)]) else None


def _only(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else ""
