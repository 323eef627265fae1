"""Look-up of a company by an embedded front end, which makes up for a lost webhook."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.people.models import Company
from core.moments import iso
from core.web import limits
from integrations.providers.chatwoot.api import companies as views
from integrations.providers.chatwoot.api import look_up as asking
from tests.fakes.chatwoot import PLATFORM_TOKEN, Answer, FakeChatwoot, Reset

pytestmark = pytest.mark.django_db
ORIGIN = "https://app.example.com"
NOBODY = {"success": True, "data": {"exists": False}}


def ask(account_id: Any = 123, **headers: str) -> Any:
    return Client().get(f"/api/chatwoot/webhooks/company/{account_id}", headers=headers)


@pytest.fixture(autouse=True)
def _within_one_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits' clock stands still, so that no test runs from one minute into the next."""
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_015.0)


@pytest.fixture
def chatwoot(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeChatwoot]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeChatwoot() as fake:
        fake.add(123, "Test Company S.A.")
        settings.CHATWOOT_BASE_URL, settings.CHATWOOT_PLATFORM_TOKEN = fake.url, PLATFORM_TOKEN
        yield fake


def test_existing_company_is_returned_without_anything_private(install: Any, fixture: Any) -> None:
    install(fixture("account_created__installation"))
    answer = ask()
    company = Company.objects.get()
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "success": True,
            "data": {
                "exists": True,
                "company_id": "chatwoot_123",
                "company_name": "Test Company S.A.",
                "chatwoot_account_id": "123",
                "status": "active",
                "is_ready": True,
                "created_at": iso(company.created_at),
            },
        },
    )
    assert "jane" not in answer.content.decode().lower()
    assert answer["Cache-Control"] == "no-store"


def test_company_is_ready_once_no_step_is_pending(install: Any, account: Any, drain: Any, settings: Any) -> None:
    settings.COMPANY_PROVISIONING_STEPS = ["accounts.people.tests.company_steps.fine"]
    install(account())
    assert ask().json()["data"]["is_ready"] is False
    drain()
    assert ask().json()["data"]["is_ready"] is True


@pytest.mark.parametrize("account_id", ["124", "x", "0", "12:3", "1" * 60, "chatwoot_123"])
def test_unknown_account_does_not_exist(install: Any, account: Any, account_id: str) -> None:
    install(account())
    assert ask(account_id).json() == NOBODY


def test_lost_webhook_heals_itself_where_the_platform_api_may_be_asked(chatwoot: FakeChatwoot) -> None:
    data = ask().json()["data"]
    assert (data["exists"], data["company_name"]) == (True, "Test Company S.A.")
    company = Company.objects.get()
    assert (company.company_id, company.source) == ("chatwoot_123", "chatwoot account 123 as read from there")
    ask()
    asked = chatwoot.asked_for("/platform/api/v1/accounts/123")
    assert len(asked) == 1
    assert "authorization" not in asked[0].headers


def test_webhook_that_comes_after_all_finds_the_company(chatwoot: FakeChatwoot, install: Any, fixture: Any) -> None:
    ask()
    assert install(fixture("account_created__installation")).json()["data"]["created"] is False
    assert Company.objects.get().administrators[0]["name"] == "Jane Doe"


def test_without_a_platform_token_nobody_is_asked(chatwoot: FakeChatwoot, settings: Any) -> None:
    settings.CHATWOOT_PLATFORM_TOKEN = ""
    assert ask().json() == NOBODY
    assert chatwoot.exchanges == []


def test_what_chatwoot_does_not_know_is_asked_for_once_in_a_while(chatwoot: FakeChatwoot) -> None:
    for _time in range(3):
        assert ask(999).json() == NOBODY
    assert len(chatwoot.exchanges) == 1


@pytest.mark.parametrize(
    "trouble",
    [
        Answer(status=500, body=b"{}"),
        Answer(status=200, body=b"<html>", content_type="text/html"),
        Answer(status=200, body=b"[]"),
        Answer(status=200, body=b'{"id": 7, "name": "Another"}'),
        Reset(),
    ],
    ids=["500", "page", "list", "another", "reset"],
)
def test_with_chatwoot_in_trouble_the_account_is_unknown_and_nothing_is_made(
    chatwoot: FakeChatwoot, trouble: Any
) -> None:
    chatwoot.misbehave(trouble, trouble)
    assert ask().json() == NOBODY
    assert Company.objects.count() == 0


def test_account_that_the_platform_app_may_not_see_is_logged_with_what_to_check(
    chatwoot: FakeChatwoot, caplog: Any
) -> None:
    chatwoot.not_permissible.add("123")
    assert ask().json() == NOBODY
    assert "Non permissible resource" in caplog.text
    assert "CHATWOOT_PLATFORM_TOKEN" in caplog.text
    assert PLATFORM_TOKEN not in caplog.text


def test_strangers_do_not_choose_how_often_chatwoot_is_asked(chatwoot: FakeChatwoot, monkeypatch: Any) -> None:
    monkeypatch.setattr(asking, "API_CALLS", 3)
    for number in range(200, 210):
        ask(number)
    assert len(chatwoot.exchanges) == 3


def test_with_the_cache_away_our_own_companies_are_returned_and_chatwoot_is_not_called(
    chatwoot: FakeChatwoot, install: Any, account: Any, settings: Any
) -> None:
    install(account(7))
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}
    }
    assert ask(7).json()["data"]["exists"] is True
    assert ask(123).json() == NOBODY
    assert chatwoot.exchanges == []


def test_address_that_asks_too_often_waits(monkeypatch: Any) -> None:
    monkeypatch.setattr(views, "LOOK_UPS", 2)
    assert [ask().status_code for _time in range(3)] == [200, 200, 429]
    answer = ask(Origin=ORIGIN)
    assert (answer.json()["success"], int(answer["Retry-After"]) <= 60) == (False, True)


def test_browser_of_a_named_origin_may_read_the_answer(settings: Any) -> None:
    settings.CHATWOOT_EMBED_ORIGINS = [ORIGIN]
    answer = ask(Origin=ORIGIN)
    assert answer["Access-Control-Allow-Origin"] == ORIGIN
    assert "Origin" in answer["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    first = Client().options("/api/chatwoot/webhooks/company/123", headers=preflight)
    assert (first.status_code, first["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert first["Access-Control-Allow-Methods"] == "GET"
    assert "X-Account-Signature" in first["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{ORIGIN}.evil.example", "http://app.example.com"])
def test_other_origin_may_not_read_the_answer(settings: Any, origin: str) -> None:
    settings.CHATWOOT_EMBED_ORIGINS = [ORIGIN]
    assert "Access-Control-Allow-Origin" not in ask(Origin=origin)


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_look_up_accepts_only_reads(method: str) -> None:
    assert getattr(Client(), method)("/api/chatwoot/webhooks/company/123").status_code == 405


def test_closed_company_says_so(install: Any, account: Any, travel: Any) -> None:
    install(account())
    travel(timedelta(seconds=1))
    install(account(event="account_deleted"))
    data = ask().json()["data"]
    assert (data["exists"], data["status"], data["is_ready"]) == (True, "closed", False)
