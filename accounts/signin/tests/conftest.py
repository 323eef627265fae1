"""Fixtures for tests about guessing and known browsers."""

from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.test import Client

from accounts.signin.tests.browsers import EMAIL, PASSWORD, sign_in
from core.web import limits


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The limits' clock stands still, 15 seconds into a quarter of an hour, until it is set."""
    hands = {"now": 1_800_000_015.0}
    monkeypatch.setattr(limits.time, "time", lambda: hands["now"])
    return hands


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that reached the hasher."""
    seen: list[str] = []
    verify, encode = Argon2PasswordHasher.verify, Argon2PasswordHasher.encode

    def watched_verify(self: Any, password: str, encoded: str) -> bool:
        seen.append(password)
        return verify(self, password, encoded)

    def watched_encode(self: Any, password: str, salt: str) -> str:
        seen.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(Argon2PasswordHasher, "verify", watched_verify)
    monkeypatch.setattr(Argon2PasswordHasher, "encode", watched_encode)
    return seen


@pytest.fixture
def known(user: Any) -> Client:
    """A browser that was signed in to Jane's account, and signed out again."""
    browser = Client(REMOTE_ADDR="198.51.100.7")
    assert sign_in(browser, EMAIL, PASSWORD) == "in"
    browser.post("/sign-out")
    assert SESSION_KEY not in browser.session
    return browser
