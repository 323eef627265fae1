"""A pytest plugin: which tests run on which database, in which order, and in which process.

`make test` runs everything on SQLite. On PostgreSQL and Redis it runs what these can change:

1. tests that commit (threads, locks, constraints checked at the commit), and those that start processes (tests/chaos);
2. the core, where the statements matter (`CORE`): queue, inbox, outbox, reconciliation, history, memberships; of its
   pages and lines, and of what it makes of others' answers (`PRESENTATION`), only what rule 4 names; of a test with
   several cases the first, for the others bring other values to the same statements;
3. every page once, and each list with every kind of filter: tests/test_security_crawl.py (tricks that end before a
   statement, in headers and bodies of strangers, run on SQLite alone: `once`);
4. tests whose name or file has one of `WORDS`: then it is about what a statement finds, sorts, locks or refuses, or
   about a value that a column may not hold.

The rest has the mark `once`: it is made by Python of rows that are found by their keys. A test or a file may have that
mark of its own.

In CI (`CI=true`) a failed test of real processes or browsers gets one more try (`REAL`), which the summary names with
what failed first. Everything else, and a run on a developer's machine, fails at once.
"""

import gc
import os
import re
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

# Tests that mostly wait, in groups that follow one another: what each group takes is about the same.
WAITING = ("tests/chaos/", "tests/e2e/test_every_page.py", "tests/e2e/")
REAL = ("e2e", "embedded", "chaos")  # marks of tests that a busy machine may disturb
EVERYWHERE = ("tests/chaos/", "tests/test_security_crawl.py")
DATABASES = frozenset({"db", "transactional_db", "live_server"})
COMMITS = frozenset({"transactional_db", "live_server", "at_once", "committing_sides"})
CORE = re.compile(
    r"""
    ^core/queue/ | ^integrations/( inbox | outbox | reconcile | history )/ | ^accounts/memberships/
    | /test_( \w*reconcile\w* | history_\w+ | \w*subscription\w* | purchases | one_sale )\.py
    """,
    re.VERBOSE,
)
PRESENTATION = re.compile(
    r"""
    /test_( admin_\w+ | \w*console | \w+_pages? | \w*log_lines | history_files | \w+_command | \w*proofs )\.py
    | /test_( too_many_calls | bad_days | opportunities | manual_sync | \w+_verdicts | rate_limits )\.py
    """,
    re.VERBOSE,
)
WORDS = re.compile(
    r"(?<![a-z])lock(?!out|ed_or|ed_user)|constraint|transaction|rolled|database|statement|quer(y|ies)|migrat|search|filter|sort|_case(?!s)|accent"
    r"|unicode|null|long_(name|text|value)|duplicate|is_kept|are_kept|stored|anything_like|form_value|whole_life"
)


def _asks_for_a_database(item: pytest.Item) -> bool:
    names = getattr(item, "fixturenames", ())
    return not DATABASES.isdisjoint(names) or item.get_closest_marker("django_db") is not None


def _commits(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    is_said = marker is not None and bool(marker.kwargs.get("transaction"))
    return is_said or not COMMITS.isdisjoint(getattr(item, "fixturenames", ()))


def is_once(item: pytest.Item, *, is_first_case: bool) -> bool:
    """Return whether no rule sends the test to PostgreSQL too."""
    if item.nodeid.startswith(EVERYWHERE) or _commits(item):
        return False
    if not _asks_for_a_database(item):
        return True
    file, _, name = item.nodeid.partition("::")
    if WORDS.search(file.rpartition("/")[2]) or WORDS.search(name.partition("[")[0]):
        return False
    return not (is_first_case and CORE.search(file) and not PRESENTATION.search(file))


def _may_try_again(item: pytest.Item) -> bool:
    is_real = item.nodeid.startswith("tests/chaos/") or any(map(item.get_closest_marker, REAL))
    return is_real and os.environ.get("CI") == "true"


def pytest_configure(config: pytest.Config) -> None:
    """Show what failed at the first of two tries: it is to be repaired (CONTRIBUTING.md)."""
    config.option.rerun_show_tracebacks = True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin a second try with nothing of the first: end what the file or folder shares, as an installation."""
    if getattr(item, "execution_count", 1) > 1 and isinstance(item, pytest.Function):
        for definitions in item._fixtureinfo.name2fixturedefs.values():
            for definition in definitions:
                if definition.scope in ("module", "package"):
                    definition.finish(item._request)  # type: ignore[arg-type]  # with those that were made of it


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run name the files of which others run tests again, so that these need not read all the rest."""
    group = parser.getgroup("sharing")
    group.addoption("--note-files", metavar="LIST", help="write the files that have tests for every database to LIST")
    group.addoption("--noted-files", metavar="LIST", help="collect only the files in LIST, where there is one")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the files that another run noted to have no test for this one."""
    noted = _noted_files(config.getoption("noted_files"))
    is_tests = collection_path.suffix == ".py" and collection_path.name != "conftest.py"
    return True if noted and is_tests and str(collection_path) not in noted else None


@cache
def _noted_files(name: str | None) -> frozenset[str]:
    found = Path(name) if name else None
    return frozenset(found.read_text().splitlines()) if found and found.exists() else frozenset()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: what is made stays until the end, and need not be looked at later either."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Mark what runs `once`, and begin with the tests that mostly wait: they fill what others leave."""
    before = ""
    for item in items:
        test = item.nodeid.partition("[")[0]
        if is_once(item, is_first_case=test != before):
            item.add_marker("once")
        before = test
        if _may_try_again(item):
            item.add_marker(pytest.mark.flaky(reruns=1))
    # Each process collects the same: the first one notes it.
    if (name := config.getoption("note_files")) and os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0":
        both = (item for item in items if not any(map(item.get_closest_marker, ("once", "embedded"))))
        files = {str(item.path) for item in both}
        Path(name).write_text("\n".join(sorted(files)))
    yield
    items.sort(key=lambda item: [*WAITING, _group(item.nodeid)].index(_group(item.nodeid)))


def _group(nodeid: str) -> str:
    """Return the tests that run in one process, one after the other: those of a file, or of one of `WAITING`."""
    return next((group for group in WAITING if nodeid.startswith(group)), nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes `-n auto` shares the tests among: one a core, and one for the tests that mostly wait."""
    return min(os.cpu_count() or 1, 8) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """How `-n` shares the tests out, unless --dist says otherwise: a file at a time, its fixtures are made once.

    The tests that mostly wait stay together in groups: no more of their installations crowd each other than there are.
    (xdist's own --dist loadgroup forgets its groups under pytest 9.2.)
    """
    from xdist.scheduler import LoadScopeScheduling

    class FilesInTurn(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    if config.getoption("dist") != "load":
        return None
    config.option.loadscopereorder = False  # in the order above, not the file with the most tests first
    return FilesInTurn(config, log)
