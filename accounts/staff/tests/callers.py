"""Whoever calls the API with a token."""

from typing import Any

from accounts.staff import tokens
from core.web import access


def bearer(owner: Any, *scopes: str) -> dict[str, str]:
    """The header of a new token of `owner`; without scopes it has all of them."""
    _token, text = tokens.make(owner, name="a test's", scopes=scopes or access.table().scopes)
    return {"Authorization": f"Token {text}"}
