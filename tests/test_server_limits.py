"""Limits of each server on a client's time, connections and bytes, over real sockets."""

import http.client
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from tests.harness import Embedded, embedded
from tests.harness.embedded import answers_health
from tests.harness.servers import gunicorn

pytestmark = pytest.mark.embedded

LIMITS = {"HEADER_SECONDS": "0.5", "BODY_SECONDS": "0.5", "MAX_CONNECTIONS": "120", "WEB_CONCURRENCY": "1"}
LARGEST_HEADER = 32 * 1024  # as in the settings
HUGE = 150 * 1000 * 1000
HEALTH = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    directory = tmp_path_factory.mktemp("limits")
    (directory / "tmp").mkdir()
    with embedded(directory, TMPDIR=str(directory / "tmp"), GHL_WEBHOOK_TOKEN="a-ghl-token", **LIMITS) as app:
        yield app


@pytest.fixture(scope="module")
def gunicorn_port(app: Embedded) -> Iterator[int]:
    with gunicorn(app) as port:
        yield port


@pytest.fixture(params=["waitress", "gunicorn"])
def port(request: pytest.FixtureRequest, app: Embedded) -> int:
    return app.port if request.param == "waitress" else request.getfixturevalue("gunicorn_port")


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def head(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


def answer_to(port: int, request: bytes) -> bytes:
    """Return everything that the server sends until it closes the connection."""
    with connect(port) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def endless(first: bytes, then: bytes) -> bytes:
    """Return as much of a request with endless headers as the server reads: an unread rest resets the connection."""
    return (first + then * LARGEST_HEADER)[: LARGEST_HEADER + 1]


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def is_ended(connection: socket.socket, *, sending: bytes) -> bool:
    """Return whether the server ends a connection with a byte now and then; False after many of them."""
    connection.settimeout(0.1)
    for _ in range(100):
        try:
            connection.sendall(sending)
            if connection.recv(4096) == b"":
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_huge_upload_is_refused_before_it_is_read(port: int, app: Embedded) -> None:
    upload = head("POST /sign-in", "Content-Type: multipart/form-data; boundary=x", f"Content-Length: {HUGE}")
    assert status_of(answer_to(port, upload)) == 413
    part = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' + b"x" * 100_000
    with connect(port) as connection:
        connection.sendall(upload + part)
        assert status_of(connection.recv(4096)) == 413
    assert list((app.directory / "tmp").iterdir()) == []


@pytest.mark.parametrize("length", [HUGE, 10**30, "9" * 5000])
@pytest.mark.parametrize("path", ["/sign-in", "/admin/", "/%61dmin/", "/api/webhook/kajabi/", "/nowhere"])
def test_huge_body_is_refused_at_every_address(port: int, path: str, length: int | str) -> None:
    answer = answer_to(port, head(f"POST {path}", f"Content-Length: {length}"))
    assert status_of(answer) in {400, 413}


@pytest.mark.parametrize("length", [100, 100_000, 700_000])
def test_connection_stays_open_after_an_unread_body(port: int, length: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for _ in range(2):
        connection.request("POST", "/sign-in", b"a" * length, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        assert answer.status in {403, 413}
        answer.read()
        assert connection.sock is not None, "the server said that it keeps the connection"
    connection.close()


def test_huge_body_with_expect_100_continue_is_refused(port: int) -> None:
    answer = answer_to(port, head("POST /sign-in", f"Content-Length: {HUGE}", "Expect: 100-continue"))
    assert status_of(answer) == 413


def test_body_with_expect_100_continue_is_requested(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(head("POST /nowhere", "Content-Length: 5", "Expect: 100-continue", "Connection: close"))
        assert status_of(connection.recv(4096)) == 100
        connection.sendall(b"x=abc")
        rest = b"".join(iter(lambda: connection.recv(65536), b""))
        assert status_of(rest.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")) in {403, 404}


def test_chunked_body_is_refused_at_every_address(port: int) -> None:
    for path in ("/sign-in", "/admin/", "/nowhere"):
        answer = answer_to(port, head(f"POST {path}", "Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n\r\n")
        assert status_of(answer) == 411


GHL = "POST /api/v1/webhooks/ghl?token=a-ghl-token"
CHUNKED = ("Transfer-Encoding: chunked", "Content-Type: application/json", "Connection: close")
EVENT = b'{"contact_id": "%s", "email": "jane@example.com", "location": {}}'


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_webhook_in_chunks_is_joined(port: int, app: Embedded, size: int) -> None:
    body = EVENT % f"chunks-{port}-{size}".encode()
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = [b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts]
    request = head(GHL, *CHUNKED) + b"".join(chunks) + b"0\r\nX-Trailer: 1\r\n\r\n"
    with connect(port) as connection:
        for start in range(0, len(request), 30):
            connection.sendall(request[start : start + 30])
            time.sleep(0.0005)
        assert status_of(connection.recv(65536)) == 200
    rows = app.rows.all("SELECT body FROM integrations_inboxevent WHERE external_id = ?", f"chunks-{port}-{size}")
    assert [bytes(row["body"]) for row in rows] == [body]


def test_requests_after_chunks_are_served_on_the_same_connection(port: int) -> None:
    body = EVENT % f"pipelined-{port}".encode()
    chunked = head(GHL, *CHUNKED[:2]) + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    last = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    answer = answer_to(port, chunked + HEALTH + chunked + last)
    assert re.findall(rb"HTTP/1.1 ([0-9]+)", answer) == [b"200", b"200", b"409", b"200"]


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (CHUNKED, b"5\r\n{}\r\n0\r\n\r\n" + b"x" * 20, 400),
        (CHUNKED, b"zz\r\n{}\r\n0\r\n\r\n", 400),
        (CHUNKED, b"-2\r\n{}\r\n0\r\n\r\n", 400),
        ((*CHUNKED, "Content-Length: 12"), b"2\r\n{}\r\n0\r\n\r\n", 411),
        (("Transfer-Encoding: gzip, chunked", *CHUNKED[1:]), b"2\r\n{}\r\n0\r\n\r\n", None),
        (("Transfer-Encoding: chunked", *CHUNKED), b"2\r\n{}\r\n0\r\n\r\n", None),
        (CHUNKED, b"10000\r\n" + b"[" * 0x10000 + b"\r\n", None),
    ],
    ids=["too long a chunk", "no number", "negative", "a length too", "another coding", "twice", "unfinished"],
)
def test_odd_chunks_are_refused(port: int, headers: tuple[str, ...], body: bytes, status: int | None) -> None:
    answer = answer_to(port, head(GHL, *headers) + body)
    assert answer == b"" or status_of(answer) in ((status,) if status else (400, 408, 411, 501))


def test_endless_chunks_are_refused(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(head(GHL, *CHUNKED))
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        with suppress(OSError):
            for _ in range(80):  # 2.5 MiB
                connection.sendall(chunk)
        with suppress(OSError):
            answer = connection.recv(4096)
            assert answer == b"" or status_of(answer) == 413


@pytest.mark.parametrize(("path", "refused"), [("/sign-in", True), ("/admin/accounts/completion/import/", False)])
def test_staff_upload_may_be_larger_than_other_bodies(port: int, path: str, refused: bool) -> None:
    length = 3 * 1024 * 1024
    request = head(f"POST {path}", f"Content-Length: {length}", "Content-Type: text/plain", "Connection: close")
    if refused:
        assert status_of(answer_to(port, request)) == 413
    else:
        answer = answer_to(port, request + b"x" * length)
        assert status_of(answer) == 413
        assert b"65536" in answer  # the server took it; Django refuses it from strangers


def test_endless_headers_are_refused(port: int) -> None:
    assert status_of(answer_to(port, endless(b"GET / HTTP/1.1\r\n", b"X-A: 1234567\r\n"))) == 431
    assert status_of(answer_to(port, endless(b"GET /", b"a"))) == 431


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (b"", b"G"),
        (b"GET /health HTTP/1.1\r\n", b"X-A: b\r\n"),
        (head("POST /api/webhook/kajabi/", "Content-Length: 5000"), b"x"),
        (HEALTH + b"GET /", b"x"),
    ],
    ids=["request line", "headers", "body", "second request"],
)
def test_slow_client_is_disconnected(port: int, first: bytes, then: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(first)
        assert is_ended(connection, sending=then)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", head("POST /sign-in", "Content-Length: 9")], ids=["silent", "headers", "body"]
)
def test_many_open_connections_leave_the_server_responsive(port: int, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            connection = stack.enter_context(connect(port))
            with suppress(OSError):  # it may have made room for a later one already
                connection.sendall(sent)
        for _ in range(3):
            assert answers_health(port)


def test_processes_on_one_port_take_no_connection_from_each_other(app: Embedded) -> None:
    """Wake all processes by one connection: those that come too late must not make room for it."""
    with gunicorn(app, WEB_CONCURRENCY="3") as port:
        for _ in range(5):
            gate = threading.Barrier(20)

            def ask(place: int, gate: threading.Barrier = gate, port: int = port) -> int:
                gate.wait(20)
                return status_of(answer_to(port, head("GET /health", "Connection: close")))

            with ThreadPoolExecutor(20) as clients:
                assert list(clients.map(ask, range(20))) == [200] * 20


def test_clients_that_never_close_leave_the_server_responsive(port: int) -> None:
    """Answer clients that never close their end of the connection."""
    asked = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with ExitStack() as stack:
        for _ in range(30):
            connection = stack.enter_context(connect(port))
            connection.sendall(asked)
            assert status_of(connection.recv(4096)) == 200
        assert answers_health(port)


def test_connection_serves_sequential_and_pipelined_requests(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    first = None
    for path in ("/health", "/sign-in", "/static/accounts/enlace.css", "/health"):
        connection.request("GET", path)
        answer = connection.getresponse()
        assert (answer.status, len(answer.read()) > 0) == (200, True)
        first = first or connection.sock
        assert connection.sock is first
    connection.close()
    last = HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert answer_to(port, HEALTH * 3 + last).count(b"HTTP/1.1 200") == 4


def test_request_in_pieces_is_reassembled(port: int) -> None:
    body = b'{"x": 1}'
    request = head("POST /api/webhook/kajabi/", f"Content-Length: {len(body)}", "Connection: close") + body
    with connect(port) as connection:
        for start in range(0, len(request), 40):
            connection.sendall(request[start : start + 40])
            time.sleep(0.002)
        connection.shutdown(socket.SHUT_WR)
        assert status_of(connection.recv(4096)) == 403


def test_no_answer_names_the_server_or_its_version(port: int) -> None:
    end = "Connection: close"
    requests = {
        200: head("GET /health", end),
        404: head("GET /nowhere", end),
        411: head("POST /", "Transfer-Encoding: chunked", end),
        413: head("POST /", f"Content-Length: {HUGE}", end),
        431: endless(b"GET / HTTP/1.1\r\n", b"X-A: 1234567\r\n"),
        400: b"GET / HTTP/1.1\r\nno header\r\n\r\n",
    }
    for status, request in requests.items():
        answer = answer_to(port, request)
        assert status_of(answer) == status
        (server,) = re.findall(rb"^Server: (.*)\r$", answer, re.MULTILINE | re.IGNORECASE) or [b""]
        assert server in {b"", b"Enlace"}
        assert not re.search(rb"gunicorn|waitress|django|python", answer, re.IGNORECASE), answer
