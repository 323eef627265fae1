"""Fixtures of the fault tests: their marker, the PostgreSQL server, short and long forms."""

import os
from pathlib import Path

import pytest

from tests.harness.redis import redis_binary

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.chaos)
            if "database_url" not in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.embedded)


@pytest.fixture
def long_form() -> bool:
    """Return whether CHAOS=long asks for the long forms."""
    return os.environ.get("CHAOS") == "long"


@pytest.fixture(scope="session")
def database_url() -> str:
    """Return the PostgreSQL server to use; skip without one in DATABASE_URL or without an installed Redis server."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith(("postgres://", "postgresql://")):
        pytest.skip("DATABASE_URL names no PostgreSQL server")
    if redis_binary() is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    return url


@pytest.fixture
def only_long(long_form: bool) -> None:
    """Skip the test in the short form."""
    if not long_form:
        pytest.skip("in the long form only (CHAOS=long)")
