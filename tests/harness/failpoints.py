"""How a test switches fail points on (tests/failpoints) and sees which process came to them."""

from pathlib import Path

LEASE_SECONDS = 5  # under the fail points; the product's own is longer than a test should wait
REACHED, RESUMED = "failpoints.reached", "failpoints.resumed"


def with_failpoints(failpoints: str, **changes: str) -> dict[str, str]:
    """The variables that give one process these fail points, separated by semicolons, and the short lease."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.failpoints.settings",
        "FAILPOINT": failpoints,
        "FAILPOINT_LEASE": str(LEASE_SECONDS),
    }
    return variables | changes


def reached(var_dir: Path, event_id: str) -> list[int]:
    """The ids of the processes that came to a fail point with this event, in order."""
    return _processes(var_dir / REACHED, event_id)


def resumed(var_dir: Path, event_id: str) -> list[int]:
    """The ids of the processes that went on after a fail point had held this event, in order."""
    return _processes(var_dir / RESUMED, event_id)


def _processes(path: Path, event_id: str) -> list[int]:
    if not path.exists():
        return []
    lines = (line.split(" ", 1) for line in path.read_text().splitlines())
    return [int(pid) for pid, found in lines if found == event_id]
