"""Process in its own group, with its log in a file and signals from a test."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import psutil

from tests.services import end_with_parent

ROOT = Path(__file__).resolve().parent.parent.parent

T = TypeVar("T")


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], T], *, seconds: float, what: str, every: float = 0.1) -> T:
    """Return the first true value of `condition`; raise AssertionError with `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what} (last: {value!r})")
        time.sleep(every)


class Process:
    """Started command. Signals go to the main process, or to the group, as in a crash of the machine."""

    def __init__(self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log_path = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [str(part) for part in command],
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGKILL),
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def is_alive(self) -> bool:
        return self.popen.poll() is None

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def children(self) -> list[psutil.Process]:
        """Return the descendants of this process."""
        return psutil.Process(self.pid).children(recursive=True)

    def signal_group(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """Kill (-9) the process and its descendants; return once it is gone."""
        self.signal_group(signal.SIGKILL)
        self.popen.wait(timeout=10)

    def pause(self) -> None:
        self.signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal_group(signal.SIGCONT)

    def terminate(self, *, within: float = 30) -> int:
        """Send SIGTERM to the main process, as a supervisor does; return the exit code."""
        if self.is_alive:
            self.popen.terminate()
        return self.wait(within=within)

    def wait(self, *, within: float = 30) -> int:
        """Return the exit code; raise AssertionError with the end of the log after `within` seconds."""
        try:
            return self.popen.wait(timeout=within)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} still runs after {within:g} s:\n{self.log[-3000:]}") from error

    def left_orphans(self) -> bool:
        """Return whether a process of the group outlived the main one, after a moment for those just ending."""
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            try:
                os.killpg(self.pid, 0)
            except ProcessLookupError:
                return False
            time.sleep(0.05)
        return True


def run_to_end(command: Sequence[str | Path], *, env: Mapping[str, str], seconds: float = 120) -> str:
    """Return the output of a command; raise AssertionError with it where the command fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout[-5000:]}"
    return done.stdout
