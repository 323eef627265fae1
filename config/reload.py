"""Run Enlace, and start it anew whenever one of its files changes: `make dev`.

Run by its path, not with -m, and with nothing imported of the project: a file with a syntax error ends what is run, and
the next change starts it again.
"""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WATCHED = ("core", "accounts", "integrations", "config", "templates", "locale", ".env")
SUFFIXES = {".py", ".html", ".txt", ".css", ".js", ".json", ".mo", ""}
EVERY = 0.5  # seconds
PATIENCE = 5.0  # seconds


def files(root: Path) -> Iterator[Path]:
    """Yield the files whose change matters; tests and what tools make aside."""
    for name in WATCHED:
        path = root / name
        yield from [path] if path.is_file() else path.rglob("*")


def snapshot(root: Path) -> dict[Path, int]:
    """Return the time of the last change of each file, in nanoseconds."""
    found = {}
    for path in files(root):
        if path.suffix in SUFFIXES and "tests" not in path.relative_to(root).parts:
            try:
                found[path] = path.stat().st_mtime_ns if path.is_file() else 0
            except FileNotFoundError:  # an editor replaces files
                continue
    return found


def run(command: Sequence[str], root: Path) -> None:
    """Keep `command` running, anew after each change of a file under `root`, until it ends well or a signal comes."""
    signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        seen = snapshot(root)
        process = subprocess.Popen(command, cwd=root)  # noqa: S603 (ours)
        try:
            while (now := snapshot(root)) == seen:
                if process.poll() == 0:
                    return
                time.sleep(EVERY)
            changed = min(path for path in seen.keys() | now.keys() if seen.get(path) != now.get(path))
            print(f"changed: {changed.relative_to(root)}; starting anew", flush=True)
        finally:
            stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process, killing one that does not end soon: what it had in hand falls due again at the next start."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    run([sys.executable, "manage.py", "run"], ROOT)
