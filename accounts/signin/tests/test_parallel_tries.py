"""Tries at the same moment against a real server: as many are judged as the limit says, whatever cache counts them."""

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from accounts.signin.tests.browsers import EMAIL
from tests.harness.redis import private_redis, redis_binary

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["locmem", "redis"])
def cache_of_all(request: Any, settings: Any, tmp_path: Path) -> Iterator[None]:
    """Count in this process's cache, and in a real Redis where one is installed."""
    if request.param == "locmem":
        yield
        return
    if redis_binary() is None:
        pytest.skip("neither redis-server nor valkey-server is installed")
    with private_redis(tmp_path) as server:
        settings.CACHES = {
            "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": server.url}
        }
        yield


def post_sign_in(address: str, client: str) -> str:
    """Open the form and post it as a browser does; return "wrong" or "locked"."""
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request("GET", "/sign-in", headers={"X-Forwarded-For": client})
    answer = connection.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', answer.read().decode())
    assert found
    form = {"username": EMAIL, "password": "wrong", "csrfmiddlewaretoken": found[1]}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie, "X-Forwarded-For": client}
    connection.request("POST", "/sign-in", urlencode(form), headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert answer.status == 200, body
    return "locked" if "Too many tries" in body else "wrong"


def test_thirty_tries_at_one_moment_get_ten_evaluations(
    user: Any, cache_of_all: None, judged: list[str], live_server: Any, at_once: Any, settings: Any
) -> None:
    settings.TRUSTED_PROXY_COUNT = 1  # thirty clients, so that the account's limit alone holds them
    address = urlsplit(live_server.url).netloc
    judged.clear()

    outcomes = at_once([lambda number=number: post_sign_in(address, f"192.0.2.{number}") for number in range(30)])

    assert sorted(map(str, outcomes)) == ["locked"] * 20 + ["wrong"] * 10
    assert len(judged) == 10
