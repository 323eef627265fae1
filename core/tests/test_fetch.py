"""Fetching what a stranger's address names: over real TLS, and never from where it must not be."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.web import fetch
from core.web.fetch import Network, Refused, Unreachable
from tests.fakes.http_server import Answer, Drip, Hang, Reset
from tests.fakes.https_server import FakeHttpsServer

HOST = "certificates.example.com"
PDF = Answer(status=200, body=b"%PDF-1.4", content_type="application/pdf")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeHttpsServer]:
    with FakeHttpsServer(tmp_path, HOST, "files.example.org", answer=lambda asked: PDF) as running:
        yield running


@pytest.fixture
def get(server: FakeHttpsServer) -> Callable[..., Any]:
    """Fetches from the server, whatever host is named."""

    def call(url: str = f"https://{HOST}/1.pdf", **options: Any) -> Any:
        found = {"resolve": lambda host, port: ["127.0.0.1"], "is_public": lambda address: True}
        network = Network(**found | options.pop("network", {}), trust=server.trust, port=server.port)  # type: ignore[arg-type]
        known = {"hosts": [HOST, "*.example.org"], "kinds": {"application/pdf", "text/html"}}
        return fetch.fetch(url, **{**known, **options, "network": network})

    return call


def test_document_comes_with_its_kind_and_nothing_of_ours_goes_along(get: Any, server: FakeHttpsServer) -> None:
    server.misbehave(Answer(status=200, body=b"<p>hello", content_type="text/html; charset=iso-8859-1"))
    document = get(f"https://{HOST}/a b?x=ñ#part")
    assert (document.content, document.kind, document.charset) == (b"<p>hello", "text/html", "iso-8859-1")
    (asked,) = (exchange.asked for exchange in server.exchanges)
    assert asked.path == "/a%20b"
    assert asked.query == [("x", "ñ")]
    assert set(asked.headers) == {"host", "user-agent", "accept", "accept-encoding", "connection"}
    assert asked.headers["host"] == HOST


@pytest.mark.parametrize(
    "url",
    [
        "http://certificates.example.com/1.pdf",
        "https://certificates.example.com:8443/1.pdf",
        "https://user:pass@certificates.example.com/1.pdf",
        "https://certificates.example.com.evil.test/1.pdf",
        "https://evil.test/certificates.example.com",
        "https://example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://2130706433/",
        "https://certificates.example.com\\@evil.test/",
        "https:///1.pdf",
        "https://certificates.example.com:x/",
        "https://" + "a" * 5000 + ".example.org/",
        "file:///etc/passwd",
        "",
    ],
)
def test_address_that_is_not_on_the_list_is_not_called(get: Any, server: FakeHttpsServer, url: str) -> None:
    with pytest.raises(Refused):
        get(url)
    assert server.exchanges == []


@pytest.mark.parametrize(
    ("host", "listed"),
    [
        ("certificates.example.com", True),
        ("a.certificates.example.com", False),
        ("files.example.org", True),
        ("a.b.example.org", True),
        ("example.org", False),
        ("evilexample.org", False),
    ],
)
def test_star_stands_for_what_is_beneath_a_host(host: str, listed: bool) -> None:
    assert fetch.is_listed(host, [HOST, "*.example.org"]) is listed


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("::10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
    ],
)
def test_addresses_of_our_own_network_are_not_public(address: str, public: bool) -> None:
    assert fetch.is_public(address) is public


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], []])
def test_host_with_any_address_that_is_not_public_is_refused(
    get: Any, server: FakeHttpsServer, found: list[str]
) -> None:
    with pytest.raises(Refused, match="not public"):
        get(network={"resolve": lambda host, port: found, "is_public": fetch.is_public})
    assert server.exchanges == []


def test_connection_goes_to_the_address_that_was_judged(get: Any, server: FakeHttpsServer) -> None:
    """A name that resolves to another address a moment later (DNS rebinding): it is resolved once."""
    answers = iter([["127.0.0.1"], ["203.0.113.9"]])
    asked_for: list[str] = []
    assert get(
        network={"resolve": lambda host, port: next(answers), "is_public": lambda one: not asked_for.append(one)}
    )
    assert asked_for == ["127.0.0.1"]


def test_loopback_is_refused_by_the_rule_that_production_has(server: FakeHttpsServer) -> None:
    with pytest.raises(Refused, match="not public"):
        fetch.fetch("https://localhost.test/", hosts=["localhost.test"], kinds=set(), network=Network(
            resolve=lambda host, port: ["127.0.0.1"], trust=server.trust, port=server.port))  # fmt: skip


def test_redirect_is_followed_within_the_list_and_judged_anew(get: Any, server: FakeHttpsServer) -> None:
    server.misbehave(Answer(status=302, headers={"Location": "https://files.example.org/2.pdf"}))
    assert get().content == b"%PDF-1.4"
    assert [exchange.asked.headers["host"] for exchange in server.exchanges] == [HOST, "files.example.org"]
    server.misbehave(Answer(status=301, headers={"Location": "/moved.pdf"}))
    assert get().content == b"%PDF-1.4"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.test/", "http://certificates.example.com/", "https://169.254.169.254/", "//evil.test/1",
        "https://certificates.example.com:22/", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_redirect_to_elsewhere_is_not_followed(get: Any, server: FakeHttpsServer, location: str) -> None:
    server.misbehave(Answer(status=302, headers={"Location": location}))
    with pytest.raises(Refused):
        get()
    assert len(server.exchanges) == 1


def test_redirect_to_a_host_that_resolves_into_our_network_is_not_followed(get: Any, server: FakeHttpsServer) -> None:
    server.misbehave(Answer(status=302, headers={"Location": "https://inside.example.org/"}))
    with pytest.raises(Refused, match="not public"):
        get(network={"is_public": lambda address: not server.exchanges})


def test_redirects_in_a_circle_end(get: Any, server: FakeHttpsServer) -> None:
    server.misbehave(*[Answer(status=302, headers={"Location": "/again"})] * 9)
    with pytest.raises(Refused, match="redirects more than 3 times"):
        get()
    assert len(server.exchanges) == 4


def test_certificate_of_an_unknown_authority_or_another_host_is_no_connection(
    get: Any, server: FakeHttpsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Unreachable, match="SSLCertVerificationError"):
        get("https://other.example.org/")
    monkeypatch.setattr(server, "trust", Network().trust)
    with pytest.raises(Unreachable, match="SSLCertVerificationError"):
        get()
    assert server.exchanges == []


@pytest.mark.parametrize("drip", [Drip(content_type="application/pdf"), Drip(from_the_start=True), Hang()])
def test_answer_that_never_ends_is_given_up_in_time(get: Any, server: FakeHttpsServer, drip: Any) -> None:
    server.misbehave(drip)  # until the end of the test: only a limit of ours returns before it
    with pytest.raises(Unreachable, match="longer than 1 seconds"):
        get(seconds=1.0)


def test_server_that_never_shakes_hands_is_given_up_in_time(get: Any, server: FakeHttpsServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server.port = silent.getsockname()[1]
        with pytest.raises(Unreachable, match="longer than 1 seconds"):
            get(seconds=1.0)


@pytest.mark.parametrize(
    ("answer", "again"),
    [
        (Answer(status=404), True),
        (Answer(status=410), False),
        (Answer(status=403), False),
        (Answer(status=429), True),
        (Answer(status=503), True),
        (Reset(), True),
    ],
)
def test_answer_that_is_none_is_asked_for_again_where_that_may_help(
    get: Any, server: FakeHttpsServer, answer: Any, again: bool
) -> None:
    server.misbehave(answer)
    with pytest.raises(Unreachable) as raised:
        get()
    assert raised.value.again is again


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=200, body=b"x" * 2000, content_type="application/pdf"),
        Answer(status=200, body=b"{}", content_type="application/json"),
        Answer(status=200, body=b"x", content_type="application/pdf", headers={"Content-Encoding": "gzip"}),
    ],
    ids=["too large", "another kind", "compressed"],
)
def test_answer_that_is_too_large_or_of_another_kind_is_refused(
    get: Any, server: FakeHttpsServer, answer: Answer
) -> None:
    server.misbehave(answer)
    with pytest.raises(Refused):
        get(largest=1000)


def test_half_an_answer_is_none(get: Any, server: FakeHttpsServer) -> None:
    server.misbehave(Answer(status=200, body=b"half", content_type="application/pdf", headers={"Content-Length": "9"}))
    with pytest.raises(Unreachable):
        get(seconds=1.0)


def test_name_that_is_not_known_is_asked_for_again(get: Any) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with pytest.raises(Unreachable, match="not known"):
        get(network={"resolve": unknown})


def test_second_address_is_tried_where_the_first_does_not_answer(get: Any, server: FakeHttpsServer) -> None:
    assert get(network={"resolve": lambda host, port: ["127.0.0.2", "127.0.0.1"]}).content == b"%PDF-1.4"
