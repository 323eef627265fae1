"""Actions of a fail point when a process reaches it."""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.harness.failpoints import REACHED, RESUMED

EXIT_CODE = 70


@dataclass(frozen=True, kw_only=True)
class Point:
    """One fail point of FAILPOINT: its place, its action, its events, whether once only."""

    place: str
    action: str
    argument: str = ""
    part: str = ""
    first_only: bool = False


def parse(text: str) -> Iterator[Point]:
    """Return the fail points of a FAILPOINT value; raise ValueError for an invalid one."""
    for item in filter(None, text.split(";")):
        place, action, *rest = item.split(":")
        first_only = rest[-1:] == ["first"]
        words = rest[:-1] if first_only else rest
        wanted = 2 if action in {"sleep", "raise"} else 1 if place.startswith("handler") else 0
        if len(words) != wanted:
            raise ValueError(f"fail point {item!r}: expected {wanted} words after the action")
        argument = words[0] if wanted == 2 else ""
        yield Point(
            place=place, action=action, argument=argument, part=words[-1] if words else "", first_only=first_only
        )


def reach(point: Point, event_id: str, *, var_dir: Path) -> None:
    """Record the process and event, then do what the point says."""
    record = var_dir / REACHED
    if point.first_only and record.exists() and f" {event_id}\n" in record.read_text():
        return
    note(record, event_id)
    if point.action.startswith("exit"):
        sys.stderr.flush()
        os._exit(EXIT_CODE)
    if point.action == "sleep":
        time.sleep(float(point.argument))
        note(var_dir / RESUMED, event_id)
    if point.action == "raise":
        fail(point.argument)


def note(path: Path, event_id: str) -> None:
    """Append one line in one write, which concurrent processes do not mix."""
    with path.open("a") as file:
        file.write(f"{os.getpid()} {event_id}\n")


def fail(name: str) -> None:
    """Raise the named exception the way it really occurs."""
    if name == "RecursionError":
        fail(name)
    if name == "UnicodeDecodeError":
        b"\xff".decode()
    if name == "SystemExit":
        sys.exit(1)
    if name == "MemoryError":
        raise MemoryError
    raise ValueError(f"no such exception here: {name}")
