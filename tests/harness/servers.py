"""gunicorn beside the embedded default, on the same installation, for rules that hold on both servers."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.embedded import Embedded, answers_health
from tests.harness.process import Process, free_port, wait_until


@contextmanager
def gunicorn(app: Embedded, **changes: str) -> Iterator[int]:
    """Yield the port of a gunicorn beside `app`, on the same database; `changes` are variables."""
    port = free_port()
    command: list[str | Path] = [Path(sys.executable).with_name("gunicorn"), "-c", "config/gunicorn.py", "config.wsgi"]
    env = app.env | {"PORT": str(port)} | changes
    server = Process("gunicorn", command, env=env, log=app.directory / "gunicorn.log")
    try:
        wait_until(lambda: answers_health(port), seconds=30, what=f"gunicorn answers; its log: {server.log_path}")
        yield port
    finally:
        server.kill()
