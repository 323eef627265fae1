"""What the fault tests share: their marker, the PostgreSQL server, short and long forms."""

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
    """Whether the long forms were asked for (CHAOS=long)."""
    return os.environ.get("CHAOS") == "long"


@pytest.fixture
def database_url() -> str:
    """The PostgreSQL server to use; skips where DATABASE_URL names none or no Redis server is installed."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith(("postgres://", "postgresql://")):
        pytest.skip("DATABASE_URL names no PostgreSQL server")
    if redis_binary() is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    return url


@pytest.fixture
def only_long(long_form: bool) -> None:
    """Skips in the short form what it can do without."""
    if not long_form:
        pytest.skip("in the long form only (CHAOS=long)")
