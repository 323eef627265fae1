"""Local HTTP server whose answers a test writes, and that can be made to misbehave.

It remembers what was asked and what it answered. Misbehaviour is queued: each piece is used up by one request.
"""

import os
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, kw_only=True)
class Asked:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Request and its answer; `answer` is None where there was none."""

    asked: Asked
    answer: Answer | None


class Reset:
    """Connection that is reset after the request was read, without an answer."""


class Lost(Reset):
    """Request that is carried out, and its connection reset without an answer."""


class Hang:
    """Request that is never answered."""


@dataclass(frozen=True, kw_only=True)
class Drip:
    """Answer that never ends: a byte now and then; with `from_the_start` already of the head."""

    content_type: str = "application/json"
    from_the_start: bool = False


Misbehaviour = Answer | Reset | Hang | Drip


class FakeServer:
    """HTTP server that answers with `answer`, running as a context manager. `url` is its base; `tls` makes it https."""

    def __init__(self, answer: Callable[[Asked], Answer] | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.exchanges: list[Exchange] = []
        self._answer, self._tls = answer, tls
        self._queue: deque[tuple[str, Misbehaviour]] = deque()
        self._lock = threading.RLock()
        self._stopped = threading.Event()

    def answer(self, asked: Asked) -> Answer:
        assert self._answer, "give an answer, or override this"
        return self._answer(asked)

    def misbehave(self, *what: Misbehaviour, on: str = "") -> None:
        """Replace the answers of the next requests whose path begins with `on`, one each."""
        with self._lock:
            self._queue.extend((on, piece) for piece in what)

    def behave(self) -> None:
        """Forget all misbehaviour that was not used up."""
        with self._lock:
            self._queue.clear()

    def asked_for(self, path: str) -> list[Asked]:
        """Return the requests for a path, in order."""
        return [exchange.asked for exchange in list(self.exchanges) if exchange.asked.path == path]

    def __enter__(self) -> Self:
        fake = self

        class Handler(_Handler):
            server_of_tests = fake

        self._server = _Server(("127.0.0.1", 0), Handler)
        if self._tls is not None:
            plain = self._server.socket
            # The handshake is each connection's own: one that never finishes it holds up nobody else.
            self._server.socket = self._tls.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if self._tls else ''}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def respond(self, asked: Asked) -> Misbehaviour:
        with self._lock:
            queued = next((entry for entry in self._queue if asked.path.startswith(entry[0])), None)
            if queued:
                self._queue.remove(queued)
            response = queued[1] if queued else self.answer(asked)
            if isinstance(response, Lost):
                self.answer(asked)
            self.exchanges.append(Exchange(asked=asked, answer=response if isinstance(response, Answer) else None))
            return response

    def wait(self, seconds: float) -> bool:
        """Wait; return whether the server was stopped meanwhile."""
        return self._stopped.wait(seconds)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect: the tests do that on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_of_tests: FakeServer

    def _respond(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=parts.path,
            query=parse_qsl(parts.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        response = self.server_of_tests.respond(asked)
        match response:
            case Answer():
                self._write(response)
            case Reset():
                self._reset()
            case Hang():
                self.server_of_tests.wait(60)
                self.close_connection = True
            case Drip():
                self._drip(response)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _respond  # noqa: N815 (the names are the base class's)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True

    def _drip(self, drip: Drip) -> None:
        if drip.from_the_start:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        else:
            self.send_response(200)
            self.send_header("Content-Type", drip.content_type)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
        while not self.server_of_tests.wait(0.02):
            self.wfile.write(b" ")
            self.wfile.flush()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 (the name is the base class's)
        """Log nothing: the requests are in `exchanges`."""
