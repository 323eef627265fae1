"""One exchange over HTTP, as the client of JSON APIs sends and reads it: the request, its name, the answer."""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from core.text import storable
from integrations.toolkit import answers
from integrations.toolkit.permissions import Permission

_WORD = re.compile(r"v[0-9]{1,2}|[A-Za-z_-]{1,19}(?:\(\))?")


@dataclass(frozen=True, kw_only=True)
class HttpCall:
    """A request. `name` stands in messages, `route` (without ids) in logs and metrics; see `call_name`.

    `permission` is what it needs beside valid credentials.
    """

    name: str
    route: str
    method: str
    url: str
    query: Mapping[str, str]
    content: bytes | dict[str, str] | None
    content_type: str
    repeatable: bool
    permission: Permission | None = None


@dataclass(frozen=True, kw_only=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def call_name(method: str, url: str, query: Mapping[str, str], *, hide_ids: bool = False) -> str:
    """Return the name of a call: its method, its path and the names of the query, whose values may be personal.

    With `hide_ids` whatever is no short word in the path is `{id}`. The vendors' ids have a digit, or are longer than
    their words: 20 letters may be an id.
    """
    parts = urlsplit(url)
    path = parts.path
    if hide_ids:
        path = "/".join(part if not part or _WORD.fullmatch(part) else "{id}" for part in path.split("/"))
    names = [*query, *(["…"] if parts.query else [])]
    return f"{method} {path}" + (f"?{'&'.join(names)}" if names else "")


def parse_body(headers: Mapping[str, str], body: bytes) -> tuple[Any, str]:
    """Return the JSON of an answer (None for an empty one), and "" or, where it is no JSON, what to check."""
    is_html = "html" in headers.get("Content-Type", "").lower()
    if is_html or body[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        return None, answers.WEB_PAGE()
    if not body.strip():
        return None, ""
    try:
        return storable(json.loads(body)), ""
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None, answers.NOT_JSON()


def server_of(url: str) -> str:
    """Return scheme, host and port; a user in the URL makes it another server."""
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
        return any(isinstance(part, ssl.SSLCertVerificationError) for part in getattr(reason, "args", ()))
    if isinstance(error, requests.exceptions.ProxyError):
        return True
    return isinstance(reason, urllib3.exceptions.NewConnectionError)
