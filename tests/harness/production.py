"""Production on one machine, on a migrated database: gunicorn, Celery workers and schedulers, each its own process."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.harness.database import fresh_database
from tests.harness.embedded import answers_health
from tests.harness.environment import environment
from tests.harness.process import ROOT, Process, free_port, wait_until
from tests.harness.redis import RedisServer, private_redis
from tests.harness.rows import Rows

NOTHING: Mapping[str, str] = {}


def procfile() -> dict[str, str]:
    """Return the command lines of the project's Procfile by name."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    named = (line.partition(":") for line in lines if line.strip() and not line.startswith("#"))
    return {name: command.strip() for name, _, command in named}


class Production:
    """Installation on a given database and broker, whose processes are started and stopped one by one."""

    def __init__(self, directory: Path, *, database_url: str, redis_server: RedisServer, **changes: str) -> None:
        self.directory = directory
        self.var_dir = directory / "var"
        self.var_dir.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.redis = redis_server
        self.rows = Rows(database_url)
        services = {"DATABASE_URL": database_url, "REDIS_URL": redis_server.url}
        self.env = environment(self.var_dir, self.port, **services, **changes)
        # The Procfile names programs, not paths: they are those of the interpreter that runs the tests.
        self.env["PATH"] = f"{Path(sys.executable).parent}:{self.env['PATH']}"
        self.starts = 0
        self.processes: list[Process] = []
        self.web: Process | None = None
        self.workers: list[Process] = []
        self.beats: list[Process] = []

    def start_process(self, kind: str, name: str, env: Mapping[str, str]) -> Process:
        """Start a process of the Procfile, as a supervisor would; the shell becomes it."""
        self.starts += 1
        log = self.directory / f"{self.starts:02}-{name}.log"
        process = Process(name, ["sh", "-c", f"exec {procfile()[kind]}"], env=self.env | env, log=log)
        self.processes.append(process)
        return process

    def start_web(self, *, workers: int = 2, env: Mapping[str, str] = NOTHING) -> Process:
        """Start gunicorn; return once /health answers 200."""
        web = self.start_process("web", "web", {"WEB_CONCURRENCY": str(workers), **env})
        self.web = web

        def is_ready() -> bool:
            assert web.is_alive, f"gunicorn ended with {web.popen.returncode}:\n{web.log[-5000:]}"
            return answers_health(self.port)

        wait_until(is_ready, seconds=60, what=f"gunicorn is healthy; its log: {web.log_path}")
        return web

    def start_worker(self, *, concurrency: int = 2, env: Mapping[str, str] = NOTHING) -> Process:
        """Start a Celery worker with `concurrency` children; return at once, some seconds before it works."""
        name = f"worker{len(self.workers) + 1}"
        worker = self.start_process("worker", name, {"WORKER_CONCURRENCY": str(concurrency), **env})
        self.workers.append(worker)
        return worker

    def start_beat(self, *, env: Mapping[str, str] = NOTHING) -> Process:
        """Start a scheduler with its own VAR_DIR, and so its own schedule file, as on another machine."""
        name = f"beat{len(self.beats) + 1}"
        (self.directory / name).mkdir(exist_ok=True)
        beat = self.start_process("beat", name, {"VAR_DIR": str(self.directory / name), **env})
        self.beats.append(beat)
        return beat

    def supervise(self) -> None:
        """Restart workers that ended, as systemd or a container engine does."""
        for worker in [worker for worker in self.workers if not worker.is_alive]:
            assert not worker.left_orphans()
            self.workers.remove(worker)
            self.start_worker()

    def kill(self) -> None:
        """Kill (-9) web, workers and schedulers at once; broker and database stay."""
        for process in self.processes:
            process.kill()
        self.processes, self.workers, self.beats, self.web = [], [], [], None


@contextmanager
def production(
    directory: Path,
    database_url: str,
    *,
    web_workers: int = 2,
    workers: int = 1,
    beats: int = 1,
    web_env: Mapping[str, str] = NOTHING,
    worker_env: Mapping[str, str] = NOTHING,
    beat_env: Mapping[str, str] = NOTHING,
    **changes: str,
) -> Iterator[Production]:
    """Run an installation on a fresh database of that server and a private Redis until the end of the block.

    `web_env`, `worker_env` and `beat_env` are variables for one kind of process, `changes` for all.
    """
    with ExitStack() as stack:
        fresh_url = stack.enter_context(fresh_database(database_url))
        redis_server = stack.enter_context(private_redis(directory))
        app = Production(directory, database_url=fresh_url, redis_server=redis_server, **changes)
        stack.callback(app.kill)
        for _ in range(workers):
            app.start_worker(env=worker_env)
        for _ in range(beats):
            app.start_beat(env=beat_env)
        app.start_web(workers=web_workers, env=web_env)
        yield app
