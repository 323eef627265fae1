"""The base of every provider's client, over real HTTP: what is repeated, what is refused, what a message may hold."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from integrations.toolkit import client as toolkit_client
from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import NotConfigured, NotFound, Refused, TemporaryFailure
from integrations.toolkit.retries import Retries, read_retry_after, wait_of
from tests.fakes.http_server import Answer, Drip, FakeServer, Reset

GOOD = Answer(status=200, body=b'{"good": true}')


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeServer(lambda asked: GOOD) as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def build(server: FakeServer, waits: list[float]) -> Callable[..., JsonClient]:
    def with_options(**options: Any) -> JsonClient:
        retries = Retries(number=3, initial_delay=1.0, backoff_factor=2.0)
        return JsonClient(server.url, title="Vendor", **({"retries": retries, "sleep": waits.append} | options))

    return with_options


@pytest.fixture
def client(build: Callable[..., JsonClient]) -> JsonClient:
    return build()


# What is repeated -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_failure_is_repeated(client: JsonClient, server: FakeServer, waits: list[float], status: int) -> None:
    server.misbehave(Answer(status=status), Answer(status=status))
    assert client.call("GET", "/thing") == {"good": True}
    assert len(server.exchanges) == 3
    assert [int(wait) for wait in waits] == [1, 2]


@pytest.mark.parametrize("status", [400, 401, 403, 409, 410, 422])
def test_refusal_is_not_repeated(client: JsonClient, server: FakeServer, status: int) -> None:
    server.misbehave(Answer(status=status, body=b"{}"))
    with pytest.raises(Refused) as caught:
        client.call("GET", "/thing")
    assert (caught.value.status, len(server.exchanges)) == (status, 1)


def test_other_server_error_is_temporary_and_not_repeated(client: JsonClient, server: FakeServer) -> None:
    server.misbehave(Answer(status=501))
    with pytest.raises(TemporaryFailure) as caught:
        client.call("GET", "/thing")
    assert (caught.value.status, len(server.exchanges)) == (501, 1)


def test_repetitions_end_after_their_number(client: JsonClient, server: FakeServer, waits: list[float]) -> None:
    server.misbehave(*[Reset()] * 9)
    with pytest.raises(TemporaryFailure, match="the connection broke off"):
        client.call("GET", "/thing")
    assert (len(server.exchanges), [int(wait) for wait in waits]) == (4, [1, 2, 4])


@pytest.mark.parametrize(
    "trouble", [Reset(), Answer(status=500), Answer(status=503), Answer(status=201, body=b"<html>")]
)
def test_post_of_unknown_effect_is_not_repeated(client: JsonClient, server: FakeServer, trouble: Any) -> None:
    server.misbehave(trouble)
    with pytest.raises(TemporaryFailure):
        client.call("POST", "/thing", body={})
    assert len(server.exchanges) == 1


def test_repeatable_post_is_repeated(client: JsonClient, server: FakeServer) -> None:
    server.misbehave(Answer(status=429), Answer(status=500), Reset())
    with pytest.raises(TemporaryFailure):
        client.call("POST", "/thing", body={})
    assert client.call("POST", "/thing", body={"a": 1}, repeatable=True) == {"good": True}
    assert server.exchanges[-1].asked.body == b'{"a": 1}'


def test_missing_connection_is_repeated_even_for_a_post(waits: list[float], server: FakeServer) -> None:
    retries = Retries(number=2, initial_delay=1.0, backoff_factor=2.0)
    client = JsonClient("http://127.0.0.1:1", title="Vendor", retries=retries, sleep=waits.append)
    with pytest.raises(TemporaryFailure) as caught:
        client.call("POST", "/thing?name=jane@example.com", body={})
    assert str(caught.value) == (
        "Vendor: POST /thing?… got no answer: no connection could be made (ConnectionError). "
        "Check that http://127.0.0.1:1 can be reached."
    )
    assert len(waits) == 2


def test_settings_limit_the_repetitions(server: FakeServer, settings: Any) -> None:
    settings.MAX_RETRIES = 0
    server.misbehave(Answer(status=500))
    with pytest.raises(TemporaryFailure):
        JsonClient(server.url, title="Vendor").call("GET", "/thing")
    assert len(server.exchanges) == 1


# How long it waits ----------------------------------------------------------------------------------------------------


def test_retry_after_is_honoured(client: JsonClient, server: FakeServer, waits: list[float]) -> None:
    server.misbehave(
        Answer(status=429, headers={"Retry-After": "30"}), Answer(status=503, headers={"Retry-After": "0"})
    )
    client.call("GET", "/thing")
    assert 30 <= waits[0] <= 37.5
    assert 2 <= waits[1] <= 2.5, "never sooner than our own back-off"


NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("86400", 60.0),
        ("Fri, 02 Jan 2026 12:00:20 GMT", 20.0),
        ("Fri, 02 Jan 2026 11:00:00 GMT", 0.0),
        ("Fri, 02 Jan 2026 18:00:00 GMT", 60.0),
        ("", None),
        ("-5", None),
        ("soon", None),
        ("٣.٣.٣", None),
    ],
)
def test_retry_after_is_read(text: str, seconds: float | None) -> None:
    assert read_retry_after(text, now=NOON) == seconds


def test_waits_have_jitter_and_a_maximum() -> None:
    waits = {wait_of(10.0, retry_after=None) for _try in range(50)}
    assert len(waits) > 1
    assert all(10 <= wait <= 12.5 for wait in waits)
    assert wait_of(10.0, retry_after=60.0) == 60.0
    assert list(Retries(number=3, initial_delay=20.0, backoff_factor=2.0).delays()) == [20.0, 40.0, 60.0]


def test_wait_beyond_the_patience_is_left_to_the_caller(
    build: Callable[..., JsonClient], server: FakeServer, waits: list[float]
) -> None:
    server.misbehave(Answer(status=429, headers={"Retry-After": "40"}))
    with pytest.raises(TemporaryFailure) as caught:
        build(patience=20.0).call("GET", "/thing")
    assert (caught.value.retry_after, waits) == (40.0, [])


def test_dripping_answer_times_out(build: Callable[..., JsonClient], server: FakeServer) -> None:
    server.misbehave(Drip())
    with pytest.raises(TemporaryFailure, match="did not come in time"):
        build(patience=0.3).call("GET", "/thing")


# What comes back ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [Answer(status=204), Answer(status=200, body=b"  ")])
def test_empty_answer_is_none(client: JsonClient, server: FakeServer, answer: Answer) -> None:
    server.misbehave(answer)
    assert client.call("DELETE", "/thing") is None


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe\xfd", b"[" * 100_000])
def test_answer_that_is_no_json_is_temporary(client: JsonClient, server: FakeServer, body: bytes) -> None:
    server.misbehave(*[Answer(status=200, body=body)] * 4)
    with pytest.raises(TemporaryFailure, match=r"answered with 200\. The answer is not JSON\.$"):
        client.call("GET", "/thing")


def test_web_page_with_404_is_not_not_found(client: JsonClient, server: FakeServer) -> None:
    page = Answer(status=404, body=b"  <!DOCTYPE html><p>no", content_type="application/json")
    server.misbehave(page, Answer(status=404, body=b"{}"))
    with pytest.raises(Refused, match="A web page came instead of JSON") as caught:
        client.call("GET", "/thing")
    assert not isinstance(caught.value, NotFound)
    with pytest.raises(NotFound):
        client.call("GET", "/thing")


def test_redirect_is_not_followed(client: JsonClient, server: FakeServer) -> None:
    server.misbehave(Answer(status=302, headers={"Location": f"{server.url}/other"}))
    with pytest.raises(Refused, match="Redirects are not followed"):
        client.call("GET", "/thing")
    assert len(server.exchanges) == 1


def test_answer_above_the_largest_size_is_refused(
    client: JsonClient, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolkit_client, "LARGEST_ANSWER", 1024 * 1024)
    server.misbehave(Answer(status=200, body=b" " * (1024 * 1024 + 1)))
    with pytest.raises(Refused, match=r"the answer to GET /thing is larger than 1 MiB"):
        client.call("GET", "/thing")


# What is sent, and where ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "link",
    [
        "https://127.0.0.1/next",
        "//evil.example.com/next",
        "http://evil.example.com/next",
        "http://user@127.0.0.1/next",
        "http://[half/next",
        "http://127.0.0.1:port/next",
        "file:///etc/passwd",
    ],
)
def test_link_to_another_server_is_refused(client: JsonClient, server: FakeServer, link: str) -> None:
    with pytest.raises(Refused, match="it is not followed"):
        client.url_of(link, relative_to=f"{server.url}/thing")
    assert server.exchanges == []


@pytest.mark.parametrize("base_url", ["", "api.example.com", "ftp://api.example.com", "https://"])
def test_invalid_base_url_is_refused(base_url: str) -> None:
    with pytest.raises(NotConfigured, match="the base URL must begin with https://"):
        JsonClient(base_url, title="Vendor")


def test_token_is_not_replaced_by_a_netrc(
    build: Callable[..., JsonClient], server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))

    class Tokens:
        def current(self) -> str:
            return "the-token"

        def replacement_for(self, refused: str) -> str:
            return f"after-{refused}"

    server.misbehave(Answer(status=401, body=b"{}"))
    build(tokens=Tokens()).call("GET", "/thing", query={"a[b]": "c&d"})
    build().call("POST", "/form", form={"name": "Jane Doe"})
    first, second, form = (exchange.asked for exchange in server.exchanges)
    assert first.headers["authorization"] == "Bearer the-token"
    assert second.headers["authorization"] == "Bearer after-the-token"
    assert second.query == [("a[b]", "c&d")]
    assert "authorization" not in form.headers
    assert (form.headers["content-type"], form.body) == ("application/x-www-form-urlencoded", b"name=Jane+Doe")


def test_message_is_masked(build: Callable[..., JsonClient], server: FakeServer) -> None:
    server.misbehave(Answer(status=422, body=b'{"message": "s3cret of jane@example.com"}'))
    client = build(secrets=["s3cret"], explain=lambda document: document["message"], hints={422: "Check it."})
    with pytest.raises(Refused) as caught:
        client.call("GET", "/thing", query={"email": "jane@example.com"})
    assert str(caught.value) == "Vendor: GET /thing?email was answered with 422: ••• of j•••@example.com. Check it."
