"""Fake of Amazon SNS over real https: certificates, signatures, and the URL that confirms a subscription.

Its host names are Amazon's. A process that gets `environment` reaches them through a proxy on this machine and trusts
the authority that made their certificate; nothing of the program under test is replaced.
"""

import base64
import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.fakes.http_server import Answer, Asked, FakeServer

HOST = "sns.us-east-1.amazonaws.com"
HOSTS = (HOST, "sns.cn-north-1.amazonaws.com.cn")
TOPIC = "arn:aws:sns:us-east-1:123456789012:ses-reports"
SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
SIGNED["UnsubscribeConfirmation"] = SIGNED["SubscriptionConfirmation"]


class FakeSns(FakeServer):
    """SNS server: `certificates` by path; `confirmed` lists the topics whose subscription was confirmed."""

    def __init__(self, folder: Path) -> None:
        authority_key = new_key()
        authority = certificate("Tests", authority_key, is_authority=True)
        server_key = new_key()
        server = certificate(HOST, server_key, issuer=(authority, authority_key), hosts=HOSTS)
        self._folder = folder
        (folder / "authority.pem").write_bytes(pem(authority))
        (folder / "server.pem").write_bytes(pem(server) + private(server_key))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "server.pem")
        super().__init__(tls=tls)
        self.key = new_key()
        self.signing_path = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
        self.certificates = {self.signing_path: pem(certificate("sns.amazonaws.com", self.key))}
        self.confirmed: list[str] = []

    @property
    def environment(self) -> dict[str, str]:
        proxy = f"http://127.0.0.1:{self._proxy.server_address[1]}"
        return {"https_proxy": proxy, "no_proxy": "", "REQUESTS_CA_BUNDLE": str(self._folder / "authority.pem")}

    @property
    def called(self) -> list[str]:
        """Return the hosts that connections were requested to."""
        return self._proxy.called

    def answer(self, asked: Asked) -> Answer:
        query = dict(asked.query)
        if asked.path == "/" and query.get("Action") == "ConfirmSubscription":
            self.confirmed.append(query["TopicArn"])
            return Answer(status=200, content_type="text/xml", body=b"<ConfirmSubscriptionResponse/>")
        found = self.certificates.get(asked.path)
        return Answer(status=200, content_type="application/x-pem-file", body=found) if found else Answer(status=403)

    def __enter__(self) -> Self:
        super().__enter__()
        self._proxy = _Proxy(target=self._server.server_address[1])
        threading.Thread(target=self._proxy.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._proxy.shutdown()
        self._proxy.server_close()
        super().__exit__(kind, error, trace)

    # Messages ---------------------------------------------------------------------------------------------------------

    def notification(self, text: str, **fields: str) -> dict[str, str]:
        return self.signed({"Type": "Notification", "Message": text} | fields)

    def subscription(self, topic: str = TOPIC, **fields: str) -> dict[str, str]:
        url = f"https://{HOST}/?Action=ConfirmSubscription&TopicArn={topic}&Token=abc"
        details = {
            "Message": "You have chosen to subscribe.",
            "TopicArn": topic,
            "Token": "abc",
            "SubscribeURL": url,
        }
        return self.signed({"Type": "SubscriptionConfirmation"} | details | fields)

    def signed(self, fields: dict[str, str], *, key: rsa.RSAPrivateKey | None = None) -> dict[str, str]:
        """Return the completed message, signed by SHA-1 where SignatureVersion is 1, else by SHA-256."""
        sent = datetime.now(UTC)
        message = {
            "MessageId": str(uuid4()),
            "TopicArn": TOPIC,
            "Timestamp": f"{sent:%Y-%m-%dT%H:%M:%S}.{sent.microsecond // 1000:03}Z",
            "SignatureVersion": "2",
            "SigningCertURL": f"https://{HOST}{self.signing_path}",
        } | fields
        text = "".join(f"{name}\n{message[name]}\n" for name in SIGNED[message["Type"]] if name in message)
        algorithm = SHA1() if message["SignatureVersion"] == "1" else SHA256()
        signature = (key or self.key).sign(text.encode(), PKCS1v15(), algorithm)
        return message | {"Signature": base64.b64encode(signature).decode()}


class _Proxy(socketserver.ThreadingTCPServer):
    """Proxy that redirects Amazon's host names to one local port, and refuses others."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *, target: int) -> None:
        self.target = target
        self.called: list[str] = []
        super().__init__(("127.0.0.1", 0), _Tunnel)


class _Tunnel(socketserver.StreamRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        host = self.rfile.readline().decode().split(" ")[1].rpartition(":")[0]
        while self.rfile.readline().strip():
            pass
        self.server.called.append(host)
        if host not in HOSTS:
            self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.server.target)) as server:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_copy, args=(server, self.connection), daemon=True)
            back.start()
            _copy(self.connection, server)
            back.join(10)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


# Certificates ---------------------------------------------------------------------------------------------------------


def new_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certificate(
    name: str,
    key: Any,
    *,
    issuer: tuple[x509.Certificate, rsa.RSAPrivateKey] | None = None,
    hosts: Sequence[str] = (),
    is_authority: bool = False,
    lasts: tuple[timedelta, timedelta] = (timedelta(days=-1), timedelta(days=30)),
) -> x509.Certificate:
    """Return a certificate for `key`, self-signed without an `issuer`; `lasts`: from and until, from now."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + lasts[0])
        .not_valid_after(now + lasts[1])
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if is_authority:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        made = made.add_extension(usage, critical=True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if issuer:
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[1].public_key())
        made = made.add_extension(authority, critical=False)
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        made = made.add_extension(names, critical=False)
    return made.sign(issuer[1] if issuer else key, SHA256())


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(Encoding.PEM)


def private(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
