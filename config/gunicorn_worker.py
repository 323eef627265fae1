"""gunicorn's threads, given whole requests: the event loop reads headers and bodies, each within its time.

By itself a gthread worker reads in its threads, without a time-out: as many clients as there are threads, each of which
sends a byte now and then, stop it, and each new connection that stays silent holds a thread for five seconds. Ending a
connection waits up to two seconds for the client, in the event loop. Here a thread is used from the moment that the
last byte of a request is there until its answer is written, and for nothing else.
"""

import errno
import re
import socket
import time
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any
from urllib.parse import unquote_to_bytes

from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from config.settings import BODY_SECONDS, HEADER_SECONDS, LARGEST_HEADER
from core.web.bodies import (
    BAD_CHUNKS,
    BUSY,
    HEADERS_TOO_LARGE,
    LENGTH_REQUIRED,
    Refusal,
    largest_body,
    refusal,
    too_large,
)
from core.web.chunks import BadChunks, Chunks

THREAD_SECONDS = 30  # for one write, or a read of what should be there already
PARTING_SECONDS = 2  # for the client to read a last answer, before the connection is closed
MOST_HELD = 64 * 1024 * 1024  # bytes of all requests on their way
_CHUNK = 64 * 1024
_NO_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_ENCODING = b"transfer-encoding"
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*(?=\r\n)", re.IGNORECASE)
_HEADER = re.compile(rb"\r\n(content-length|transfer-encoding|expect):[ \t]*([^\r\n]*)", re.IGNORECASE)

wsgi.SERVER = "Enlace"  # gunicorn puts its name into each answer, and takes no other from the settings


class _Socket(socket.socket):
    """A socket that blocks for a limited time where gunicorn asks for one that blocks."""

    def setblocking(self, flag: bool) -> None:
        self.settimeout(THREAD_SECONDS if flag else 0.0)


class _Arrival:
    """A request that has not arrived whole yet, or the end of a connection that got its last answer."""

    def __init__(self, data: bytes = b"", *, is_parting: bool = False) -> None:
        self.began = time.monotonic()
        self.data = bytearray(data)
        self.is_parting = is_parting
        self.seconds = PARTING_SECONDS if is_parting else HEADER_SECONDS
        self.wanted: int | None = None  # bytes of headers and body, once the headers are there
        self.chunks: Chunks | None = None  # of a body whose length nobody knows before its end
        self._path = ""
        self._head = 0  # bytes of the headers
        self._searched = 2 if data.startswith(b"\r\n") else 0  # one empty line may stand before a request

    @property
    def deadline(self) -> float:
        return self.began + self.seconds

    @property
    def is_complete(self) -> bool:
        if self.chunks is not None:
            return self.chunks.end is not None
        return self.wanted is not None and len(self.data) >= self.wanted

    def advance(self) -> tuple[Refusal | None, bool]:
        """Read what has arrived; the refusal that it leads to, and whether the client waits to be asked."""
        if self.chunks is not None:
            return self._read_chunks(), False
        return (None, False) if self.wanted else self._read_head()

    def _read_chunks(self) -> Refusal | None:
        """Join the chunks that have arrived; the refusal that they lead to."""
        assert self.chunks is not None
        if len(self.data) - self._head > largest_body(self._path):
            return too_large(self._path)
        try:
            self.chunks.advance(self.data)
        except BadChunks:
            return BAD_CHUNKS
        return None

    def request(self) -> bytes:
        """Return the request that has arrived, and what came after it, with its chunks joined."""
        if self.chunks is None or self.chunks.end is None:
            return bytes(self.data)
        head = _CHUNKED.sub(b"", self.data[: self._head - 2])
        length = b"Content-Length: %d\r\n\r\n" % len(self.chunks.body)
        return bytes(head + length + self.chunks.body + self.data[self.chunks.end :])

    def _read_head(self) -> tuple[Refusal | None, bool]:
        """Look for the end of the headers, and return as `advance` does."""
        if self.data.startswith(b"\r\n"):
            self._searched = max(self._searched, 2)
        end = self.data.find(b"\r\n\r\n", self._searched)
        if (len(self.data) if end < 0 else end) > LARGEST_HEADER:
            return HEADERS_TOO_LARGE, False
        if end < 0:
            self._searched = max(self._searched, len(self.data) - 3)
            return None, False
        head = bytes(self.data[: end + 2])
        named = [(name.lower(), value.strip().decode("latin-1")) for name, value in _HEADER.findall(head)]
        found = dict(named)
        length, encodings = found.get(b"content-length"), [value for name, value in named if name == _ENCODING]
        self._path, self._head = _path(head), end + 4
        encoding = ", ".join(encodings) if encodings else None
        if len(_CHUNKED.findall(head)) != len(encodings):  # the header could not be taken out again
            return LENGTH_REQUIRED, False
        refused = refusal(path=self._path, length=length, transfer_encoding=encoding, joins_chunks=True)
        if refused is not None:
            return refused, False
        if encoding is not None:
            self.chunks = Chunks(at=self._head)
            self.seconds += BODY_SECONDS
            refused = self._read_chunks()
            is_asked = found.get(b"expect", "").lower() == "100-continue" and len(self.data) == self._head
            return refused, is_asked and refused is None
        # A length that is none is for gunicorn's parser, which answers 400.
        self.wanted = end + 4 + (int(length) if length and length.isascii() and length.isdigit() else 0)
        self.seconds += BODY_SECONDS
        is_asked = found.get(b"expect", "").lower() == "100-continue" and len(self.data) < self.wanted
        return None, is_asked


class Worker(ThreadWorker):
    """The event loop's part; all of this runs in the main thread."""

    def init_process(self) -> None:
        self._arriving: dict[TConn, _Arrival] = {}
        self._held = 0
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        try:
            client, address = listener.accept()
        except OSError as error:
            # Each process is notified of a connection and one gets it; for the others there is nothing to do.
            if error.errno in _NO_ROOM:
                self._make_room()
            return
        if self.nr_conns >= self.worker_connections - 1:  # with the next one nothing more would be accepted
            self._make_room()
        self.nr_conns += 1
        self.enqueue_req(TConn(self.cfg, _Socket(fileno=client.detach()), address, listener.getsockname()))

    def enqueue_req(self, conn: TConn) -> None:
        """Read the next request of a connection before a thread is asked to work on it."""
        early = b"" if conn.parser is None else conn.parser.unreader.take_buffered()
        self._watch(conn, _Arrival(early))
        self._read(conn)

    def finish_request(self, conn: TConn, fs: Any) -> None:
        if not fs.cancelled() and fs.exception() is None and fs.result():
            super().finish_request(conn, fs)  # the connection is kept
        else:
            self._part(conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Keep a connection whose body nobody read: it has arrived whole, and the answer promised keep-alive.

        gunicorn would drop 64 KiB of it and close the connection for the rest, after an answer that said keep-alive.
        """
        return keepalive and bool(conn.parser.finish_body())

    def murder_pending(self) -> None:
        super().murder_pending()
        now = time.monotonic()
        for conn in [conn for conn, arrival in self._arriving.items() if arrival.deadline < now]:
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(deadline)
        for conn in [conn for conn, arrival in self._arriving.items() if not arrival.data]:
            self._drop(conn)  # a stopping worker waits for requests that have begun

    def _read(self, conn: TConn, _socket: object = None) -> None:
        arrival = self._arriving.get(conn)
        if arrival is None:  # it made room for another one a moment ago
            return
        try:
            data = conn.sock.recv(_CHUNK)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data == b"":
            self._drop(conn)
            return
        if arrival.is_parting:
            return
        if data:
            arrival.data += data
            self._held += len(data)
        refused, is_asked = arrival.advance()
        if refused is None and self._held > MOST_HELD:
            refused = BUSY
        if refused is not None:
            self._refuse(conn, refused)
        elif arrival.is_complete:
            self._hand_over(conn)
        elif is_asked:
            self._send(conn, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _hand_over(self, conn: TConn) -> None:
        arrival = self._forget(conn)
        conn.data_ready = True
        conn.init()
        conn.parser.unreader.unread(arrival.request())
        super().enqueue_req(conn)

    def _refuse(self, conn: TConn, refused: Refusal) -> None:
        self._forget(conn)
        headers = "".join(f"{name}: {value}\r\n" for name, value in [*refused.headers, ("Connection", "close")])
        self._send(conn, f"HTTP/1.1 {refused.status}\r\n{headers}\r\n".encode() + refused.content)
        self._part(conn)

    def _part(self, conn: TConn) -> None:
        """End a connection: closing it at once, with bytes unread, would take the last answer from the client."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.nr_conns -= 1
            conn.close()
        else:
            self._watch(conn, _Arrival(is_parting=True))

    def _send(self, conn: TConn, data: bytes) -> None:
        with suppress(OSError):  # it is noticed when the connection is read
            conn.sock.send(data)

    def _watch(self, conn: TConn, arrival: _Arrival) -> None:
        conn.sock.setblocking(False)
        self._arriving[conn] = arrival
        self._held += len(arrival.data)
        self.poller.register(conn.sock, EVENT_READ, partial(self._read, conn))

    def _forget(self, conn: TConn) -> _Arrival:
        arrival = self._arriving.pop(conn)
        self._held -= len(arrival.data)
        self.poller.unregister(conn.sock)
        return arrival

    def _drop(self, conn: TConn) -> None:
        self._forget(conn)
        self.nr_conns -= 1
        conn.close()

    def _make_room(self) -> None:
        """Close the connection that has been on its way, or idle, for longest."""
        if self._arriving:
            self._drop(next(iter(self._arriving)))
        elif self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0.0  # closed in the next round: its next request may be there already


def _path(head: bytes) -> str:
    target = head.lstrip(b"\r\n").split(b" ", 2)[1:2]
    return unquote_to_bytes(target[0].partition(b"?")[0]).decode("latin-1") if target else ""
