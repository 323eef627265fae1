"""`manage.py import_completions`: any number of rows, errors by line, little memory."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from accounts.courses import points
from accounts.courses.models import Completion
from accounts.courses.tests.tables import csv_of, xlsx_of
from accounts.people.models import User
from tests.harness.environment import IS_LONG

pytestmark = pytest.mark.django_db
HEADINGS = ("email", "course", "completed_on")
ROWS = 50_000 if IS_LONG else 20_000  # of a long file: read as a whole they would take more than the memory allowed


def run(path: Path, *options: str) -> str:
    said = StringIO()
    call_command("import_completions", str(path), *options, stdout=said)
    return said.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(rows: Any, name: str = "done.csv") -> Path:
        path = tmp_path / name
        path.write_bytes((xlsx_of if name.endswith("xlsx") else csv_of)(rows, headings=HEADINGS))
        return path

    return write


@pytest.mark.parametrize("name", ["done.csv", "done.XLSX"])
def test_file_is_imported_once(file: Any, user: User, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    make = csv_of if name.endswith("csv") else xlsx_of
    path.write_bytes(
        make([(user.email, "A", "2026-03-01"), (user.email, "a", "2026-03-02"), ("x@y.zz", "A", "2026-03-01")],
             headings=HEADINGS)
    )  # fmt: skip
    assert run(path).splitlines()[-1] == "1 awarded, 1 matched, 1 received, 0 known, 0 wrong"
    assert run(path).splitlines()[-1] == "0 awarded, 0 matched, 0 received, 3 known, 0 wrong"
    assert (Completion.objects.count(), points.balance(user)) == (3, 20)


def test_progress_is_shown(file: Any, user: User, capsys: Any) -> None:
    run(file([(user.email, f"Course {n}", "2026-03-01") for n in range(20)]))
    assert "20/20" in capsys.readouterr().err


def test_dry_run_prints_the_effect_of_each_row_and_writes_nothing(file: Any, user: User) -> None:
    said = run(file([(user.email, "A", "2026-03-01"), ("x@y.zz", "A", "2026-03-01")]), "--dry-run")
    assert said.splitlines() == [
        "line 2: 20 points for jane@example.com",
        "line 3: needs your decision: nobody has this address",
        "2 read, 0 wrong; nothing was written",
    ]
    assert Completion.objects.count() == 0


def test_wrong_rows_are_named_and_the_others_imported(file: Any, user: User, capsys: Any) -> None:
    path = file([(user.email, "A", "2026-03-01"), ("x", "A", "2026-03-01"), (user.email, "B", "")])
    with pytest.raises(CommandError, match="Correct the lines"):
        run(path)
    assert "line 3: 'x' is no e-mail address" in capsys.readouterr().err
    assert (Completion.objects.count(), points.balance(user)) == (1, 20)


def test_file_that_is_not_there_or_no_table_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(CommandError):
            run(path)
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(b"PK")
    with pytest.raises(CommandError, match="no XLSX workbook"):
        run(broken)


def test_activity_that_is_not_there_is_refused(file: Any) -> None:
    with pytest.raises(CommandError, match="no active activity 'NONE'"):
        run(file([]), "--activity", "NONE")


@pytest.mark.once
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read off Linux's /proc")
@pytest.mark.parametrize("name", ["done.csv", "done.xlsx"])
def test_long_file_takes_the_memory_of_a_short_one(file: Any, tmp_path: Path, name: str) -> None:
    """Read in a process of its own, whose peak is asked of the system, without the database's part.

    Not by getrusage: on Linux it begins with the size of the process that this one was forked from.
    """
    path = file([(f"member{n}@example.com", f"Course {n % 50}", "2026-03-01") for n in range(ROWS)], name)
    program = (
        "import re, sys, psutil\n"
        "from accounts.courses.completion_file import rows_of\n"
        "def peak(pid): return int(re.search(r'VmHWM:\\s+(\\d+)', open(f'/proc/{pid}/status').read())[1]) // 1024\n"
        "reader = 0\n"
        "for count, _ in enumerate(rows_of(open(sys.argv[1], 'rb'), name=sys.argv[1], seconds=300), start=1):\n"
        "    if count % 5_000 == 2_500:\n"
        "        reader = max(reader, *[peak(one.pid) for one in psutil.Process().children()])\n"
        "print(count, peak('self'), reader)\n"
    )
    environment = os.environ | {"ENV_FILE": "", "VAR_DIR": str(tmp_path), "SECRET_KEY": "x"}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    told = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{program}", str(path)],
        env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=True,
    )  # fmt: skip
    count, megabytes, of_reader = map(int, told.stdout.split())
    assert count == ROWS
    assert megabytes < 150
    assert 0 < of_reader < 100
