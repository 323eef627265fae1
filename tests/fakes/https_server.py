"""Fake server behind TLS, under any names, with a certificate of its own authority."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.http_server import Answer, Asked, FakeServer


class FakeHttpsServer(FakeServer):
    """HTTPS server on `port`; `trust()` returns an SSL context that trusts only its authority."""

    def __init__(self, folder: Path, *names: str, answer: Callable[[Asked], Answer] | None = None) -> None:
        super().__init__(answer)
        self._folder, self._names = folder, names

    def __enter__(self) -> Self:
        authority, certificate, key = _issued(self._names)
        self._authority = authority.decode()
        chain = self._folder / "server.pem"
        chain.write_bytes(key + certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        super().__enter__()
        self.port = int(self._server.server_address[1])
        # The handshake is made by the thread that answers, not by the one that accepts.
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        return self

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self._authority)


def _issued(names: tuple[str, ...]) -> tuple[bytes, bytes, bytes]:
    """Return an authority's certificate, one that it issued to `names`, and the key of that, as PEM."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of one test")])
    authority = (
        _builder(authority_name, authority_name, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), critical=False)
        .add_extension(
            x509.KeyUsage(
                **dict.fromkeys(
                    ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
                    + ("key_agreement", "encipher_only", "decipher_only"),
                    False,
                ),
                key_cert_sign=True,
                crl_sign=True,
            ),
            critical=True,
        )
        .sign(authority_key, hashes.SHA256())
    )
    issued = (
        _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]), authority_name, key)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return authority.public_bytes(pem), issued.public_bytes(pem), secret


def _builder(subject: x509.Name, issuer: x509.Name, key: Any) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )
