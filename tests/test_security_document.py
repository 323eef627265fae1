"""docs/security.md names every requirement of ASVS level 2 once, and only files and tests that exist."""

import re
from collections import Counter

import pytest

from tests.documents import PATH, ROOT, assert_exists, named_in

DOCUMENT = ROOT / "docs" / "security.md"
REQUIREMENTS = ROOT / "tests" / "security" / "asvs-5.0.0-level-2.txt"
TEXT = DOCUMENT.read_text(encoding="utf-8")
_NUMBERS = re.compile(r"\|\s*(\d+\.\d+\.\d+(?:, \d+\.\d+\.\d+)*)\s*\|(.*)\|")
# How a row says in its column "how" that something is not as the standard wants it.
NOT_MET, IN_PART = "**Not met.**", "**In part.**"


def required() -> list[str]:
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    return [line.split()[0] for line in lines if not line.startswith("#")]


def rows() -> list[tuple[str, str]]:
    """Return each requirement's number with the rest of its row."""
    found = (_NUMBERS.fullmatch(line) for line in TEXT.splitlines())
    return [(number, match[2]) for match in found if match for number in match[1].split(", ")]


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title}"
    return found[1]


def test_list_of_requirements_is_complete() -> None:
    numbers = required()
    assert len(numbers) == len(set(numbers)) == 253
    assert sum(line.endswith(" L1") for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()) == 70


def test_document_lists_every_requirement_once() -> None:
    counted = Counter(number for number, _row in rows())
    assert [number for number in required() if counted[number] == 0] == []
    assert [number for number, times in counted.items() if times > 1] == []
    assert sorted(set(counted) - set(required())) == []


def test_unmet_requirements_are_listed_at_the_beginning() -> None:
    listed = re.findall(r"^- (\d+\.\d+\.\d+)", section("What is not met"), re.MULTILINE)
    unmet = [number for number, row in rows() if NOT_MET in row or IN_PART in row]
    assert sorted(listed) == sorted(unmet)


@pytest.mark.parametrize(("path", "function"), named_in(TEXT), ids=str)
def test_named_file_and_function_exist(path: str, function: str) -> None:
    assert_exists(path, function)


def test_row_with_an_answer_names_a_place_or_a_test() -> None:
    silent = [number for number, row in rows() if not PATH.search(row) and "Not applicable" not in row]
    exempt = [number for number in silent if NOT_MET not in dict(rows())[number]]
    assert exempt == []


def test_security_tests_are_numbered_from_s1_to_s20() -> None:
    found = re.findall(r"^\| S(\d+) \|(.*)$", section("The security tests"), re.MULTILINE)
    assert [int(number) for number, _row in found] == list(range(1, 21))
    for number, row in found:
        assert any(name.startswith("test_") for _path, name in PATH.findall(row)), f"S{number} names no test"
