"""Half a megabyte from a stranger is refused at every address without work; others are answered meanwhile."""

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.harness import Embedded, embedded
from tests.harness.embedded import answers_health
from tests.harness.routes import routes

pytestmark = pytest.mark.embedded

MARKS = "\u0301\u0323".encode()
LENGTH = 500_000
# What took eleven seconds for a quarter of a megabyte: an address whose domain is one run of combining marks.
FORM = b"csrfmiddlewaretoken=x&password=x&token=x&username=a@" + MARKS * (LENGTH // 8)
FORM += b"&email=a@" + MARKS * (LENGTH // 8)
JSON = b'{"type": "offer.purchased", "email": "a@' + MARKS * (LENGTH // 4) + b'"}'
PART = b'--b\r\nContent-Disposition: form-data; name="username"\r\n\r\na@' + MARKS * (LENGTH // 4) + b"\r\n--b--\r\n"
BODIES = {
    "application/x-www-form-urlencoded": FORM,
    "application/json": JSON,
    "multipart/form-data; boundary=b": PART,
}
SLOW = ("/sign-in", "/admin/login/", "/nssa/setup-password", "/forgot-password", "/api/kajabi/setup-password")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(tmp_path_factory.mktemp("bodies"), KAJABI_WEBHOOK_TOKEN="a-token", LOG_LEVEL="ERROR") as app:
        yield app


def status_of(app: Embedded, method: str, path: str, content_type: str, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": content_type})
        return connection.getresponse().status
    finally:
        connection.close()


def cases() -> list[tuple[str, str, str]]:
    """Return every address with every kind of body and method, with one page for the console."""
    form, json, _multipart = BODIES
    found = []
    for path in sorted(set(routes())):
        if path.startswith("/admin/") and path not in SLOW:
            found.append(("POST", path, form))
            continue
        found += [("POST", path, content_type) for content_type in BODIES]
        found += [(method, path, json) for method in ("PUT", "PATCH", "DELETE")]
    return found


def test_long_body_is_refused_at_every_address(app: Embedded) -> None:
    with ThreadPoolExecutor(4) as pool:
        asked = cases()
        statuses = pool.map(lambda case: status_of(app, *case, BODIES[case[2]]), asked)
        wrong = [(case, status) for case, status in zip(asked, statuses, strict=True) if not 400 <= status < 500]
    assert wrong == []
    assert app.running.is_alive


def test_health_answers_while_long_bodies_come_in(app: Embedded) -> None:
    done = threading.Event()
    answers: list[bool] = []

    def ask() -> None:
        while not done.is_set():
            answers.append(answers_health(app.port))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for path in SLOW:
            before = len(answers)
            for _round in range(10):  # on a busy machine a short round may end before any answer
                for content_type, body in BODIES.items():
                    assert 400 <= status_of(app, "POST", path, content_type, body) < 500
                if len(answers) > before:
                    break
            # Work that holds the interpreter's lock would let none through.
            assert len(answers) > before, path
    finally:
        done.set()
        asking.join()
    assert all(answers)
