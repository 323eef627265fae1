"""The page in Chatwoot's frame: framable by whom the settings name, and nothing in it but words."""

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from core.web import access
from integrations.checks import check_origins
from integrations.providers.chatwoot.signatures import sign_account

pytestmark = pytest.mark.django_db
PAGE = "/embed/dashboard?accountId=123"
FRAME = "https://chat.example.com"
SECRET = "a-secret-that-only-tests-know"
BOTH = pytest.mark.parametrize("page", [PAGE, "/?accountId=123"])


@BOTH
def test_page_says_configuring_and_asks_for_its_own_account(page: str) -> None:
    answer = Client().get(page)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'data-company-url="/api/chatwoot/webhooks/company/123"' in text
    assert "Configuring…" in text
    assert not answer.cookies  # no session, no form
    assert answer["Cache-Control"].startswith("max-age=0")


@BOTH
def test_only_the_named_origins_may_frame_it(settings: Any, page: str) -> None:
    settings.CHATWOOT_FRAME_ORIGINS = [FRAME]
    answer = Client().get(page)
    assert f"frame-ancestors {FRAME};" in answer["Content-Security-Policy"] + ";"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer


def test_no_other_page_can_be_framed_then(settings: Any) -> None:
    settings.CHATWOOT_FRAME_ORIGINS = [FRAME]
    for path in ("/", "/?accountid=123", "/sign-in", "/admin/login/", "/api/chatwoot/webhooks/company/123", "/health"):
        answer = Client().get(path)
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"


@BOTH
def test_without_the_setting_nobody_may_frame_it(page: str) -> None:
    answer = Client().get(page)
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("query", ["", "?accountId=", "?accountId=x", '?accountId="><script>', "?accountId=1/../2"])
def test_without_an_account_it_says_what_is_missing_and_asks_nobody(query: str) -> None:
    for path in ("/embed/dashboard", "/")[: 2 if query else 1]:
        text = Client().get(f"{path}{query}").content.decode()
        assert "data-company-url" not in text
        assert "Which account?" in text
        assert "<script>" not in text


@BOTH
def test_page_accepts_only_reads(page: str) -> None:
    assert Client().post(page).status_code == 405
    assert Client().head(page).status_code == 200


@pytest.mark.parametrize("query", ["", "?next=/dashboard", "?accountid=123", "?account_id=123"])
def test_front_door_leads_people_to_their_pages(user: Any, query: str) -> None:
    browser = Client()
    assert browser.get(f"/{query}")["Location"] == "/sign-in"
    browser.force_login(user)
    assert browser.get(f"/{query}")["Location"] == "/dashboard"


def test_both_ways_answer_the_same_to_somebody_signed_in(user: Any, settings: Any) -> None:
    settings.CHATWOOT_FRAME_ORIGINS = [FRAME]
    browser = Client()
    browser.force_login(user)
    usual, short = browser.get(PAGE), browser.get("/?accountId=123")
    assert short.content == usual.content
    assert {**short.headers, "Expires": "", "Last-Modified": ""} == {
        **usual.headers,
        "Expires": "",
        "Last-Modified": "",
    }
    assert not short.cookies


@BOTH
@pytest.mark.parametrize(
    ("proof", "status"),
    [("", 403), (f"&signature={sign_account(SECRET, '124')}", 403), (f"&signature={sign_account(SECRET, '123')}", 200)],
    ids=["none", "of another account", "right"],
)
def test_with_a_secret_it_opens_to_the_accounts_signature_alone(
    settings: Any, page: str, proof: str, status: int
) -> None:
    settings.CHATWOOT_EMBED_SECRET = [SECRET]
    answer = Client().get(page + proof)
    assert answer.status_code == status
    assert ("data-company-url" in answer.content.decode()) == (status == 200)


@BOTH
def test_where_the_table_of_access_closes_the_page_it_is_closed_on_both_ways(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = access.table()
    listed = {name: rule for name, rule in table.addresses.items() if name != "embed"}
    monkeypatch.setattr(access, "table", lambda: replace(table, addresses=listed))
    assert Client().get(page).status_code == 403


@pytest.mark.parametrize("name", ["FRONTEND_ORIGINS", "CHATWOOT_EMBED_ORIGINS", "CHATWOOT_FRAME_ORIGINS"])
@pytest.mark.parametrize(
    ("origin", "is_one"),
    [
        ("https://chat.example.com", True),
        ("http://127.0.0.1:3000", True),
        ("*", False),
        ("https://*.example.com", False),
        ("https://chat.example.com/", False),
        ("https://a.example; script-src *", False),
        ("chat.example.com", False),
        ("null", False),
        ("https://chat.example.com:8443", True),
        ("https://[::1]:8000", True),
        ("https://[::1", False),
        ("https://chat.example.com:443", False),
        ("https://chat.example.com:x", False),
        ("https://user@chat.example.com", False),
        ("https://chat.example.com?x", False),
        ("https://tienda-ñ.example", False),
        ("ftp://chat.example.com", False),
        ("https://", False),
    ],
)
def test_origin_that_is_none_is_found_before_the_start(settings: Any, name: str, origin: str, is_one: bool) -> None:
    setattr(settings, name, [origin])
    assert [found.id for found in check_origins()] == ([] if is_one else ["integrations.E001"])
