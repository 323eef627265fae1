"""CONTACT_DELETIONS is one of three values, however it is written, and any other stops the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def started_with(given: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Read the settings as every start does, with CONTACT_DELETIONS as given."""
    return subprocess.run(
        [sys.executable, "-c", "import config.settings as s; print(s.CONTACT_DELETIONS)"],
        env=os.environ | {"ENV_FILE": "", "VAR_DIR": str(folder), "CONTACT_DELETIONS": given},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(("given", "chosen"), [("", "never"), (" Mark ", "mark"), ("ASK", "ask"), ("never", "never")])
def test_deletions_setting_is_never_mark_or_ask(tmp_path: Path, given: str, chosen: str) -> None:
    started = started_with(given, tmp_path)
    assert (started.returncode, started.stdout.strip()) == (0, chosen), started.stderr


@pytest.mark.parametrize("given", ["delete", "true", "mark,ask"])
def test_any_other_deletions_setting_stops_the_start(tmp_path: Path, given: str) -> None:
    started = started_with(given, tmp_path)
    assert (started.returncode == 0, started.stdout) == (False, "")
    assert started.stderr.strip().endswith(f'CONTACT_DELETIONS is "never", "mark" or "ask", not {given!r}')
