"""A pytest plugin: which tests run on which database, in which order, and in which process.

`make test` runs everything on SQLite, and what PostgreSQL and Redis could change on these as well. Left out there, by
the mark `once`:

1. tests that ask for no database and start no process of an installation;
2. tests of pages, mails, forms, permissions, proofs and texts (the files of `PRESENTATION`): what they check is made by
   Python of rows that are found by their keys. Every page is opened on PostgreSQL too, by tests/test_security_crawl.py;
3. what a test or a file marks itself.

Never left out by rule 2, whatever its file: a test that commits (threads, locks, constraints checked at the commit),
and one whose name has a word of `STATEMENTS`: then it is about what a statement finds, counts, sorts or refuses.
"""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

WAITING = ("tests/chaos/", "tests/e2e/")
PROCESSES = (*WAITING, "tests/test_servers.py", "tests/test_server_limits.py", "tests/test_metrics_of_processes.py")
DATABASES = frozenset({"db", "transactional_db", "live_server"})
COMMITS = frozenset({"transactional_db", "live_server", "at_once", "committing_sides"})
PRESENTATION = re.compile(
    r"""
    ^tests/security/ | /test_( cross_origin | strict_json | guards )\.py
    # requests and their answers, sign-in, APIs
    | /test_( access | security_pages | api_description | operator_pages | embed | endpoint )\.py
    | /test_( password_api | staff_api | points_api | sign_in | devices | idle )\.py
    # the console
    | /test_( admin_\w+ | \w*console | \w+_pages? )\.py
    # mails
    | /test_( email_templates | emails | smtp | \w*mail_webhooks | webhook | reports )\.py
    # files and pages of others, proofs, samples, lines of logs
    | /test_( certificates | completion_files | history_files | import_command | simulat\w+ )\.py
    | /test_( \w*proofs | signatures | signed_accounts | \w*samples | \w*log_lines | broken_input )\.py
    """,
    re.VERBOSE,
)
STATEMENTS = re.compile(
    r"list|search|filter|sort|order|find|found|count|number|sum|total|quer|twice|same|once|duplicate|together|parallel"
    r"|concurr|lock|race|constraint|transaction|rolled|json|long|huge|null|unicode|case|accent|migrat"
)


def _asks_for_a_database(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return not DATABASES.isdisjoint(names) or item.get_closest_marker("django_db") is not None


def _commits(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    is_said = marker is not None and bool(marker.kwargs.get("transaction"))
    return is_said or not COMMITS.isdisjoint(getattr(item, "fixturenames", ()))


def is_once(item: pytest.Item) -> bool:
    """Return whether rule 1 or 2 leaves the test out on PostgreSQL."""
    if item.nodeid.startswith(PROCESSES):
        return False
    if not _asks_for_a_database(item):
        return True
    file = item.nodeid.partition("::")[0]
    return bool(PRESENTATION.search(file)) and not _commits(item) and not STATEMENTS.search(item.nodeid[len(file) :])


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark what runs `once`, and begin with the tests that mostly wait: they fill what others leave."""
    for item in items:
        if is_once(item):
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
