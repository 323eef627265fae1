"""The guard in front of the application, for servers that ask nothing themselves."""

from io import BytesIO
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest

from core.web.bodies import BodyGuard


class _Unread:
    def read(self, *args: int) -> bytes:
        raise AssertionError("the body was read")


def _ask(path: str, *, seen: list[dict[str, Any]] | None = None, **environ: str) -> str:
    statuses: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if seen is not None:
            seen.append(environ)
        start_response("200 OK", [])
        return [b""]

    def start_response(status: str, headers: list[tuple[str, str]]) -> None:
        statuses.append(status)

    list(BodyGuard(application)({"PATH_INFO": path, "wsgi.input": _Unread()} | environ, start_response))
    return statuses[0].split()[0]


@pytest.mark.parametrize(
    ("path", "most"), [("/sign-in", settings.LARGEST_BODY), ("/admin/x/import/", settings.LARGEST_UPLOAD)]
)
def test_body_guard_refuses_what_is_longer_than_the_path_takes(path: str, most: int) -> None:
    assert _ask(path, CONTENT_LENGTH=str(most)) == "200"
    assert _ask(path, CONTENT_LENGTH=str(most + 1)) == "413"
    assert _ask(path, CONTENT_LENGTH="9" * 5000) == "413"
    assert _ask(path, CONTENT_LENGTH="") == _ask(path) == "200"


def test_body_guard_refuses_chunks_which_its_server_may_not_join() -> None:
    assert _ask("/api/webhook/kajabi/", HTTP_TRANSFER_ENCODING="chunked") == "411"
    assert _ask("/sign-in", HTTP_TRANSFER_ENCODING="chunked") == "411"
    assert _ask("/sign-in", HTTP_TRANSFER_ENCODING="gzip", CONTENT_LENGTH="3") == "411"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("text/plain; charset=hex", "text/plain"),
        ("application/x-www-form-urlencoded;charset=punycode", "application/x-www-form-urlencoded"),
        ('multipart/form-data; Charset="utf-7"; boundary=b', "multipart/form-data; boundary=b"),
        ("text/plain; charset=a\x00; charset=idna;", "text/plain;"),
        ("application/json; charset=UTF-8", "application/json; charset=UTF-8"),
        ('application/json; charset="iso-8859-1"', 'application/json; charset="iso-8859-1"'),
        ("", ""),
    ],
)
def test_unknown_character_set_does_not_reach_the_application(given: str, kept: str) -> None:
    seen: list[dict[str, Any]] = []
    assert _ask("/sign-in", seen=seen, CONTENT_TYPE=given) == "200"
    assert seen[0]["CONTENT_TYPE"] == kept
    WSGIRequest(seen[0] | {"REQUEST_METHOD": "POST", "QUERY_STRING": "token=x", "wsgi.input": BytesIO()})
