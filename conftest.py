"""Fixtures for the tests that run in this process: a sender of webhooks, a worker that can be told to work, a clock.

Nothing here starts a server or a broker. The suites that do (tests/chaos, tests/e2e) have fixtures of their own.
"""

import hashlib
import hmac
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from django.test import Client

WEBHOOK_SECRET = "a-secret-that-only-tests-know"
WEBHOOK_TOKEN = "a-token-that-only-tests-know"
OPERATOR_PASSWORD = "a-password-that-only-tests-know"
STAFF_EMAIL = "staff@example.com"
PASSWORD = "violet kettle under the stairs"
OFFER_ID = "off_456"
RELAY = "/api/webhook/kajabi/"
WAITING = ("tests/chaos/", "tests/e2e/")
PROCESSES = (*WAITING, "tests/test_servers.py", "tests/test_server_limits.py", "tests/test_metrics_of_processes.py")
DATABASES = frozenset({"db", "transactional_db", "live_server"})
FIXTURES = Path(__file__).parent / "integrations" / "providers" / "kajabi" / "tests" / "fixtures"


def pytest_configure(config: pytest.Config) -> None:
    """Hypothesis: as many examples as the whole suite has time for, and the same ones in every run."""
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "enlace",
        deadline=None,
        max_examples=100,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    settings.load_profile("enlace")


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


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite's test database is a file, as in real life: threads cannot each have a connection to one in memory."""
    from django.db import connections

    settings = connections["default"].settings_dict
    if settings["ENGINE"].endswith("sqlite3"):
        settings["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The rows of a fresh installation stay for every test, in whatever order: emptied tables get them back.

    A test with `transaction=True` ends in a flush of all tables. Django makes its own rows anew after that, at the
    signal `post_migrate`; the same signal brings back ours, which migrations have made.
    """
    from django.apps import apps
    from django.db.models.signals import post_migrate

    ours = [model for label in ("accounts", "integrations") for model in apps.get_app_config(label).get_models()]
    ours.append(apps.get_model("auth", "Group"))  # the roles; their permissions come back by the signal itself
    with django_db_blocker.unblock():
        made_by_migrations = [(model, rows) for model in ours if (rows := list(model._base_manager.all()))]

    def bring_back(using: str, **_: Any) -> None:
        for model, rows in made_by_migrations:
            if not model._base_manager.using(using).exists():
                model._base_manager.using(using).bulk_create(rows)

    post_migrate.connect(bring_back, sender=apps.get_app_config("accounts"))
    with pytest.MonkeyPatch.context() as patch:
        _let_a_flush_empty_append_only_tables(patch)
        yield
    post_migrate.disconnect(bring_back, sender=apps.get_app_config("accounts"))


def _let_a_flush_empty_append_only_tables(patch: pytest.MonkeyPatch) -> None:
    """SQLite flushes by DELETE, which triggers refuse: they are dropped for that moment. (TRUNCATE asks no trigger.)"""
    from django.db import connection

    if connection.vendor != "sqlite":
        return
    flush = connection.ops.sql_flush

    def without_triggers(*arguments: Any, **options: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        dropped = [f'DROP TRIGGER "{name}"' for name, _sql in triggers]
        return [*dropped, *flush(*arguments, **options), *(sql for _name, sql in triggers)]

    patch.setattr(connection.ops, "sql_flush", without_triggers)


@pytest.fixture(scope="session", autouse=True)
def _quick_argon2() -> Iterator[None]:
    """The real hasher with the smallest cost: the tests hash hundreds of passwords that protect nothing."""
    from django.contrib.auth.hashers import Argon2PasswordHasher

    with pytest.MonkeyPatch.context() as patch:
        for cost in ("time_cost", "memory_cost", "parallelism"):
            patch.setattr(Argon2PasswordHasher, cost, 8 if cost == "memory_cost" else 1)
        yield


@pytest.fixture(autouse=True)
def _configured(settings: Any) -> None:
    """What an operator would have configured, the same on every machine; the limits begin at nought."""
    from django.utils import translation

    from accounts.signin import token_authentication
    from accounts.staff import audit
    from core.web import limits
    from integrations.inbox.api import webhooks
    from integrations.operations import health
    from integrations.toolkit import counting

    translation.activate(settings.LANGUAGE_CODE)  # a request of the test before may have left another one
    settings.KAJABI_WEBHOOK_SECRET = [WEBHOOK_SECRET]
    settings.KAJABI_WEBHOOK_TOKEN = [WEBHOOK_TOKEN]
    settings.WEBHOOK_CONFIG_PASSWORD = OPERATOR_PASSWORD
    settings.NSSA_KAJABI_PRODUCT_ID = [OFFER_ID, "2150456456"]
    settings.WEBHOOKS_ALLOW_UNSIGNED = []
    settings.ADMIN_EMAIL = [STAFF_EMAIL]
    settings.SLACK_WEBHOOK_URL = ""
    settings.ADMIN_2FA = "optional"
    settings.BREACHED_PASSWORDS_URL = ""
    settings.FRONTEND_URL = "http://testserver"
    settings.TRUSTED_PROXY_COUNT = 0
    settings.REDIS_URL = ""
    settings.METRICS_TOKEN = []
    settings.WHITENOISE_AUTOREFRESH = True  # else each test client looks at every static file there is
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": uuid4().hex}}
    limits._resting_until = 0.0
    limits._of_this_process.clear()
    webhooks.VERIFIED._window = 0
    webhooks.UNVERIFIED._window = 0
    token_authentication.GUESSES._window = 0
    counting.begin()
    health.forget()
    audit._waiting().clear()


@pytest.fixture(autouse=True)
def wakeups(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The (task, key) pairs for which a worker would have been rung, in their order; no broker hears of them."""
    from core.queue import wakeup

    rung: list[tuple[str, int]] = []
    publisher = SimpleNamespace(put=lambda task, key: rung.append((task, key)))
    monkeypatch.setattr(wakeup, "_publisher", lambda: publisher)
    return rung


# Sending --------------------------------------------------------------------------------------------------------------


def signature(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    """The hex HMAC-SHA256 of the raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture
def sign() -> Callable[..., str]:
    return signature


@pytest.fixture
def relay() -> Callable[..., dict[str, Any]]:
    """Makes the body of a relay event about one member: relay("offer.purchased", "evt_1", "jane@example.com", …)."""

    def make(
        event_type: str = "offer.purchased", event_id: str = "evt_1", email: str = "jane@example.com", **fields: Any
    ) -> dict[str, Any]:
        member = {"id": "mem_1001", "email": email, "first_name": "Jane", "last_name": "Rivera"}
        offer = {"id": OFFER_ID, "name": "NSSA Annual Membership"}
        return {"type": event_type, "id": event_id, "member": member, "offer": offer} | fields

    return make


@pytest.fixture
def fixture() -> Callable[[str], dict[str, Any]]:
    """Reads a fixture of the Kajabi provider, as a fresh dict: fixture("purchase__native")."""
    return lambda name: json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def post() -> Callable[..., Any]:
    """Posts a payload, or raw bytes, to a webhook endpoint, signed with `secret` unless told otherwise."""

    def send(
        payload: Mapping[str, Any] | bytes,
        endpoint: str = RELAY,
        *,
        secret: str = WEBHOOK_SECRET,
        sign: bool = True,
        headers: Mapping[str, str] | None = None,
        **environ: Any,
    ) -> Any:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        proof = {"X-Kajabi-Signature": signature(body, secret)} if sign else {}
        environ.setdefault("CONTENT_LENGTH", str(len(body)))
        return Client().generic(
            "POST", endpoint, body, "application/json", headers={**proof, **(headers or {})}, **environ
        )

    return send


@pytest.fixture
def receive(post: Callable[..., Any]) -> Callable[..., Any]:
    """Posts a payload that must be accepted, and gives the event that it became, not processed yet."""
    from integrations.inbox.models import InboxEvent

    def send(payload: Mapping[str, Any], *arguments: Any, **options: Any) -> InboxEvent:
        response = post(payload, *arguments, **options)
        assert response.status_code == 200, response.content
        return InboxEvent.objects.latest("pk")

    return send


# Working --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def drain() -> Callable[[], None]:
    """Does everything that is due, as the workers would, until nothing is: events, readings, requests, e-mails."""
    from django.utils import timezone

    from accounts.courses import certificate_pages
    from accounts.courses.models import CertificateCheck
    from accounts.mail import deliver as mails
    from accounts.mail.models import EmailMessage
    from accounts.people import provision
    from accounts.people.models import ProvisioningStep
    from accounts.signin import password_links
    from accounts.signin.models import LinkRequest
    from integrations.inbox import process as inbox
    from integrations.inbox import refresh
    from integrations.inbox.models import ContactRefresh, InboxEvent
    from integrations.operations import notices
    from integrations.operations.models import Notice
    from integrations.outbox import deliver
    from integrations.outbox.models import OutgoingWrite
    from integrations.reconcile import syncs
    from integrations.reconcile.models import SubscriptionSync

    queues = (
        (InboxEvent, inbox.process),
        (ContactRefresh, refresh.run),
        (OutgoingWrite, deliver.deliver),
        (SubscriptionSync, syncs.run),
        (LinkRequest, password_links.issue),
        (ProvisioningStep, provision.run),
        (CertificateCheck, certificate_pages.check),
        (EmailMessage, mails.deliver),
        (Notice, notices.deliver),
    )

    def work() -> None:
        while True:
            owed = [
                (bring_to_its_end, key)
                for model, bring_to_its_end in queues
                for key in model.objects.filter(status="pending", next_attempt_at__lte=timezone.now())
                .order_by("pk")
                .values_list("pk", flat=True)
            ]
            if not owed:
                return
            for bring_to_its_end, key in owed:
                bring_to_its_end(key)

    return work


@pytest.fixture
def process(receive: Callable[..., Any], drain: Callable[[], None]) -> Callable[..., Any]:
    """Posts a payload, does all that is due, and gives the event as it is then."""

    def send(payload: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        event = receive(payload, *arguments, **options)
        drain()
        event.refresh_from_db()
        return event

    return send


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets the clock of this process forward, counting from now; a second journey replaces the first."""
    from django.utils import timezone

    from accounts.signin import password_links

    really_now, token_now = timezone.now, password_links._tokens._now

    def go(forward: timedelta) -> None:
        monkeypatch.setattr(timezone, "now", lambda: really_now() + forward)
        monkeypatch.setattr(password_links._tokens, "_now", lambda: token_now() + forward)

    return go


@pytest.fixture
def at_once() -> Callable[[list[Callable[[], Any]]], list[Any]]:
    """Calls every function in a thread of its own, released at one moment; results (or exceptions) in their order."""
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
    """The log of this test as the product writes it, from INFO on. A webhook's lines need `transaction=True`."""
    from tests.rendered import Lines, rendered_log

    with rendered_log() as written:
        yield Lines(written)


# People ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def plan(db: None) -> Any:
    """The plan that a fresh installation has."""
    from accounts.memberships.models import Plan

    return Plan.objects.get_or_create(
        code="nssa_annual",
        defaults={"name": "NSSA Annual Membership", "partner": "NSSA", "price_cents": 29900, "period_months": 12},
    )[0]


@pytest.fixture
def user(db: None) -> Any:
    """Somebody with a password, who never bought anything."""
    from accounts.people.models import User

    return User.objects.create_user("jane@example.com", PASSWORD, first_name="Janet", last_name="Original")


@pytest.fixture
def newcomer(db: None) -> Any:
    """A member made by a purchase, who has no password yet."""
    from accounts.people.models import User

    return User.objects.create_user("new@example.com", auth_provider=User.AuthProvider.KAJABI, first_name="Nova")


@pytest.fixture
def staff(db: None) -> Any:
    """A member of staff with every permission."""
    from accounts.people.models import User

    return User.objects.create_superuser(STAFF_EMAIL, PASSWORD)


@pytest.fixture
def link_in() -> Callable[[Any], SimpleNamespace]:
    """The set-up link in a mail that went out: `url` (from the path on), `token` and `email`."""

    def find(message: Any) -> SimpleNamespace:
        found = re.search(r"\S+/nssa/setup-password\?\S+", message.body)
        assert found, message.body
        parts = urlsplit(found.group())
        query = parse_qs(parts.query)
        return SimpleNamespace(url=f"{parts.path}?{parts.query}", token=query["token"][0], email=query["email"][0])

    return find
