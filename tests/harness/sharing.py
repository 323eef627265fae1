"""A pytest plugin: which tests run on which database, in which order, and in which process."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

WAITING = ("tests/chaos/", "tests/e2e/")
PROCESSES = (*WAITING, "tests/test_servers.py", "tests/test_server_limits.py", "tests/test_metrics_of_processes.py")
DATABASES = frozenset({"db", "transactional_db", "live_server"})


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what no other database would change as `once`, and begin with the tests that mostly wait.

    A test that asks for no database and starts no process of an installation is the same on all of them. Those that
    wait fill what others leave where the tests are shared among processes.
    """
    for item in items:
        asks = not DATABASES.isdisjoint(getattr(item, "fixturenames", ())) or item.get_closest_marker("django_db")
        if not asks and not item.nodeid.startswith(PROCESSES):
            item.add_marker("once")
    yield
    items.sort(key=lambda item: not item.nodeid.startswith(WAITING))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` shares the tests among: one a core, and one for the tests that mostly wait."""
    return min(os.cpu_count() or 1, 8) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How `-n` shares the tests out, unless --dist says otherwise: a file at a time, its fixtures are made once.

    The tests that mostly wait stay together: no two of their installations crowd each other.
    (xdist's own --dist loadgroup forgets its groups under pytest 9.2.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class FilesInTurn(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "waiting" if nodeid.startswith(WAITING) else nodeid.partition("::")[0]

    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False  # in the order above, not the file with the most tests first
    return FilesInTurn(config, log)
