"""docs/conformance.md names only files and tests that exist, and for each row a test."""

import pytest

from tests.documents import PATH, ROOT, assert_exists, named_in

TEXT = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")


def rows() -> list[list[str]]:
    lines = [line for line in TEXT.splitlines() if line.startswith("| ") and not line.startswith("| wanted")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@pytest.mark.parametrize(("path", "function"), named_in(TEXT), ids=str)
def test_named_file_and_function_exist(path: str, function: str) -> None:
    assert_exists(path, function)


def test_every_row_names_a_requirement_a_place_and_a_test() -> None:
    assert [row for row in rows() if len(row) != 3] == []
    silent = [what for what, _where, test in rows() if not any("test_" in path for path, _name in PATH.findall(test))]
    assert silent == []


def test_every_document_has_its_section() -> None:
    titles = [line.removeprefix("## ") for line in TEXT.splitlines() if line.startswith("## ")]
    assert len(titles) == 5
