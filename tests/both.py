"""Every test on the embedded default, then what PostgreSQL and Redis could change on those:

    python -m tests.both [arguments of pytest]

Each run says its own result. They follow one another, for either keeps all cores busy. Only the faults of production
(tests/chaos), which mostly wait for servers to start, end and try again, are a run of their own beside the first one.
"""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.services import (
    ENDING_SIGNALS,
    FORGETFUL,
    end_with_parent,
    postgres,
    provide,
    redis,
    run_to_its_end,
    stop_on_signal,
)

ROOT = Path(__file__).resolve().parent.parent
OF_THE_SHELL = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DEBUG", "VAR_DIR", "PYTHONDONTWRITEBYTECODE")
INTERRUPTED = 2  # pytest's exit code after Ctrl-C
NO_TESTS = 5  # pytest's exit code; a failure only where all runs find none
FAULTS = "tests/chaos"


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


class Beside:
    """A command that runs beside another one, and says what it has to say when both have ended."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: str) -> None:
        self.log = Path(log)
        with self.log.open("wb") as output:
            ends_with_us = end_with_parent(signal.SIGTERM)
            self.process = subprocess.Popen(
                command, env=environment, stdout=output, stderr=output, preexec_fn=ends_with_us
            )

    def ended(self, *, at_once: bool) -> int:
        """Wait for it, or end it; show what it said and return its exit code (128 + n where signal n ended it)."""
        if at_once:
            self.process.terminate()
        code = self.process.wait()
        print(self.log.read_text(encoding="utf-8", errors="replace"), flush=True)
        return code if code >= 0 else 128 - code


def run_all(arguments: Sequence[str], first_env: dict[str, str], second_env: dict[str, str] | None) -> list[int]:
    """Run the tests on both and return the exit codes. A signal that ends the first run keeps the second from it."""
    pytest = [sys.executable, "-m", "pytest"]
    with tempfile.TemporaryDirectory(prefix="both-") as folder:
        files = f"{folder}/files"
        selected = ["-m", "not embedded and not once"]
        beside = None
        if second_env is not None and not any(Path(one.partition("::")[0]).exists() for one in arguments):
            command = [*pytest, "-n", "0", FAULTS, *selected, "-o", "cache_dir=.pytest_cache/faults", *arguments]
            beside = Beside(command, second_env, f"{folder}/faults")
            selected += ["--ignore", FAULTS]
        print("== tests on the embedded default: SQLite, broker in the process", flush=True)
        codes = [run_to_its_end([*pytest, "-n", "auto", f"--note-files={files}", *arguments], first_env)]
        is_interrupted = codes[0] == INTERRUPTED or codes[0] > 128
        if second_env is not None and not is_interrupted:
            print("== tests on PostgreSQL and Redis", flush=True)
            selected += ["-o", "cache_dir=.pytest_cache/second"]
            command = [*pytest, "-n", "auto", f"--noted-files={files}", *selected, *arguments]
            codes.append(run_to_its_end(command, second_env))
        if beside is not None:
            print("== beside them: faults of production on PostgreSQL and Redis", flush=True)
            codes.append(beside.ended(at_once=is_interrupted))
    return codes


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
        codes = run_all(arguments, first_env, second_env if missing < len(wanted) else None)
    failed = [code for code in codes if code not in (0, NO_TESTS)]
    return failed[0] if failed else min(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
