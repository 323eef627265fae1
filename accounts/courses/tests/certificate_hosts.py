"""A host of certificates on this machine, behind TLS, which the settings name."""

from pathlib import Path
from typing import Any

import pytest

from accounts.courses import certificate_pages
from core.web.fetch import Network
from tests.fakes.certificates import pdf
from tests.fakes.http_server import Answer
from tests.fakes.https_server import FakeHttpsServer

HOST = "certificates.example.com"


def pdf_for(*lines: str) -> Answer:
    return Answer(status=200, body=pdf(*lines), content_type="application/pdf")


def page(html: str) -> Answer:
    return Answer(status=200, body=html.encode(), content_type="text/html; charset=utf-8")


class CertificateHost(FakeHttpsServer):
    """Answers with a certificate for Jane Rivera unless `shows` says otherwise. Its name means this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, HOST, answer=lambda asked: self.shows)
        self.shows = pdf_for("Certificate of completion", "awarded to Jane Rivera")

    def use(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        settings.CERTIFICATE_HOSTS = [HOST]
        network = Network(
            resolve=lambda host, port: ["127.0.0.1"],
            is_public=lambda address: True,
            trust=self.trust,
            port=self.port,
        )
        monkeypatch.setattr(certificate_pages, "NETWORK", network)
