"""curl commands of a document, sent to a local server in place of the host that they name."""

import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from tests.harness.webhooks import Answer


@dataclass(frozen=True, kw_only=True)
class Request:
    """Request of a command: `path` with its query, headers and body."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def parse(command: str) -> Request:
    """Parse a command as a shell and curl would; raise for an unknown option."""
    words = iter(shlex.split(command.replace("\\\n", " ").partition(" | ")[0]))
    assert next(words) == "curl", command
    method, url, headers, body = "", "", {}, b""
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _colon, value = next(words).partition(":")
                headers[name] = value.strip()
            case "-d":
                body = next(words).encode()
            case _:
                assert not word.startswith("-"), f"the option {word} is not known here"
                url = word
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    return Request(method=method or ("POST" if body else "GET"), path=path, headers=headers, body=body)


def send(
    command: str, *, to: str, proof: Callable[[bytes], Mapping[str, str]] | None = None, path: str | None = None
) -> Answer:
    """Send a command's request to the server at `to`; `proof` returns the sender's proof as headers for the body.

    `path` replaces the command's own where that holds a name to be filled in ("/api/admin/users/<user_id>/…").
    """
    asked = parse(command)
    headers = asked.headers | dict(proof(asked.body) if proof else {})
    started = time.monotonic()
    with requests.Session() as session:
        session.trust_env = False
        response = session.request(
            asked.method, to + (path or asked.path), headers=headers, data=asked.body or None, timeout=30,
            allow_redirects=False,
        )  # fmt: skip
    received = {name.lower(): value for name, value in response.headers.items()}
    return Answer(status=response.status_code, body=response.text, seconds=time.monotonic() - started, headers=received)
