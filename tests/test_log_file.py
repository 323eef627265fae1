"""LOG_FILE: private, written by several processes at once, rotated meanwhile, never the cause of a failure."""

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.log_file import LogFile, prepared
from tests.harness.environment import environment
from tests.harness.process import ROOT

WRITER = """
import logging, sys
from config.log_file import LogFile
logger = logging.getLogger("writer")
logger.addHandler(LogFile(sys.argv[1]))
for number in range(int(sys.argv[3])):
    logger.warning("%s-%d %s", sys.argv[2], number, "x" * (20_000 if number % 10 == 0 else 50))
"""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, __file__, 1, text, (), None)


# Where it lies --------------------------------------------------------------------------------------------------------


def test_folders_and_file_are_private(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "today" / "test.log"
    assert prepared(f" {path} ") == str(path)
    assert (mode_of(path), mode_of(path.parent), path.read_text()) == (0o600, 0o700, "")
    LogFile(str(path)).emit(record("one"))
    assert prepared(str(path)) == str(path)
    assert path.read_text() == "one\n"


def test_relative_name_is_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepared("logs/test.log") == str(tmp_path / "logs" / "test.log")
    assert (tmp_path / "logs" / "test.log").is_file()


@pytest.mark.parametrize("name", ["", "  "])
def test_empty_name_creates_no_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert prepared(name) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["file/below/a.log", ".", "\0", "/proc/nowhere/a.log"])
def test_unwritable_name_is_an_error_that_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="^LOG_FILE="):
        prepared(name)


@pytest.mark.parametrize("value", ["", "nested/logs/enlace.log"])
def test_lines_of_a_command_go_to_the_file_or_to_stderr(tmp_path: Path, value: str) -> None:
    env = environment(tmp_path / "var", 8000, LOG_FILE=value, PYTHONPATH=str(ROOT))
    code = "import logging; logging.getLogger('webhooks').info('a line of jane@example.com')"
    run = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports", "--command", code]
    done = subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=True)
    written = (tmp_path / value).read_text() if value else done.stderr
    assert 'event="a line of j•••@example.com"' in written
    assert ("a line of" in done.stderr) is not bool(value)


# Writing --------------------------------------------------------------------------------------------------------------


def test_processes_lose_no_line_while_the_file_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "enlace.log"
    many, each = 4, 400
    run = [sys.executable, "-c", WRITER, str(path)]
    env = environment(tmp_path, 8000, PYTHONPATH=str(ROOT), DJANGO_SETTINGS_MODULE="config.settings")
    writers = [
        subprocess.Popen([*run, str(number), str(each)], env=env, stderr=subprocess.PIPE, text=True)
        for number in range(many)
    ]
    moved = 0
    while any(writer.poll() is None for writer in writers):
        if path.exists() and path.stat().st_size > 200_000:
            path.rename(tmp_path / f"enlace.log.{moved}")
            moved += 1
    assert [writer.communicate()[1] for writer in writers] == [""] * many
    lines = [line for file in tmp_path.glob("enlace.log*") for line in file.read_text().splitlines()]
    assert moved > 1
    assert sorted(line.split()[0] for line in lines) == sorted(f"{a}-{b}" for a in range(many) for b in range(each))
    assert {len(line.split()[1]) for line in lines} == {50, 20_000}


def test_unwritable_line_goes_to_stderr_and_the_next_one_to_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "logs" / "enlace.log"
    handler = LogFile(prepared(str(path)))
    handler.emit(record("one"))
    path.unlink()
    path.parent.rmdir()
    handler.emit(record("two"))
    assert capsys.readouterr().err == "two not_in_log_file=FileNotFoundError\n"
    path.parent.mkdir()
    handler.emit(record("three 📥 \ud800"))
    assert path.read_bytes() == "three 📥 \\ud800\n".encode()
    assert mode_of(path) == 0o600
    handler.close()


def test_unformattable_record_raises_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = logging.LogRecord("x", logging.INFO, __file__, 1, "%d", ("jane@example.com",), None)
    LogFile(str(tmp_path / "a.log")).emit(broken)
    assert capsys.readouterr().err == " not_in_log_file=TypeError\n"
