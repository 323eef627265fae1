"""Fail points (tests/failpoints): switch them on, and read which process reached them."""

from pathlib import Path

LEASE_SECONDS = 5  # under the fail points; the product's own is longer than a test should wait
REACHED, RESUMED = "failpoints.reached", "failpoints.resumed"


def with_failpoints(failpoints: str, **changes: str) -> dict[str, str]:
    """Return the variables for these fail points, separated by semicolons, and the short lease."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.failpoints.settings",
        "FAILPOINT": failpoints,
        "FAILPOINT_LEASE": str(LEASE_SECONDS),
    }
    return variables | changes


def reached(var_dir: Path, event_id: str) -> list[int]:
    """Return the ids of the processes that reached a fail point with this event, in order."""
    return _processes(var_dir / REACHED, event_id)


def resumed(var_dir: Path, event_id: str) -> list[int]:
    """Return the ids of the processes that continued after a fail point with this event, in order."""
    return _processes(var_dir / RESUMED, event_id)


def _processes(path: Path, event_id: str) -> list[int]:
    if not path.exists():
        return []
    lines = (line.split(" ", 1) for line in path.read_text().splitlines())
    return [int(pid) for pid, found in lines if found == event_id]
