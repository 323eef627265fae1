"""The page in Chatwoot's frame: framable by whom the settings name, and nothing in it but words."""

from typing import Any

import pytest
from django.test import Client

from integrations.checks import check_origins

pytestmark = pytest.mark.django_db
PAGE = "/embed/dashboard?accountId=123"
FRAME = "https://chat.example.com"


def test_the_page_says_configuring_and_asks_for_its_own_account() -> None:
    answer = Client().get(PAGE)
    text = answer.content.decode()
    assert answer.status_code == 200
    assert 'data-company-url="/api/chatwoot/webhooks/company/123"' in text
    assert "Configuring…" in text
    assert not answer.cookies  # no session, no form
    assert answer["Cache-Control"].startswith("max-age=0")


def test_only_the_named_origins_may_frame_it(settings: Any) -> None:
    settings.CHATWOOT_FRAME_ORIGINS = [FRAME]
    answer = Client().get(PAGE)
    assert f"frame-ancestors {FRAME};" in answer["Content-Security-Policy"] + ";"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer


def test_no_other_page_can_be_framed_then(settings: Any) -> None:
    settings.CHATWOOT_FRAME_ORIGINS = [FRAME]
    for path in ("/sign-in", "/admin/login/", "/api/chatwoot/webhooks/company/123", "/health"):
        answer = Client().get(path)
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"


def test_without_the_setting_nobody_may_frame_it() -> None:
    answer = Client().get(PAGE)
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("query", ["", "?accountId=", "?accountId=x", '?accountId="><script>', "?accountId=1/../2"])
def test_without_an_account_it_says_what_is_missing_and_asks_nobody(query: str) -> None:
    text = Client().get(f"/embed/dashboard{query}").content.decode()
    assert "data-company-url" not in text
    assert "Which account?" in text
    assert "<script>" not in text


def test_it_is_only_looked_at() -> None:
    assert Client().post(PAGE).status_code == 405


@pytest.mark.parametrize("name", ["CHATWOOT_EMBED_ORIGINS", "CHATWOOT_FRAME_ORIGINS"])
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
    ],
)
def test_an_origin_that_is_none_is_found_before_the_start(settings: Any, name: str, origin: str, is_one: bool) -> None:
    setattr(settings, name, [origin])
    assert [found.id for found in check_origins()] == ([] if is_one else ["integrations.E001"])
