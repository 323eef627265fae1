"""`make dev` restarts its processes after a change, and leaves none behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from config.reload import snapshot
from tests.harness.process import ROOT, wait_until

SERVER = """\
import os, pathlib, sys, time
with pathlib.Path("started").open("a") as file:
    file.write(f"{os.getpid()}\\n")
exec(pathlib.Path("core/part.py").read_text())
time.sleep(60)
"""
RELOAD = """\
import pathlib, sys
from config.reload import run
run([sys.executable, "server"], pathlib.Path.cwd())
"""


def test_changed_file_restarts_the_server_also_after_a_syntax_error(tmp_path: Path) -> None:
    started, part = tmp_path / "started", tmp_path / "core" / "part.py"
    part.parent.mkdir()
    part.write_text("")
    (tmp_path / "server").write_text(SERVER)

    def starts() -> list[int]:
        return [int(line) for line in started.read_text().splitlines()] if started.exists() else []

    with subprocess.Popen([sys.executable, "-c", RELOAD], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}) as process:
        try:
            wait_until(lambda: len(starts()) == 1, seconds=20, what="it runs")
            part.write_text("a mistake")
            wait_until(lambda: len(starts()) == 2, seconds=20, what="it is started with the mistake")
            part.write_text("mended = True")
            wait_until(lambda: len(starts()) == 3, seconds=20, what="it is started without the mistake")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert [pid for pid in starts() if Path(f"/proc/{pid}").exists()] == []


@pytest.mark.parametrize(
    ("changed", "matters"),
    [
        ("core/web.py", True),
        ("templates/page.html", True),
        (".env", True),
        ("core/tests/test_web.py", False),
        ("core/__pycache__/web.cpython-311.pyc", False),
        ("var/db.sqlite3", False),
    ],
)
def test_snapshot_holds_the_watched_files(tmp_path: Path, changed: str, matters: bool) -> None:
    path = tmp_path / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")
    assert (path in snapshot(tmp_path)) is matters
