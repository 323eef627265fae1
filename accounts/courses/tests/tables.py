"""Files of completions, as people make them."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import openpyxl

HEADINGS = ("email", "course", "completed_on", "name", "certificate_url", "source")


def csv_of(rows: Sequence[Sequence[Any]], *, headings: Sequence[str] = HEADINGS, delimiter: str = ",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([headings, *rows])
    return text.getvalue().encode("utf-8-sig")


def xlsx_of(rows: Sequence[Sequence[Any]], *, headings: Sequence[str] = HEADINGS) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [headings, *rows]:
        sheet.append(list(row))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()
