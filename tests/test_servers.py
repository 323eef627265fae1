"""Rules on a body's length, on waitress (make run) and gunicorn (production).

Servers differ in what they make of a chunked body: gunicorn hands Django an empty one, waitress a joined one.
"""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import Embedded, embedded, purchase, sign
from tests.harness.servers import gunicorn

pytestmark = pytest.mark.embedded

PATH = "/api/webhook/kajabi/"
BODY = json.dumps(purchase("evt_chunked", "jane@example.com")).encode()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(tmp_path_factory.mktemp("servers")) as app:
        yield app


@pytest.fixture(scope="module")
def gunicorn_port(app: Embedded) -> Iterator[int]:
    with gunicorn(app) as port:
        yield port


@pytest.fixture(params=["waitress", "gunicorn"])
def port(request: pytest.FixtureRequest, app: Embedded) -> int:
    """Return the port of each server, on the same installation."""
    return app.port if request.param == "waitress" else request.getfixturevalue("gunicorn_port")


def status_of(port: int, head: str, body: bytes = b"") -> int:
    """Return the status of the answer to this raw request."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        answer = connection.recv(4096)
    return int(answer.split(b" ", 2)[1])


def head(*headers: str) -> str:
    signed = f"X-Kajabi-Signature: {sign(BODY)}"
    return "\n".join([f"POST {PATH} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json", signed, *headers])


def test_chunked_body_of_a_webhook_is_stored_whole(port: int, app: Embedded) -> None:
    chunks = f"{len(BODY):x}\r\n".encode() + BODY + b"\r\n0\r\n\r\n"
    assert status_of(port, head("Transfer-Encoding: chunked"), chunks) == 200
    assert app.rows.value("SELECT COUNT(*) FROM integrations_inboxevent WHERE external_id = 'evt_chunked'") == 1


def test_body_far_too_long_is_refused_before_it_is_sent(port: int) -> None:
    assert status_of(port, head(f"Content-Length: {3 * 1024 * 1024}")) == 413


def test_body_too_long_is_refused(port: int) -> None:
    length = 1024 * 1024 + 1
    assert status_of(port, head(f"Content-Length: {length}", "Connection: close"), b"x" * length) == 413


def test_proxy_headers_reach_django(tmp_path: Path) -> None:
    changes = {
        "FRONTEND_URL": "https://hub.example.com",
        "ALLOWED_HOSTS": "127.0.0.1",
        "TRUSTED_PROXY_COUNT": "1",
    }
    asked = "GET /sign-in HTTP/1.1\nHost: 127.0.0.1"
    with embedded(tmp_path, **changes) as app, gunicorn(app) as gunicorn_port:
        for port in (app.port, gunicorn_port):
            assert status_of(port, f"{asked}\nX-Forwarded-Proto: https\nX-Forwarded-For: 192.0.2.1") == 200
            assert status_of(port, f"{asked}\nX-Forwarded-Proto: http\nX-Forwarded-For: 192.0.2.1") == 301
