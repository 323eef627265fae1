"""One exchange over HTTP, as the client of JSON APIs sends and judges it: the call, the answer, the bearer token."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase

from core.text import storable

_WORD = re.compile(r"v[0-9]{1,2}|[A-Za-z_-]{1,19}(?:\(\))?")


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_html(self) -> bool:
        kind = self.headers.get("Content-Type", "").lower()
        return "html" in kind or self.body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html"))

    def read(self) -> Any:
        """The parsed JSON, None for an empty body; raises ValueError for anything else."""
        if not self.body.strip():
            return None
        try:
            return storable(json.loads(self.body))
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


@dataclass(frozen=True, kw_only=True)
class HttpCall:
    """A request; `str()` names it in messages: without the values of the query, which may be personal."""

    method: str
    url: str
    query: Mapping[str, str]
    content: bytes | dict[str, str] | None
    content_type: str
    accept: str
    repeatable: bool

    def __str__(self) -> str:
        return self._named(urlsplit(self.url).path)

    @property
    def without_ids(self) -> str:
        """The same without the ids in its path: whatever is no short word is `{id}`.

        The vendors' ids have a digit, or are longer than their words: 20 letters are an id of GoHighLevel.
        """
        parts = urlsplit(self.url).path.split("/")
        return self._named("/".join(part if not part or _WORD.fullmatch(part) else "{id}" for part in parts))

    def _named(self, path: str) -> str:
        names = [*self.query, *(["…"] if urlsplit(self.url).query else [])]
        return f"{self.method} {path}" + (f"?{'&'.join(names)}" if names else "")


class Bearer(AuthBase):
    """Sets the token, or none. Without an `auth` requests would look into ~/.netrc, and replace the token by that."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def server_of(url: str) -> str:
    """Scheme, host and port; a user in the URL makes it another server."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:  # no number as the port, half an IPv6 address
        return "an unreadable address"
    return f"{parts.scheme}://{'…@' if parts.username is not None else ''}{parts.hostname}:{port}"


def is_without_connection(error: BaseException) -> bool:
    """Return whether not even a connection came about, so that nothing can have been done.

    TLS may break off while the answer is read, too; only a certificate that is not accepted surely comes before.
    """
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    if isinstance(error, requests.exceptions.SSLError):
        return any(isinstance(one, ssl.SSLCertVerificationError) for one in getattr(reason, "args", ()))
    if isinstance(error, requests.exceptions.ProxyError):
        return True
    return isinstance(reason, urllib3.exceptions.NewConnectionError)
