"""A purchase and a contact change run through no more functions of their own than their limits."""

import re
import subprocess
import sys

import pytest

from tests.harness.process import ROOT

# Those beside the platform, which every webhook runs through and is read once. Lowered with every change that shortens
# a walk; `python -m tests.walk --list` names the functions.
MOST_FUNCTIONS = {"purchase": 80, "contact change": 107}
TOTAL = re.compile(r"^(\w[\w ]*): \d+ functions in \d+ modules, (\d+) of them beside the platform's$", re.MULTILINE)


@pytest.fixture(scope="module")
def printed() -> str:
    command = [sys.executable, "-m", "tests.walk", "--list", "--once"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_walks_stay_within_their_function_limits(printed: str) -> None:
    functions = {name: int(count) for name, count in TOTAL.findall(printed)}
    assert functions.keys() == MOST_FUNCTIONS.keys()
    assert {name: count for name, count in functions.items() if count > MOST_FUNCTIONS[name]} == {}


def test_walk_lists_functions_with_their_place_and_those_called_once(printed: str) -> None:
    assert re.search(r"^    (\S+/webhooks\.py):\d+ WebhookView\.post$", printed, re.MULTILINE)
    assert re.search(r"^  \S+\.py:\d+ \S+: \d+ lines, called at \S+\.py:\d+$", printed, re.MULTILINE)
