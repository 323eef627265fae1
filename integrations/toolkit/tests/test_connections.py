"""Which failures of a connection prove that nothing was sent: only then may a call that creates be made again."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from integrations.toolkit.client import JsonClient
from integrations.toolkit.failures import TemporaryFailure
from integrations.toolkit.retries import Retries
from tests.fakes.http_server import FakeServer, Reset

ONCE = Retries(number=0, initial_delay=1.0, backoff_factor=2.0)


def failure(url: str) -> TemporaryFailure:
    with pytest.raises(TemporaryFailure) as caught:
        JsonClient(url, title="Vendor", retries=ONCE).call("POST", "/thing", body={"name": "Ana"})
    return caught.value


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that is signed by itself, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(pem + private)
    return path


@pytest.fixture
def breaking_off(certificate: Path) -> Iterator[tuple[str, Callable[[], list[bytes]]]]:
    """A server that reads a request over TLS and then answers what is no TLS: its URL, and what it has read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            raw, _address = listening.accept()
            with raw:
                try:
                    with context.wrap_socket(raw, server_side=True, suppress_ragged_eofs=True) as over_tls:
                        requests.append(over_tls.recv(65536))
                        plain = socket.socket(fileno=over_tls.detach())
                        plain.sendall(b"HTTP/1.1 201 Created\r\n\r\n")
                        plain.close()
                except OSError:  # the certificate was not accepted
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}", lambda: requests
        thread.join(10)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch, settings: object) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_refused_connection_had_no_effect() -> None:
    assert failure("http://127.0.0.1:1").had_no_effect


def test_unknown_host_had_no_effect() -> None:
    assert failure("http://no-such-host.invalid").had_no_effect


def test_connection_broken_after_the_request_may_have_had_an_effect() -> None:
    with FakeServer() as server:
        server.misbehave(Reset())
        assert not failure(server.url).had_no_effect


def test_rejected_certificate_had_no_effect(breaking_off: tuple[str, Callable[[], list[bytes]]]) -> None:
    url, requests = breaking_off
    assert failure(url).had_no_effect
    assert requests() == []


def test_tls_broken_after_the_request_may_have_had_an_effect(
    breaking_off: tuple[str, Callable[[], list[bytes]]], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    url, requests = breaking_off
    assert not failure(url).had_no_effect
    assert len(requests()) == 1
