"""Migrated databases, built once and copied: all migrations take as long as hundreds of tests.

They are kept (SQLite's under var/, PostgreSQL's in the server) by a digest of the migrations, so that a later run finds
them. `migrate` still runs on each copy: it applies nothing, and brings permissions and roles in line with the models.
"""

import fcntl
import hashlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from tests.harness.environment import environment
from tests.harness.process import ROOT, run_to_end

FOLDER = ROOT / "var" / "test-databases"
PREFIX = "enlace_migrated_"


@cache
def digest() -> str:
    """Return a digest of our migrations and of the versions of Django and its applications."""
    files = [ROOT / "requirements.txt", *sorted(ROOT.glob("*/migrations/*.py"))]
    return hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()[:20]


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released with the file, however this process ends
        yield


def _migrate(directory: Path, **changes: str) -> None:
    command = [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"]
    run_to_end(command, env=environment(directory, 0, **changes), seconds=300)


def make_file() -> Path:
    """Return the migrated SQLite database, which is not to be written to."""
    stored = FOLDER / f"{digest()}.sqlite3"
    with _one_at_a_time("sqlite"):
        if not stored.exists():
            for old in FOLDER.glob("*.sqlite3"):
                old.unlink()
            with tempfile.TemporaryDirectory(dir=FOLDER) as directory:
                _migrate(Path(directory))
                (Path(directory) / "db.sqlite3").rename(stored)
    return stored


def copy_file(target: Path) -> None:
    """Create `target` as a migrated SQLite database that only its owner can read."""
    shutil.copyfile(make_file(), target)
    target.chmod(0o600)


def template(server_url: str) -> str:
    """Return the name of a migrated database of that PostgreSQL server, for CREATE DATABASE … TEMPLATE."""
    name = PREFIX + digest()
    with _one_at_a_time("postgres"), psycopg.connect(server_url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]
        ).fetchall()
        if (name,) not in found:
            making = f"{PREFIX}unfinished"
            for (old,) in found:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(old)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
            with tempfile.TemporaryDirectory() as directory:
                _migrate(Path(directory), DATABASE_URL=urlsplit(server_url)._replace(path=f"/{making}").geturl())
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(name))
            )
    return name
