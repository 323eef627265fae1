"""Limits of a request's body: decided by its headers alone, before a byte of it is read.

Every server that we ship with asks `refusal` while it reads (config/waitress_server.py, config/gunicorn_worker.py), so
that what is refused takes no thread and no disk. `BodyGuard` asks it once more in front of the application, for any
other server.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from core.web.charsets import without_unknown


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The answer to a request that is not read any further; its connection ends with it."""

    code: int
    reason: str
    detail: str

    @property
    def status(self) -> str:
        return f"{self.code} {self.reason}"

    @property
    def content(self) -> bytes:
        return json.dumps({"detail": self.detail}).encode()

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(self.content))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]


LENGTH_REQUIRED = Refusal(code=411, reason="Length Required", detail="Send a Content-Length: chunks are not read.")
BAD_CHUNKS = Refusal(code=400, reason="Bad Request", detail="The chunks of the body cannot be read.")
HEADERS_TOO_LARGE = Refusal(
    code=431, reason="Request Header Fields Too Large", detail="The request line and the headers are too long."
)
BUSY = Refusal(code=503, reason="Service Unavailable", detail="Too many bodies are on their way. Please send it again.")


def largest_body(path: str) -> int:
    """Return how many bytes a body for `path` (without percent-encoding) may have: more where staff upload files."""
    return settings.LARGEST_UPLOAD if path.startswith(settings.UPLOAD_PATHS) else settings.LARGEST_BODY


def takes_chunks(path: str) -> bool:
    """Return whether a body for `path` may come in chunks: relays stream webhooks, browsers stream no form."""
    return "webhook" in path


def too_large(path: str) -> Refusal:
    return Refusal(code=413, reason="Content Too Large", detail=f"At most {largest_body(path):,} bytes are read.")


def refusal(
    *, path: str, length: str | None, transfer_encoding: str | None, joins_chunks: bool = False
) -> Refusal | None:
    """Return the answer to a request with these headers where its body is not to be read, else None.

    Servers differ in what they make of a chunked body (an empty one, a joined one), so chunks are taken only by a
    server that joins them (`joins_chunks`) and hands the body on with its length, and only where they are expected.
    Beside a length they are somebody's attempt to make two servers disagree.
    """
    if transfer_encoding is not None:
        is_taken = joins_chunks and length is None and transfer_encoding.strip().lower() == "chunked"
        return None if is_taken and takes_chunks(path) else LENGTH_REQUIRED
    if length is None or not (length.isascii() and length.isdigit()):
        return None  # there is no body, or the server answers 400
    # Not int() of anything: it refuses more than 4,300 digits.
    if len(length.lstrip("0")) > 15 or int(length) > largest_body(path):
        return too_large(path)
    return None


class BodyGuard:
    """WSGI middleware that answers `refusal` before the application sees the request.

    The application sees no character set that is not in `core.web.charsets`.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        refused = refusal(
            path=environ.get("PATH_INFO", ""),
            length=environ.get("CONTENT_LENGTH") or None,
            transfer_encoding=environ.get("HTTP_TRANSFER_ENCODING"),
        )
        if refused is None:
            if "CONTENT_TYPE" in environ:
                environ["CONTENT_TYPE"] = without_unknown(environ["CONTENT_TYPE"])
            return self._application(environ, start_response)
        start_response(refused.status, refused.headers)
        return [refused.content]
