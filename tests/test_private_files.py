"""No file below VAR_DIR is readable by others, whichever process creates it, under a server's usual umask."""

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.private_files import keep_private
from tests.harness import Process, Sender, embedded, purchase, wait_until
from tests.harness.process import ROOT
from tests.harness.servers import gunicorn


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> dict[str, str]:
    found = [folder, *folder.rglob("*")]
    modes = {str(path): path.lstat().st_mode for path in found if not path.is_symlink()}
    return {path: oct(mode) for path, mode in modes.items() if mode & (stat.S_IRWXG | stat.S_IRWXO)}


@pytest.mark.embedded
def test_files_of_every_process_are_private(tmp_path: Path) -> None:
    var = tmp_path / "var"
    (var / "mail").mkdir(parents=True)
    (var / "mail" / "old.eml").write_text("made by a version before this one")
    log = var / "logs" / "today" / "enlace.log"
    assert open_to_others(var), "as it was made before"
    with embedded(tmp_path, from_nothing=True, LOG_FILE=str(log), WEB_CONCURRENCY="1") as app, gunicorn(app):
        sender = Sender(app.url)
        assert sender.post(purchase("evt_private", "jane@example.com")).status == 200
        sender.close()
        wait_until(lambda: app.mail_files, seconds=30, what="the mail is there")
        celery = [sys.executable, "-m", "celery", "-A", "config", "beat", "--pidfile="]
        beat = Process("beat", celery, env=app.env, log=tmp_path / "beat.log")
        try:
            made = lambda: list(var.glob("celerybeat-schedule*"))  # noqa: E731
            wait_until(made, seconds=30, what=f"beat keeps its notes; {beat.log_path}")
        finally:
            beat.kill()
        names = {path.name for path in var.rglob("*")}
        assert {"db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "enlace.lock", "enlace.log", "old.eml"} <= names
        assert open_to_others(var) == {}
        assert oct(var.stat().st_mode & 0o777) == "0o700"
        assert not log.stat().st_mode & 0o177


def test_private_folder_is_left_alone(tmp_path: Path) -> None:
    keep_private(tmp_path / "var")
    shared = tmp_path / "var" / "shared.txt"
    shared.touch()
    shared.chmod(0o644)
    keep_private(tmp_path / "var")
    assert oct(shared.stat().st_mode & 0o777) == "0o644", "nobody gets through the folder: no walk at each start"


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.touch()
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "link").symlink_to(outside)
    keep_private(tmp_path / "var")
    assert oct(outside.stat().st_mode & 0o777) == "0o644"


@pytest.mark.parametrize(("command", "mode"), [("run", "0o600"), ("makemessages", "0o644")])
def test_files_in_the_checkout_keep_the_developers_umask(tmp_path: Path, command: str, mode: str) -> None:
    keep_private(tmp_path / "var", arguments=["manage.py", command])
    (tmp_path / "made").touch()
    assert oct((tmp_path / "made").stat().st_mode & 0o777) == mode


def test_settings_close_the_folder_before_creating_files() -> None:
    parts = {path.name: path.read_text() for path in (ROOT / "config" / "parts").glob("*.py")}
    assert "keep_private(VAR_DIR)" in parts.pop("place.py")
    makes = [source for source in parts.values() if ".mkdir(" in source]
    assert makes
    for source in makes:
        assert "from config.parts.place import" in source
