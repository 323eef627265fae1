"""Embedded default as a newcomer runs it: `manage.py run`, one process, files in one directory."""

import http.client
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.environment import environment
from tests.harness.migrated import copy_file
from tests.harness.process import ROOT, Process, free_port, wait_until
from tests.harness.rows import Rows


def answers_health(port: int) -> bool:
    """Return whether GET /health on that port answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Embedded:
    """Installation in `directory`, with the same port and data over any number of starts."""

    def __init__(self, directory: Path, **changes: str) -> None:
        self.directory = directory
        self.var_dir = directory / "var"
        self.var_dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(self.var_dir, self.port, **changes)
        self.rows = Rows(self.var_dir / "db.sqlite3")
        self.starts = 0
        self.process: Process | None = None

    @property
    def running(self) -> Process:
        assert self.process is not None, "not started"
        return self.process

    @property
    def log(self) -> str:
        """Return the output of the latest start."""
        return self.running.log

    @property
    def mail_files(self) -> list[Path]:
        """Return the sent mails, oldest first."""
        return sorted((self.var_dir / "mail").glob("**/*.eml"), key=lambda path: path.stat().st_mtime_ns)

    def spawn(self, **changes: str) -> Process:
        """Start the process without waiting for it; `changes` hold for this start only."""
        self.starts += 1
        self.process = Process(
            f"run {self.starts}",
            [sys.executable, ROOT / "manage.py", "run"],
            env=self.env | changes,
            log=self.directory / f"run-{self.starts}.log",
        )
        return self.process

    def start(self, *, within: float = 120, **changes: str) -> None:
        """Start it; return once it prints `ready:` and /health answers 200."""
        process = self.spawn(**changes)

        def is_ready() -> bool:
            assert process.is_alive, f"it ended with {process.popen.returncode}:\n{process.log[-5000:]}"
            return f"ready: {self.url}" in process.log and answers_health(self.port)

        wait_until(is_ready, seconds=within, what=f"ready and healthy; its log: {process.log_path}", every=0.05)

    def kill(self) -> None:
        self.running.kill()

    def terminate(self, *, within: float = 30) -> int:
        return self.running.terminate(within=within)


@contextmanager
def embedded(directory: Path, *, from_nothing: bool = False, **changes: str) -> Iterator[Embedded]:
    """Run an embedded installation in `directory` until the end of the block. `changes` are variables.

    Its database is migrated already, unless it is to be made `from_nothing`.
    """
    app = Embedded(directory, **changes)
    if not from_nothing:
        copy_file(app.var_dir / "db.sqlite3")
    try:
        app.start()
        yield app
    finally:
        if app.process is not None:
            app.process.kill()
