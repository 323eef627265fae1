"""A web process alone, its broker away and no worker anywhere: accounts are kept, made and answered all the same."""

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from integrations.providers.chatwoot.tests.conftest import INSTALLATION
from tests.harness import Process, free_port, wait_until
from tests.harness.embedded import answers_health
from tests.harness.environment import environment
from tests.harness.migrated import copy_file
from tests.harness.rows import Rows

pytestmark = pytest.mark.embedded

CHATWOOT_WAITS = 5  # seconds, and then it forgets the account


class Alone:
    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.env = environment(
            directory,
            self.port,
            REDIS_URL="redis://127.0.0.1:1/0",
            CHATWOOT_WEBHOOK_TOKEN="token-of-the-harness",
            CHATWOOT_EMBED_ORIGINS="https://app.example.com",
        )
        self.rows = Rows(directory / "db.sqlite3")
        self.url = f"http://127.0.0.1:{self.port}"

    def post(self, account_id: int, name: str = "Test Company S.A.") -> requests.Response:
        body = json.dumps({"id": account_id, "name": name, "users": [], "event": "account_created"})
        url = f"{self.url}{INSTALLATION}/token-of-the-harness"
        with requests.Session() as session:
            session.trust_env = False
            return session.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=CHATWOOT_WAITS)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    directory = tmp_path_factory.mktemp("alone")
    app = Alone(directory)
    copy_file(directory / "db.sqlite3")
    command: list[str | Path] = [Path(sys.executable).with_name("gunicorn"), "-c", "config/gunicorn.py", "config.wsgi"]
    server = Process("gunicorn", command, env=app.env, log=directory / "gunicorn.log")
    try:
        wait_until(lambda: answers_health(app.port), seconds=30, what=f"gunicorn answers; its log: {server.log_path}")
        yield app
    finally:
        server.kill()


def test_account_is_stored_and_answered_with_broker_and_workers_down(alone: Alone) -> None:
    answer = alone.post(123)
    assert answer.status_code == 200
    assert answer.json()["data"]["created"] is True
    assert alone.rows.value("SELECT company_name FROM companies WHERE chatwoot_account_id = '123'") == (
        "Test Company S.A."
    )
    assert alone.rows.value("SELECT status FROM integrations_inboxevent WHERE external_id = '123'") == "processed"
    waiting = "SELECT COUNT(*) FROM accounts_provisioningstep WHERE status = 'pending'"
    assert alone.rows.value(waiting) == 2  # owed, for the worker that will come


def test_twenty_signups_at_once_are_all_kept_and_answered_in_time(alone: Alone) -> None:
    answers: list[Any] = [None] * 20
    gate = threading.Barrier(20)

    def sign_up(place: int) -> None:
        gate.wait(20)
        answers[place] = alone.post(500, name=f"Name {place}")

    threads = [threading.Thread(target=sign_up, args=(place,)) for place in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * 20
    assert alone.rows.value("SELECT COUNT(*) FROM integrations_inboxevent WHERE external_id = '500'") == 20
    assert alone.rows.value("SELECT COUNT(*) FROM companies WHERE chatwoot_account_id = '500'") == 1


def test_front_end_gets_its_answer_too(alone: Alone) -> None:
    alone.post(77)
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"{alone.url}/api/chatwoot/webhooks/company/77",
            headers={"Origin": "https://app.example.com"},
            timeout=CHATWOOT_WAITS,
        )
    assert answer.json()["data"]["company_id"] == "chatwoot_77"
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
