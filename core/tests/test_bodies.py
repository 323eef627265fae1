"""The guard in front of the application, for servers that ask nothing themselves."""

from typing import Any

import pytest
from django.conf import settings

from core.web.bodies import BodyGuard


class _Unread:
    def read(self, *args: int) -> bytes:
        raise AssertionError("the body was read")


def _ask(path: str, **environ: str) -> str:
    statuses: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
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


def test_body_guard_refuses_chunks() -> None:
    assert _ask("/sign-in", HTTP_TRANSFER_ENCODING="chunked") == "411"
    assert _ask("/sign-in", HTTP_TRANSFER_ENCODING="gzip", CONTENT_LENGTH="3") == "411"
