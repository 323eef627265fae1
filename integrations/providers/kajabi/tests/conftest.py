"""A fake Kajabi that runs for one test, and a client of it that does not really wait."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.queue import runner
from integrations.history.models import HistoryImport
from integrations.providers.kajabi.client import KajabiClient
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import CLIENT_ID, CLIENT_SECRET, FakeKajabi


@pytest.fixture
def kajabi(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKajabi]:
    """A running fake with one site, which the settings name."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeKajabi() as fake:
        fake.add(records.site("1", title="Enlace Academy", subdomain="enlace"))
        settings.KAJABI_API_BASE_URL = fake.url
        settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
        settings.KAJABI_SITE_ID, settings.KAJABI_SITE_NAME = "1", ""
        settings.MAX_RETRIES, settings.RETRY_INITIAL_DELAY, settings.RETRY_BACKOFF_FACTOR = 3, 1.0, 2.0
        yield fake


@pytest.fixture
def waits() -> list[float]:
    """The seconds that the client would have waited."""
    return []


@pytest.fixture
def build(kajabi: FakeKajabi, waits: list[float]) -> Callable[..., KajabiClient]:
    """A client of the fake, with options of its own."""

    def with_options(**options: Any) -> KajabiClient:
        known = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "site_id": "1", "sleep": waits.append}
        return KajabiClient(kajabi.url, **(known | options))

    return with_options


@pytest.fixture
def client(build: Callable[..., KajabiClient]) -> KajabiClient:
    return build()


@pytest.fixture
def impatient(kajabi: FakeKajabi, settings: Any) -> None:
    """The installation's own client does not really wait either."""
    settings.RETRY_INITIAL_DELAY, settings.MAX_RETRIES = 0.001, 1


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch, drain: Callable[[], None]) -> None:
    """Workers that do what is due whenever a request that waits looks again."""
    from core.queue import waiting

    monkeypatch.setattr(waiting, "sleep", lambda seconds: drain())
    monkeypatch.setattr(waiting, "WAITS", 0.5)  # real seconds: what is not due now will not become so


@pytest.fixture
def reconciled(kajabi: FakeKajabi, impatient: None, plan: Any, db: None) -> Callable[..., Any]:
    """Opens a run (or takes one) and reads all its pages; gives the run."""
    from core.cause import SCHEDULE
    from integrations import registry
    from integrations.reconcile import runs
    from integrations.reconcile.models import SyncRun

    def run(one: SyncRun | None = None, **options: Any) -> SyncRun:
        one = one or runs.start(registry.provider("kajabi"), cause=SCHEDULE, **options)
        while runner.run(SyncRun, one.pk):
            pass
        one.refresh_from_db()
        return one

    return run


@pytest.fixture
def taken(db: None) -> Callable[..., Any]:
    """Takes a file (a path, or its text) as the console does, and works until its preview is there."""
    from core.cause import SCHEDULE
    from integrations import registry
    from integrations.history import files

    def take(content: Path | str | bytes, *, name: str = "export.csv", **options: Any) -> Any:
        if isinstance(content, Path):
            content = content.read_bytes()
        raw = io.BytesIO(content.encode() if isinstance(content, str) else content)
        return worked(files.store(raw, name=name, provider=registry.provider("kajabi"), cause=SCHEDULE, **options))

    return take


@pytest.fixture
def imported(taken: Callable[..., Any]) -> Callable[..., Any]:
    """Takes a file and confirms it; gives the import when it is done."""
    from integrations.history import actions

    def do(content: Path | str | bytes, *, sends_mails: bool = False, **options: Any) -> Any:
        history = taken(content, **options)
        assert actions.confirm(history, sends_mails=sends_mails), (history.status, history.last_error)
        return worked(history)

    return do


def worked(history: Any) -> Any:
    """Work on an import until it waits, or has ended."""

    while runner.run(HistoryImport, history.pk):
        pass
    history.refresh_from_db()
    return history
