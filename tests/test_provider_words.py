"""No provider is named outside of its folder: shared code is the same for all of them."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
WORD = re.compile(r"kajabi|nowcerts|gohighlevel|(?<![a-z])ghl|chatwoot", re.IGNORECASE)
FOLDERS = ("core", "accounts", "config", "templates")
ENDINGS = {".py", ".html", ".txt", ".js", ".css", ".svg"}
APART = {"tests", "migrations", "__pycache__"}
# What the documents of the installation, or its columns, fix.
ALLOWED = [
    r"\b(?:[A-Z]+_)?(?:KAJABI|NOWCERTS|GHL|CHATWOOT)_[A-Z][A-Z0-9_]*\b",  # names of variables
    r"\^api/kajabi/(?:setup-password|resend-setup-email)/",  # addresses that other front ends call
    # where a user comes from (`auth_provider`), which is whose offers a plan is sold by, too
    r'KAJABI = "kajabi", _\("came from Kajabi"\)',
    r"\bAuthProvider\.KAJABI\b",
    # the table `companies`: its column, the names that follow from it, and labels that the migrations know
    r"chatwoot_account_id\b",
    r'"chatwoot_[{"]',
    r'_?\("account in Chatwoot"\)',
    r'_\("as Chatwoot names them: id, name, e-mail"\)',
]


def paths() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in ENDINGS and APART.isdisjoint(path.relative_to(ROOT).parts) and path.stem != "conftest":
                yield path


def test_search_covers_source_files() -> None:
    assert len(list(paths())) > 200


def test_no_shared_file_is_named_after_a_provider() -> None:
    assert [name for path in paths() if WORD.search(name := str(path.relative_to(ROOT)))] == []


def test_no_shared_line_names_a_provider() -> None:
    allowed = re.compile("|".join(ALLOWED))
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if WORD.search(allowed.sub("", line))
    ]
    assert found == []


@pytest.mark.parametrize("pattern", ALLOWED)
def test_every_exception_is_needed(pattern: str) -> None:
    assert any(re.search(pattern, path.read_text(encoding="utf-8")) for path in paths())
