"""Every test on the embedded default, and at the same time what PostgreSQL and Redis could change on those:

    python -m tests.both [arguments of pytest]

The first run is shown as it goes, the second one after it; each says its own result. Two runs that share the cores end
sooner than one after the other: what waits for a server or a broker in one leaves its core to the other.
"""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from tests.services import ENDING_SIGNALS, FORGETFUL, postgres, provide, redis, stop_on_signal

ROOT = Path(__file__).resolve().parent.parent
OF_THE_SHELL = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DEBUG", "VAR_DIR", "PYTHONDONTWRITEBYTECODE")
NO_TESTS = 5  # pytest's exit code; a failure only where both runs find none


def prepare(first: dict[str, str], second: dict[str, str]) -> None:
    """Migrate one database of each kind; let the assertions of all test files be rewritten once, if nobody has yet."""
    programs = [(first, "import tests.harness.migrated as m; m.make_file()")]
    if second.get("DATABASE_URL"):
        programs.append((second, "import os, tests.harness.migrated as m; m.template(os.environ['DATABASE_URL'])"))
    commands = [(environment, ["-c", program]) for environment, program in programs]
    if not any((ROOT / "tests" / "__pycache__").glob("*-pytest-*.pyc")):
        commands.append((first, ["-m", "pytest", "--collect-only", "-q", "-n", "0"]))
    running = [
        subprocess.Popen([sys.executable, *command], env=environment, stdout=subprocess.DEVNULL, cwd=ROOT)
        for environment, command in commands
    ]
    for process in running:
        process.wait()  # what fails here fails in a test too, and is explained there


def copy_until_end(process: subprocess.Popen[bytes], output: IO[bytes]) -> None:
    """Show what the process has written and writes, until it ends."""
    while True:
        has_ended = process.poll() is not None
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
        if has_ended:
            return
        time.sleep(0.2)


def run_both(arguments: Sequence[str], first_env: dict[str, str], second_env: dict[str, str] | None) -> tuple[int, int]:
    """Run both; return their exit codes. A signal reaches both, and the services outlive what uses them."""
    share = ["-m", "pytest", "-n", str((os.cpu_count() or 1) // 2 + 1)]
    running: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _frame: object) -> None:
        for process in running:
            if number == signal.SIGTERM:  # Ctrl-C and a closed terminal reach them by themselves
                process.send_signal(number)

    for number in ENDING_SIGNALS:
        signal.signal(number, hand_on)
    with tempfile.NamedTemporaryFile(prefix="pytest-") as output:
        print("== tests on the embedded default: SQLite, broker in the process", flush=True)
        first = subprocess.Popen([sys.executable, *share, *arguments], env=first_env, cwd=ROOT)
        running.append(first)
        if second_env is None:
            return first.wait(), NO_TESTS
        selected = ["-m", "not embedded and not once", "-o", "cache_dir=.pytest_cache/second"]
        second = subprocess.Popen(
            [sys.executable, *share, *selected, *arguments],
            env=second_env,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        running.append(second)
        code = first.wait()
        print("== tests on PostgreSQL and Redis", flush=True)
        with Path(output.name).open("rb") as written:
            copy_until_end(second, written)
        return code, second.returncode


def main(arguments: Sequence[str]) -> int:
    """Return 0 where both runs passed, else the exit code of the first that did not (128 + n: signal n ended it)."""
    first_env = {name: value for name, value in os.environ.items() if name not in OF_THE_SHELL} | {"ENV_FILE": ""}
    second_env = first_env | {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}
    wanted = [("DATABASE_URL", functools.partial(postgres, settings=FORGETFUL)), ("REDIS_URL", redis)]
    for number in ENDING_SIGNALS:
        signal.signal(number, stop_on_signal)
    with contextlib.ExitStack() as services:
        missing = provide(services, second_env, wanted)
        prepare(first_env, second_env)
        codes = run_both(arguments, first_env, second_env if missing < len(wanted) else None)
    failed = [code for code in codes if code not in (0, NO_TESTS)]
    code = failed[0] if failed else min(codes)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
