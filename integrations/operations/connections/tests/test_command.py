"""`manage.py connections` in a process of its own: 80 columns, JSON for scripts, an exit code that can be trusted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import kajabi_records
from tests.fakes.kajabi import CLIENT_ID, CLIENT_SECRET, FakeKajabi
from tests.harness.environment import WEBHOOK_SECRET, WEBHOOK_TOKEN, environment
from tests.harness.migrated import copy_file
from tests.harness.process import ROOT

pytestmark = pytest.mark.embedded


class Installation:
    """An empty installation; `run` returns the exit code and the output of the command."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        copy_file(directory / "db.sqlite3")

    def run(self, *options: str, **settings: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "connections", *options],
            cwd=ROOT,
            env=environment(self.directory, 0, MAX_RETRIES="0", NO_PROXY="127.0.0.1", **settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert WEBHOOK_TOKEN not in done.stdout + done.stderr
        assert WEBHOOK_SECRET not in done.stdout + done.stderr
        return done.returncode, done.stdout


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def report(printed: str, key: str = "kajabi") -> Any:
    return next(one for one in json.loads(printed) if one["provider"] == key)


def test_connections_that_are_not_finished_are_no_failure_and_fit_80_columns(installation: Installation) -> None:
    code, printed = installation.run()
    assert code == 0
    assert "Kajabi: not finished" in printed
    assert "NowCerts: not used" in printed
    assert "next          Nothing ever came" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_check_calls_each_api_and_reports_it_as_json(installation: Installation) -> None:
    with FakeKajabi() as kajabi:
        kajabi.add(kajabi_records.site("1", title="Academy"))
        access = {
            "KAJABI_CLIENT_ID": CLIENT_ID,
            "KAJABI_CLIENT_SECRET": CLIENT_SECRET,
            "KAJABI_API_BASE_URL": kajabi.url,
        }
        code, printed = installation.run("--check", "--json", **access)
        found = report(printed)
        assert (code, found["reachable"]) == (0, True)
        assert [one["verdict"] for one in found["checked"]] == ["ok"] * 4
        assert report(printed, "nowcerts")["reachable"] is None

        asked = len(kajabi.exchanges)
        code, printed = installation.run("--json", **access)
        assert (code, report(printed)["checked"], len(kajabi.exchanges)) == (0, None, asked)

        code, printed = installation.run("--check", **access | {"KAJABI_CLIENT_SECRET": "wrong-of-tests"})
    assert code == 1
    assert "Kajabi: needs repair" in printed
    assert "The credentials are refused" in " ".join(printed.split())
    assert max(len(line) for line in printed.splitlines() if "http" not in line) <= 80


def test_half_set_connection_is_a_failure_without_any_call(installation: Installation) -> None:
    code, printed = installation.run("--json", GHL_API_KEY="a-key-of-tests")
    assert code == 1
    found = report(printed, "gohighlevel")
    assert (found["state"], found["next"][0]["code"]) == ("needs repair", "half_set")
    assert "GHL_LOCATION_ID" in found["missing"]
