"""Signed account ids: with a secret configured, who counts up ids learns nothing."""

import hashlib
import hmac
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.staff.models.audit_entry import AuditEntry
from core.web import limits
from core.web.refusals import refusal
from integrations.api import signed_accounts
from integrations.checks import check_company_pages
from integrations.providers.chatwoot.provider import PROVIDER

pytestmark = pytest.mark.django_db
NEW, OLD = "the-new-embed-secret-of-tests", "the-old-embed-secret-of-tests"
LOOK_UP = "/api/chatwoot/webhooks/company/{}"
REFUSAL = refusal("Invalid account signature", code="not_signed")


@pytest.fixture(autouse=True)
def _secrets(settings: Any, monkeypatch: pytest.MonkeyPatch, install: Any, account: Any) -> None:
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_015.0)
    install(account(123))
    settings.CHATWOOT_EMBED_SECRET = [NEW, OLD]


def signature(signed: str = "123", secret: str = NEW) -> str:
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).hexdigest()


def in_seconds(number: int) -> str:
    return str(int(timezone.now().timestamp()) + number)


def look_up(account_id: Any = 123, headers: dict[str, str] | None = None, **query: str) -> Any:
    return Client().get(LOOK_UP.format(account_id), query, headers=headers)


def page(account_id: Any = 123, **query: str) -> Any:
    return Client().get("/embed/dashboard", {"accountId": account_id, **query})


def opens(**query: str) -> bool:
    """Ask the look-up and the page, which must be of one mind; return whether they answer."""
    answers = look_up(**query), page(**query)
    statuses = [answer.status_code for answer in answers]
    assert statuses in ([200, 200], [403, 403])
    if statuses == [200, 200]:
        assert answers[0].json()["data"]["company_id"] == "chatwoot_123"
        return True
    assert answers[0].json() == REFUSAL
    assert "data-company-url" not in answers[1].content.decode()
    assert "This address does not open here" in answers[1].content.decode()
    return False


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_signature_with_any_of_the_secrets_opens(secret: str) -> None:
    assert opens(signature=signature(secret=secret))
    assert opens(signature=signature(secret=secret).upper())


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x",
        "0" * 64,
        signature("124"),
        signature("0123"),
        signature(""),
        signature(secret="another-secret"),
        signature(secret=""),
        signature()[:-1],
        signature() + "0",
        "sha256=" + signature(),
        "\u0661" * 64,
        "a" * 5000,
    ],
)
def test_signature_that_is_not_of_this_account_and_secret_is_refused(given: str) -> None:
    assert not opens(signature=given)


def test_without_a_signature_nothing_opens() -> None:
    assert not opens()
    assert look_up().headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("account_id", ["124", "x", "123.1", "0123"])
def test_known_and_unknown_accounts_are_refused_alike(account_id: str) -> None:
    answer = look_up(account_id, signature=signature())
    assert (answer.status_code, answer.json()) == (403, REFUSAL)


def test_signature_opens_until_it_expires() -> None:
    soon, past = in_seconds(60), in_seconds(-1)
    assert opens(signature=signature(f"123.{soon}"), expires=soon)
    assert not opens(signature=signature(f"123.{past}"), expires=past)


def test_time_of_a_signature_cannot_be_changed_or_left_out() -> None:
    soon, past = in_seconds(60), in_seconds(-1)
    assert not opens(signature=signature(f"123.{past}"), expires=soon)
    assert not opens(signature=signature(f"123.{past}"))
    assert not opens(signature=signature(), expires=soon)
    answer = look_up(f"123.{past}", signature=signature(f"123.{past}"))
    assert answer.status_code == 403, "the time is no part of an id"


@pytest.mark.parametrize("expires", ["soon", "1e12", "-1", "9" * 13, " 9999999999", "\u0669" * 10, "0", "9999999999.5"])
def test_time_that_is_none_is_refused(expires: str) -> None:
    assert not opens(signature=signature(f"123.{expires}"), expires=expires)


def test_header_opens_the_look_up_and_is_not_mended_by_the_query() -> None:
    soon = in_seconds(60)
    assert look_up(headers={"X-Account-Signature": signature()}).status_code == 200
    assert look_up(headers={"X-Account-Signature": signature(f"123.{soon}")}, expires=soon).status_code == 200
    assert look_up(headers={"X-Account-Signature": "wrong"}, signature=signature()).status_code == 403


def test_browser_may_send_the_header(settings: Any) -> None:
    settings.CHATWOOT_EMBED_ORIGINS = ["https://app.example.com"]
    answer = Client().options(LOOK_UP.format(123), headers={"Origin": "https://app.example.com"})
    assert "X-Account-Signature" in answer["Access-Control-Allow-Headers"]


def test_page_hands_its_own_signature_on() -> None:
    soon = in_seconds(60)
    given = signature(f"123.{soon}")
    text = page(signature=given, expires=soon).content.decode()
    url = f"{LOOK_UP.format(123)}?signature={given}&amp;expires={soon}"
    assert f'data-company-url="{url}"' in text
    assert Client().get(url.replace("&amp;", "&")).status_code == 200


@pytest.mark.parametrize("configured", [[""], [" "], ["", "  "]])
def test_blank_secret_verifies_nothing(settings: Any, configured: list[str]) -> None:
    settings.CHATWOOT_EMBED_SECRET = configured
    for secret in ("", " ", NEW):
        assert not opens(signature=signature(secret=secret))


def test_without_the_setting_everybody_may_ask(settings: Any) -> None:
    settings.CHATWOOT_EMBED_SECRET = []
    assert opens()
    assert opens(signature="wrong")


def test_client_with_too_many_wrong_signatures_is_not_judged_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_accounts, "TRIES", 4)
    for number in range(2):
        assert look_up(signature=str(number)).status_code == 403
        assert page(signature=str(number)).status_code == 403
    for answer in (look_up(signature=signature()), page(signature=signature())):
        assert (answer.status_code, answer["Retry-After"]) == (429, "46")
    assert Client(REMOTE_ADDR="192.0.2.9").get(LOOK_UP.format(123), {"signature": signature()}).status_code == 200
    assert AuditEntry.objects.filter(action="company.locked").count() == 1


def test_right_signatures_are_not_limited_as_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed_accounts, "TRIES", 2)
    assert {look_up(signature=signature()).status_code for _number in range(6)} == {200}


def test_check_warns_where_chatwoot_is_configured_and_everybody_may_ask(settings: Any) -> None:
    assert check_company_pages() == []
    settings.CHATWOOT_EMBED_SECRET = []
    (warning,) = check_company_pages()
    assert (warning.id, "CHATWOOT_EMBED_SECRET" in str(warning.hint)) == ("integrations.W010", True)
    settings.CHATWOOT_WEBHOOK_SECRET = settings.CHATWOOT_WEBHOOK_TOKEN = []
    assert check_company_pages() == [], "Chatwoot is not in use"
    settings.CHATWOOT_BASE_URL, settings.CHATWOOT_PLATFORM_TOKEN = "https://chat.example.com", "x"
    assert [found.id for found in check_company_pages()] == ["integrations.W010"]


def test_settings_hold_the_secret_that_the_manifest_names(settings: Any) -> None:
    assert PROVIDER.company_pages is not None
    assert isinstance(getattr(settings, PROVIDER.company_pages.signed_by), list)
