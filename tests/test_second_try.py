"""In CI a failed test of real processes gets one more try; nothing else does, and no test on a developer's machine."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.harness.process import ROOT

SCRATCH = """
from pathlib import Path
import pytest

HERE = Path(__file__).parent

def number_of(name):
    with (HERE / name).open("a+") as tries:
        tries.write("x")
        return tries.tell()

@pytest.fixture(scope="module")
def shared():
    return number_of("made")

@pytest.mark.e2e
def test_before(shared):
    assert shared == 1

@pytest.mark.e2e
def test_unlucky(shared):
    assert number_of("unlucky") == 2, "the first try fails"
    assert shared == 2, "and the second one begins anew"

@pytest.mark.chaos
def test_broken():
    assert number_of("broken") == 0

def test_in_process():
    assert number_of("in_process") == 2
"""


def run(folder: Path, *, ci: str) -> str:
    """Run the scratch tests as CI runs the suite; return the summary."""
    (folder / "test_scratch.py").write_text(SCRATCH)
    (folder / "pytest.ini").write_text((ROOT / "pytest.ini").read_text().replace("DJANGO_SETTINGS_MODULE", "#"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    files = ["-c", "pytest.ini", "test_scratch.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "-p", "tests.harness.sharing", *files],
        cwd=folder,
        env=environment | {"CI": ci, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def tries(folder: Path) -> dict[str, int]:
    """Return how often each scratch test ran, and how often what they share was made."""
    return {name: (folder / name).stat().st_size for name in ("unlucky", "broken", "in_process", "made")}


def test_in_ci_real_processes_get_one_more_try_which_the_summary_names(tmp_path: Path) -> None:
    output = run(tmp_path, ci="true")
    assert tries(tmp_path) == {"unlucky": 2, "broken": 2, "in_process": 1, "made": 2}, output
    assert re.search("2 failed, 2 passed, 2 rerun", output), output
    assert "RERUN test_scratch.py::test_unlucky" in output
    assert "the first try fails" in output


def test_elsewhere_a_test_fails_at_once(tmp_path: Path) -> None:
    output = run(tmp_path, ci="")
    assert tries(tmp_path) == {"unlucky": 1, "broken": 1, "in_process": 1, "made": 1}, output
    assert re.search("3 failed, 1 passed", output), output
