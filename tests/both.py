"""Every test on the embedded default, then what PostgreSQL and Redis could change on those:

    python -m tests.both [arguments of pytest]

Each run says its own result. They follow one another: either has more processes than the machine has cores, so that
its waiting tests leave none of them idle, and both at once would only crowd each other.
"""

import contextlib
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.services import ENDING_SIGNALS, FORGETFUL, postgres, provide, redis, run_to_its_end, stop_on_signal

ROOT = Path(__file__).resolve().parent.parent
OF_THE_SHELL = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "DEBUG", "VAR_DIR", "PYTHONDONTWRITEBYTECODE")
INTERRUPTED = 2  # pytest's exit code after Ctrl-C
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


def run_both(arguments: Sequence[str], first_env: dict[str, str], second_env: dict[str, str] | None) -> tuple[int, int]:
    """Run one after the other; return their exit codes. What ended the first by a signal keeps the second from it."""
    share = [sys.executable, "-m", "pytest", "-n", "auto"]
    print("== tests on the embedded default: SQLite, broker in the process", flush=True)
    first = run_to_its_end([*share, *arguments], first_env)
    if second_env is None or first == INTERRUPTED or first > 128:
        return first, NO_TESTS
    print("== tests on PostgreSQL and Redis", flush=True)
    selected = ["-m", "not embedded and not once", "-o", "cache_dir=.pytest_cache/second"]
    return first, run_to_its_end([*share, *selected, *arguments], second_env)


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
    return failed[0] if failed else min(codes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
