"""CONTRIBUTING.md names existing files, the hooks run the checks of `make lint`, and one place holds the version."""

import re

import yaml

from config import __version__
from tests.harness.process import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))


def test_contributing_names_targets_that_exist() -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXT, re.MULTILINE))
    assert len(named) > 5
    assert named - TARGETS == set()


def test_contributing_names_files_that_exist() -> None:
    named = {name.rstrip("/") for name in re.findall(r"\b(?:[\w-]+/)+[\w.-]*|\b[A-Z]+\.md", TEXT)}
    named = {name for name in named if not name.startswith(("var/", "bin/")) and (ROOT / name.split("/")[0]).exists()}
    assert len(named) > 5
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_hooks_run_the_checks_of_make_lint() -> None:
    lints = re.search(r"^LINTS := (.+)$", MAKEFILE, re.MULTILINE)
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]
    assert lints
    assert [hook["entry"] for hook in hooks] == [f"make {name}" for name in lints[1].split()]
    assert set(lints[1].split()) <= TARGETS


def test_newest_release_in_the_changelog_is_the_version() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    releases = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert not releases or releases[0] == __version__
