"""Text from outside is bounded before anything works on it, and one rule says what becomes of what is too long."""

import ast
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text import (
    EMAIL,
    ENTRIES,
    IDENTIFIER,
    KEY,
    LINE,
    NAME,
    TEXT,
    InvalidAddress,
    bounded,
    clean_name,
    email_or_empty,
    fits,
    identifier,
    normalise_email,
    one_line,
    plain_key,
    storable,
    title_key,
)

ROOT = Path(__file__).resolve().parents[2]


def modules() -> list[Path]:
    """Return the project's own source files, tests among them."""
    folders = ("config", "core", "accounts", "integrations", "tests")
    return [path for folder in folders for path in (ROOT / folder).rglob("*.py")]


def test_unicodedata_is_imported_by_this_module_alone() -> None:
    users = set()
    for path in modules():
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)) if "unicodedata" in text else ():
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if "unicodedata" in names or (isinstance(node, ast.ImportFrom) and node.module == "unicodedata"):
                users.add(path.relative_to(ROOT).as_posix())
    assert users == {"core/text.py"}


def test_name_that_is_too_long_is_cut() -> None:
    assert clean_name("J" * 20_000) == "J" * NAME
    assert clean_name("Jane " + "\u0301\u0323" * 60_000).startswith("Jane")
    assert len(clean_name("\u0301\u0323" * 60_000)) <= NAME


def test_line_that_is_too_long_is_cut() -> None:
    assert one_line("a b\n" * 1000) == "a b " * (LINE // 4 - 1) + "a b"
    assert one_line("x" * 300, 50) == "x" * 50


def test_identifier_that_is_too_long_is_replaced_by_its_digest() -> None:
    one, other = "x" * 20_000 + "1", "x" * 20_000 + "2"
    assert identifier("x" * IDENTIFIER) == "x" * IDENTIFIER
    assert identifier(one) != identifier(other)
    assert len(identifier(one)) <= IDENTIFIER
    assert identifier(identifier(one)) == identifier(one)
    assert identifier("\ud800" * 200).startswith("long:")


def test_address_that_is_too_long_is_none() -> None:
    for raw in ("a@" + "\u0301\u0323" * 60_000, "a" * 300 + "@example.com", " " * 600 + "jane@example.com"):
        with pytest.raises(InvalidAddress) as refused:
            normalise_email(raw)
        assert len(str(refused.value)) < 200
    assert fits("+1 305 555 0100" * 10, 50) == ""
    assert len(normalise_email("a" * 60 + "@" + "x" * 60 + ".com")) < EMAIL


@pytest.mark.parametrize(("raw", "stored"), [(" Jane@Example.COM. ", "jane@example.com"), ("", ""), ("no address", "")])
def test_address_that_is_none_has_an_empty_stored_form(raw: str, stored: str) -> None:
    assert email_or_empty(raw) == stored


def test_document_keeps_what_is_within_its_limits() -> None:
    document = {"a": "x" * 20_000, "k" * (KEY + 1): 1, "list": list(range(ENTRIES + 1)), "n": 1.5, "none": None}
    kept = bounded(document)
    assert kept == {"a": "x" * TEXT, "list": list(range(ENTRIES)), "n": 1.5, "none": None}
    assert bounded(kept) == kept
    deep: list[object] = []
    for _level in range(2000):
        deep = [deep]
    assert str(bounded(deep)).count("[") == 33


def test_keys_compare_spellings() -> None:
    assert title_key("  Ｌife  Insurance ") == title_key("life insurance")
    assert plain_key("Fecha de finalización:") == "fecha_de_finalizacion"
    assert len(title_key("ﷺ" * 400)) <= 255
    assert storable("a\x00b\ud800") == "a\ufffdb\ufffd"


@given(st.text(max_size=60))
def test_one_line_is_the_same_whether_or_not_each_letter_had_to_be_looked_at(text: str) -> None:
    assert one_line(text) == one_line(f"\x01{text}\x01")
    assert not {"\n", "\r", "\x00", "\x1b", "\x85"}.intersection(one_line(text))
