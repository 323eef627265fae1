"""Private Redis (or Valkey) server of a test, which may be stopped, emptied and killed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.harness.process import Process, free_port, wait_until


def redis_binary() -> str | None:
    """Return the path of an installed redis-server or valkey-server, or None."""
    return shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """Server on a free port that stores nothing on disk."""

    def __init__(self, directory: Path) -> None:
        binary = redis_binary()
        assert binary, "neither redis-server nor valkey-server is installed"
        self.binary = binary
        self.directory = directory
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port, socket_timeout=5)
        self.process: Process | None = None

    def start(self) -> None:
        """Start it (again, on the same port); return once it answers."""
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--appendonly", "no"]
        self.process = Process(
            "redis",
            [self.binary, *options, "--dir", str(self.directory)],
            env={"PATH": os.environ["PATH"]},
            log=self.directory / "redis.log",
        )

        def answers() -> bool:
            try:
                return bool(self.client.ping())
            except redis.ConnectionError:
                return False

        wait_until(answers, seconds=10, what="redis answers", every=0.02)

    @property
    def running(self) -> Process:
        assert self.process is not None, "not started"
        return self.process

    def kill(self) -> None:
        self.running.kill()

    def pause(self) -> None:
        self.running.pause()

    def resume(self) -> None:
        self.running.resume()

    def flush(self) -> None:
        """Delete everything: queues, cache, unacknowledged messages."""
        self.client.flushall()


@contextmanager
def private_redis(directory: Path) -> Iterator[RedisServer]:
    """Run a server until the end of the block."""
    server = RedisServer(directory)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.process.kill()
