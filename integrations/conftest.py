"""NowCerts and GoHighLevel as fakes with Enlace between them, for one test."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import transaction
from django.test import override_settings

from integrations.inbox import refresh
from integrations.outbox import search_ahead
from tests.fakes import gohighlevel, nowcerts
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.fakes.nowcerts import FakeNowCerts
from tests.harness.fake_sides import GHL_TOKEN, NOWCERTS_TOKEN
from tests.harness.held_sides import PRIVATE_KEY, HeldSides


@pytest.fixture(autouse=True)
def nothing_read_ahead() -> None:
    """Forgets what other tests have read ahead: the rows of this one may have the same keys."""
    refresh.READ_AHEAD.clear()
    search_ahead.ABSENT.clear()


@pytest.fixture
def sides_again(
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    post: Callable[..., Any],
    drain: Callable[[], None],
    travel: Callable[[timedelta], None],
) -> Callable[..., AbstractContextManager[HeldSides]]:
    """Makes both sides anew, as often as it is called; nothing of the last time is left, unless it `commits`."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings.CONTACT_SYNC = True
    settings.RATE_LIMIT_VERIFIED = settings.RATE_LIMIT_UNVERIFIED = 1_000_000
    settings.MAX_RETRIES, settings.RETRY_INITIAL_DELAY, settings.RETRY_BACKOFF_FACTOR = 1, 0.01, 1.0
    settings.NOWCERTS_WEBHOOK_SECRET, settings.NOWCERTS_WEBHOOK_TOKEN = [], [NOWCERTS_TOKEN]
    settings.NOWCERTS_USERNAME, settings.NOWCERTS_PASSWORD = nowcerts.USERNAME, nowcerts.PASSWORD
    settings.NOWCERTS_TOKEN_PATH = "/api/token"
    settings.GHL_WEBHOOK_SECRET, settings.GHL_WEBHOOK_TOKEN = [], [GHL_TOKEN]
    settings.GHL_LOCATION_ID, settings.GHL_API_KEY = gohighlevel.LOCATION_ID, gohighlevel.API_KEY
    public = PRIVATE_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    settings.GHL_PUBLIC_KEYS = [public.decode()]

    @contextmanager
    def make(*, commits: bool = False) -> Iterator[HeldSides]:
        around = nullcontext() if commits else transaction.atomic()
        with FakeNowCerts() as insureds, FakeGoHighLevel() as contacts, around:
            # Undone each time: settings that only pile up end in a RecursionError after some hundred examples.
            with override_settings(NOWCERTS_BASE_URL=insureds.url, GHL_BASE_URL=contacts.url):
                travel(timedelta(0))
                refresh.READ_AHEAD.clear()
                search_ahead.ABSENT.clear()
                yield HeldSides(insureds, contacts, post=post, drain=drain, travel=travel)
            if not commits:
                transaction.set_rollback(True)

    return make


@pytest.fixture
def sides(sides_again: Callable[..., AbstractContextManager[HeldSides]]) -> Iterator[HeldSides]:
    """Both sides, for one test."""
    with sides_again() as made:
        yield made


@pytest.fixture
def committing_sides(sides_again: Callable[..., AbstractContextManager[HeldSides]]) -> Iterator[HeldSides]:
    """Both sides, for threads of their own: what one commits the others see. For tests with `transaction=True`."""
    with sides_again(commits=True) as made:
        yield made
