"""S13: no spreadsheet calculates a cell of a table that Enlace exports."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest
from django.contrib import admin
from django.test import Client
from django.urls import get_resolver, reverse

from core.tables.cells import neutral
from tests.security import hostile

pytestmark = pytest.mark.django_db

FORMULA = 'HYPERLINK("https://evil.example","x")'
FULL_WIDTH = ["\uff1d", "\uff0b", "\uff0d", "\uff20"]  # = + - @
BEGINNINGS = [*"=+-@|%\t\r\n", *FULL_WIDTH, "\t=", "\r=", "\n=", " =", "\u3000=", " \uff1d"]
EXPORTS = {"accounts_completion_export": "accounts_completion"}


def cells_of(content: bytes, kind: str) -> Iterator[Any]:
    """Return every cell of a table as a spreadsheet reads it; a formula of a workbook begins with "="."""
    if kind == "csv":
        for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")):
            yield from row
        return
    for sheet in openpyxl.load_workbook(io.BytesIO(content)).worksheets:
        for line in sheet.iter_rows():
            for cell in line:
                assert cell.data_type != "f", cell.value
                yield cell.value


def is_calculated(cell: Any) -> bool:
    return isinstance(cell, str) and cell.lstrip()[:1] in (*"=+-@|%\t\r\n", *FULL_WIDTH) and bool(cell.strip())


def test_every_export_of_the_console_is_known() -> None:
    names = [name for name in get_resolver().namespace_dict["admin"][1].reverse_dict if isinstance(name, str)]
    assert {name for name in names if "export" in name} == set(EXPORTS)


@pytest.mark.parametrize("export", EXPORTS)
def test_formula_cell_is_exported_as_text_in_every_format(staff: Any, client: Client, export: str) -> None:
    client.force_login(staff)
    models = {f"{model._meta.app_label}_{model._meta.model_name}": model for model in admin.site._registry}
    model = models[EXPORTS[export]]
    row = next(row for row in hostile.make_all() if isinstance(row, model))
    texts = [field for field in hostile.text_fields(model) if field.get_internal_type() != "JSONField"]
    columns = dict.fromkeys(columns_of(client, export), "on")
    for beginning in BEGINNINGS:
        cell = f"{beginning}{FORMULA}"
        model._base_manager.filter(pk=row.pk).update(**{field.name: cell[: field.max_length] for field in texts})
        for number, format_class in enumerate(admin.site._registry[model].get_export_formats()):
            answer = client.post(reverse(f"admin:{export}"), {"format": str(number), "resource": "0", **columns})
            assert "attachment" in answer["Content-Disposition"]
            cells = list(cells_of(answer.content, format_class().get_extension()))
            assert [cell for cell in cells if is_calculated(cell)] == [], beginning
            assert sum(isinstance(cell, str) and FORMULA in cell for cell in cells) > 4, "the texts stand in the table"


def columns_of(client: Client, export: str) -> list[str]:
    form = client.get(reverse(f"admin:{export}")).context["form"]
    return [name for name, field in form.fields.items() if field.widget.input_type == "checkbox"]


@pytest.mark.parametrize("beginning", BEGINNINGS, ids=repr)
def test_text_is_escaped_once(beginning: str) -> None:
    once = neutral(f"{beginning}{FORMULA}")
    assert once.startswith("'")
    assert neutral(once) == once
