"""Parsing of form answers that report a completed course, in the many spellings of field names that people choose."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from core.text import plain_key
from integrations.contracts.events import CompletedCourse
from integrations.toolkit.reading import read_day, text_at

_COURSE = ("course_name", "course", "course_title", "name_of_course", "completed_course", "curso", "nombre_del_curso")
_DATE = ("completion_date", "completed_on", "completed_at", "date_completed", "date_of_completion", "date", "fecha",
         "fecha_de_finalizacion")  # fmt: skip
_CERTIFICATE = ("certificate_url", "certificate", "certificate_link", "certificate_of_completion",
                "link_to_certificate", "certificado", "url_del_certificado")  # fmt: skip
_NAME = ("student_name", "full_name", "name", "your_name", "nombre", "nombre_completo")
_CUSTOM = re.compile(r"custom_\d+")


def read(answers: Mapping[str, Any]) -> CompletedCourse:
    """Return the course in these answers.

    Native forms name their own fields custom_1, custom_2, …: there the one https address is the certificate, the one
    date the date, and the one other text the course; of two texts neither is guessed to be it.
    """
    named = {plain_key(name): text for name in answers if (text := text_at(answers, name))}
    custom = [text for name, text in named.items() if _CUSTOM.fullmatch(name)]
    addresses = [text for text in custom if text.lower().startswith("https://")]
    dates = [text for text in custom if text not in addresses and read_day(text)]
    texts = [text for text in custom if text not in addresses and text not in dates]
    return CompletedCourse(
        course=_first(named, _COURSE) or _only(texts),
        completed_on=read_day(_first(named, _DATE)) or read_day(_only(dates)),
        certificate_url=_first(named, _CERTIFICATE) or _only(addresses),
        student_name=_first(named, _NAME),
    )


def _first(named: Mapping[str, str], names: Iterable[str]) -> str:
    return next((named[name] for name in names if name in named), "")


def _only(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else ""
