"""Waitress with deadlines and a limit on bodies that depends on the path.

By itself it closes a connection that was silent for a while, so a client that sends a byte now and then keeps its own
for ever; here the headers and the body each have their time as a whole. What `core.web.bodies` refuses is answered as
soon as the headers are there. Where there are too many connections, the one that was silent longest makes room.
"""

import time
from typing import Any

import waitress.server
from django.conf import settings
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer, create_server
from waitress.utilities import Error

from core.web.bodies import Refusal, largest_body, refusal, too_large

_SPARE = 50  # file descriptors of the server's own, in what waitress counts as connections


class Refused(Error):
    """A `Refusal` in the shape of waitress's own errors."""

    def __init__(self, refused: Refusal) -> None:
        super().__init__(refused.detail)
        self.code, self.reason, self._refused = refused.code, refused.reason, refused

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:
        headers = [(name, value) for name, value in self._refused.headers if name != "Content-Length"]
        return self._refused.status, headers, self._refused.content


class Parser(HTTPRequestParser):
    def __init__(self, adj: Any) -> None:
        super().__init__(adj)
        self.began = time.time()

    def parse_header(self, header_plus: bytes) -> None:
        if header_plus.lower().count(b"transfer-encoding:") > 1:  # waitress takes any number of them
            raise ParsingError("Transfer-Encoding stands twice")
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a length of more digits than Python takes
            raise ParsingError("Content-Length is invalid") from error

    def received(self, data: bytes) -> int:
        had_headers = self.headers_finished
        consumed: int = super().received(data)
        if self.headers_finished and not had_headers and not self.empty and hasattr(self, "path"):
            refused = refusal(
                path=self.path,
                length=self.headers.get("CONTENT_LENGTH"),
                transfer_encoding="chunked" if self.chunked else None,
                joins_chunks=True,
            )
            if refused is not None:
                self.error = Refused(refused)
                self.completed = True
            if self.error is not None:
                self.expect_continue = False  # else waitress asks for the body all the same, and waits for it
        elif self.chunked and self.body_bytes_received > largest_body(self.path):
            self.error = Refused(too_large(self.path))
            self.completed = True
        return consumed


class Channel(HTTPChannel):
    parser_class = Parser

    def is_late(self, now: float) -> bool:
        """Return whether the client used up its time; never while a request of its is worked on."""
        request = self.request
        if self.requests:
            return False
        if request is not None:
            body = settings.BODY_SECONDS if request.headers_finished else 0
            return now - request.began > settings.HEADER_SECONDS + body
        has_sent_nothing = self.last_activity == self.creation_time
        idle: float = settings.HEADER_SECONDS if has_sent_nothing else self.adj.channel_timeout
        return now - self.last_activity > idle


class Server(TcpWSGIServer):
    channel_class = Channel

    def maintenance(self, now: float) -> None:
        for channel in list(self.active_channels.values()):
            if channel.is_late(now):
                channel.will_close = True

    def handle_accept(self) -> None:
        super().handle_accept()
        if len(self.active_channels) > settings.MAX_CONNECTIONS:
            idle = [channel for channel in self.active_channels.values() if not channel.requests]
            if idle:
                min(idle, key=lambda channel: channel.last_activity).handle_close()


def make_server(application: Any, *, threads: int) -> Any:
    """Return a server of `application` on HOST and PORT; its `run()` ends by a signal. Raises OSError."""
    waitress.server.TcpWSGIServer = Server  # what create_server makes for each address that HOST means
    return create_server(
        application,
        host=settings.HOST,
        port=settings.PORT,
        threads=threads,
        # Waitress refuses what is as long as its limit.
        max_request_header_size=settings.LARGEST_HEADER + 1,
        max_request_body_size=settings.LARGEST_UPLOAD + 1,
        connection_limit=settings.MAX_CONNECTIONS + _SPARE,
        channel_timeout=75,  # seconds that a connection may be idle between two requests
        cleanup_interval=1,
        asyncore_use_poll=True,  # select() knows 1,024 file descriptors
        ident=None,
        # With proxies of ours in front it is Django that judges what they say (TRUSTED_PROXY_COUNT).
        clear_untrusted_proxy_headers=not settings.TRUSTED_PROXY_COUNT,
    )
