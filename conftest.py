"""Fixtures for in-process tests: a webhook sender, a worker that runs on demand, a clock.

Nothing here starts a server or a broker. The suites that do (tests/chaos, tests/e2e) have fixtures of their own.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

OPERATOR_PASSWORD = "a-password-that-only-tests-know"
STAFF_EMAIL = "staff@example.com"
PASSWORD = "violet kettle under the stairs"
A_FULL_HOUR = 1_800_000_000.0
HERE = Path(__file__).parent
# How the tests are shared out and where their database comes from; what a provider's folder gives to every test.
pytest_plugins = [
    "tests.harness.sharing",
    "tests.harness.django_database",
    *sorted(
        ".".join(path.relative_to(HERE).with_suffix("").parts)
        for path in HERE.glob("integrations/providers/*/tests/plugin.py")
    ),
]


def pytest_configure(config: pytest.Config) -> None:
    """Limit Hypothesis to as many examples as the suite has time for, the same ones in every run."""
    from hypothesis import HealthCheck, settings

    from tests.harness.environment import examples

    settings.register_profile(
        "enlace",
        deadline=None,
        max_examples=examples(100),
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    settings.load_profile("enlace")


@pytest.fixture(scope="session", autouse=True)
def _quick_argon2() -> Iterator[None]:
    """Use the real hasher at its smallest cost: the tests hash hundreds of passwords that protect nothing."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    with pytest.MonkeyPatch.context() as patch:
        for cost in ("time_cost", "memory_cost", "parallelism"):
            patch.setattr(Argon2PasswordHasher, cost, 8 if cost == "memory_cost" else 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def _configured() -> Iterator[None]:
    """Configure what an operator would, the same on every machine."""
    from django.test import override_settings

    with override_settings(
        WEBHOOK_CONFIG_PASSWORD=OPERATOR_PASSWORD,
        WEBHOOKS_ALLOW_UNSIGNED=[],
        CONTACT_SYNC=True,
        ADMIN_EMAIL=[STAFF_EMAIL],
        SLACK_WEBHOOK_URL="",
        ADMIN_2FA="optional",
        BREACHED_PASSWORDS_URL="",
        FRONTEND_URL="http://testserver",
        TRUSTED_PROXY_COUNT=0,
        REDIS_URL="",
        METRICS_TOKEN=[],
        WHITENOISE_AUTOREFRESH=True,  # else each test client looks at every static file there is
        CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "tests"}},
    ):
        yield


@pytest.fixture(autouse=True)
def _as_after_a_start() -> None:
    """Forget what the test before left in the memory of this process: counts, limits, cached values, the language."""
    from django.conf import settings
    from django.core.cache import cache
    from django.utils import translation

    from accounts.mail import emails
    from accounts.signin import token_authentication
    from accounts.staff import audit
    from core.web import limits
    from integrations.inbox import refusals
    from integrations.inbox.api import webhooks
    from integrations.operations import health
    from integrations.toolkit import counting

    translation.activate(settings.LANGUAGE_CODE)
    cache.clear()
    limits.forget()
    webhooks.VERIFIED.forget()
    webhooks.UNVERIFIED.forget()
    token_authentication.GUESSES.forget()
    counting.reset()
    emails.forget_languages()
    refusals.forget()
    health.forget()
    audit.forget_waiting()


@pytest.fixture(autouse=True)
def _windows_begin_with_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin an hour of the limits with each test: none ends in its middle because one of the real clock does."""
    from core.web import limits

    began = time.time()
    clock = SimpleNamespace(time=lambda: A_FULL_HOUR + time.time() - began, monotonic=time.monotonic)
    monkeypatch.setattr(limits, "time", clock)


@pytest.fixture(autouse=True)
def wakeups(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The (kind, key) pairs for which a worker would have been woken, in their order; no broker receives them."""
    from core.queue import wakeup

    woken: list[tuple[str, int]] = []
    monkeypatch.setattr(wakeup, "publisher", SimpleNamespace(put=lambda kind, key: woken.append((kind, key))))
    monkeypatch.setattr(wakeup, "alarm", SimpleNamespace(set=lambda kind, key, *, seconds, put: None))
    return woken


# Working --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def drain() -> Callable[[], None]:
    """Return a function that runs all due jobs of every kind, as workers would, until none is due."""
    from django.utils import timezone

    from core.queue import runner
    from tests.harness.pending import pending_jobs

    def work() -> None:
        while due := pending_jobs(due_by=timezone.now()):
            for model, key in due:
                runner.run(model, key)

    return work


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Return a function that sets the clock of this process forward from now; a second call replaces the first."""
    from django.utils import timezone

    from accounts.signin import password_links

    really_now, token_now = timezone.now, password_links._tokens._now

    def go(forward: timedelta) -> None:
        monkeypatch.setattr(timezone, "now", lambda: really_now() + forward)
        monkeypatch.setattr(password_links._tokens, "_now", lambda: token_now() + forward)

    return go


@pytest.fixture
def at_once() -> Callable[[list[Callable[[], Any]]], list[Any]]:
    """Return a function that calls functions at one moment in threads and returns results or exceptions in order."""
    from django.db import connection

    def run(functions: list[Callable[[], Any]]) -> list[Any]:
        results: list[Any] = [None] * len(functions)
        gate = threading.Barrier(len(functions))

        def call(place: int) -> None:
            try:
                gate.wait(20)
                results[place] = functions[place]()
            except Exception as error:  # noqa: BLE001 (a thread's error is a result, to be asserted on)
                results[place] = error
            finally:
                connection.close()

        threads = [threading.Thread(target=call, args=(place,)) for place in range(len(functions))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return results

    return run


@pytest.fixture
def lines() -> Iterator[Any]:
    """Capture the log of this test as the product writes it, from INFO. A webhook's lines need `transaction=True`."""
    from tests.rendered import Lines, rendered_log

    with rendered_log() as written:
        yield Lines(written)


# People ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def plan(db: None) -> Any:
    """Return the plan of a fresh installation."""
    from accounts.memberships.models import Plan

    return Plan.objects.get_or_create(
        code="nssa_annual",
        defaults={"name": "NSSA Annual Membership", "partner": "NSSA", "price_cents": 29900, "period_months": 12},
    )[0]


@pytest.fixture
def user(db: None) -> Any:
    """Return a user with a password and no purchase."""
    from accounts.people.models import User

    return User.objects.create_user("jane@example.com", PASSWORD, first_name="Janet", last_name="Original")


@pytest.fixture
def newcomer(db: None) -> Any:
    """Return a member created by a purchase, without a password yet."""
    from accounts.people.models import User

    return User.objects.create_user("new@example.com", auth_provider=User.AuthProvider.KAJABI, first_name="Nova")


@pytest.fixture
def staff(db: None) -> Any:
    """Return a member of staff with every permission."""
    from accounts.people.models import User

    return User.objects.create_superuser(STAFF_EMAIL, PASSWORD)


@pytest.fixture
def link_in() -> Callable[[Any], SimpleNamespace]:
    """Return a function that reads the set-up link of a sent mail: `url` (from the path on), `token` and `email`."""

    def find(message: Any) -> SimpleNamespace:
        found = re.search(r"\S+/nssa/setup-password\?\S+", message.body)
        assert found, message.body
        parts = urlsplit(found.group())
        query = parse_qs(parts.query)
        return SimpleNamespace(url=f"{parts.path}?{parts.query}", token=query["token"][0], email=query["email"][0])

    return find
