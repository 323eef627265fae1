"""`manage.py check_chatwoot --url https://hub.example.com`: posts an account, asks for its company and the metrics."""

import json
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations import registry
from integrations.contracts.provider import Endpoint
from integrations.providers.chatwoot.api.signed_accounts import HEADER
from integrations.providers.chatwoot.signatures import sign_account
from integrations.toolkit.signatures import secrets_in

WIDTH = 60
TIMEOUT = 10  # seconds


class Command(BaseCommand):
    help = "Checks the connection of a running server with Chatwoot as Chatwoot would use it; fails where it fails."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="", help="base URL of the server; default FRONTEND_URL")
        parser.add_argument(
            "--get", default="", metavar="ACCOUNT", help="only ask whether this account's company exists"
        )
        parser.add_argument("--metrics", action="store_true", help="only show the metrics (needs METRICS_TOKEN)")
        parser.add_argument("--account", type=int, default=999, help="the account that is posted; default 999")
        parser.add_argument("--name", default="Test Company S.A.", help="its name")

    def handle(self, *args: Any, **options: Any) -> None:
        self._base = (options["url"] or settings.FRONTEND_URL).rstrip("/")
        self._heading("CHATWOOT WEBHOOK TEST SUITE")
        self._info(f"Backend URL: {self._base}")
        self._info(f"Timestamp: {datetime.now().isoformat(timespec='seconds')}")  # noqa: DTZ005 (the reader's clock)
        self.stdout.write(f"\n{'─' * WIDTH}\n")
        if options["get"]:
            self._company(options["get"], must_exist=True)
        elif options["metrics"]:
            self._metrics()
        else:
            self._account_created(options["account"], options["name"])
            self._company(str(options["account"]), must_exist=True)
            if secrets_in("METRICS_TOKEN"):
                self._metrics()
            else:
                self._info("Métricas: METRICS_TOKEN no está configurado; se omiten")

    def _account_created(self, account_id: int, name: str) -> None:
        endpoint = registry.endpoint_of("chatwoot", "installation")
        url = f"{self._base}/{endpoint.path}"
        self._heading("TEST: Account Created Webhook")
        self._info(f"Enviando webhook a: {url}")
        self._info(f"Account ID: {account_id}")
        self._info(f"Company Name: {name}")
        body = json.dumps({"id": account_id, "name": name, "users": [], "event": "account_created"}).encode()
        headers = {"Content-Type": "application/json", **_proof(endpoint, body)}
        company = self._request("POST", url, data=body, headers=headers)["data"]
        self._success("Webhook recibido correctamente")
        self.stdout.write(f"\nRespuesta:\n{_as_json({'success': True, 'data': company})}\n")
        if company.get("created") == "pending":
            self._info(f"Empresa en camino: {company['company_id']}; un worker la crea")
        else:
            self._success(f"Empresa {'creada' if company['created'] else 'ya existente'}: {company['company_id']}")
        self._info(f"Redis prefix: {company['redis_prefix']}")
        self._info(f"Vectorstore: {company['vectorstore_index']}")
        self._info(f"Created: {company['created']}")

    def _company(self, account_id: str, *, must_exist: bool) -> None:
        self._heading("TEST: Get Company")
        url = f"{self._base}/api/chatwoot/webhooks/company/{account_id}"
        self._info(f"Consultando: {url}")
        secrets = secrets_in("CHATWOOT_EMBED_SECRET")
        headers = {HEADER: sign_account(secrets[0], account_id)} if secrets else {}
        company = self._request("GET", url, headers=headers)["data"]
        self.stdout.write(f"\nRespuesta:\n{_as_json(company)}\n")
        if not company["exists"] and must_exist:
            raise CommandError(f"✗ La empresa de la cuenta {account_id} no existe")
        self._success(f"Empresa encontrada: {company['company_id']}")

    def _metrics(self) -> None:
        self._heading("TEST: Metrics")
        url = f"{self._base}/api/chatwoot/webhooks/metrics"
        self._info(f"Consultando: {url}")
        tokens = secrets_in("METRICS_TOKEN")
        headers = {"Authorization": f"Bearer {tokens[0]}"} if tokens else {}
        metrics = self._request("GET", url, headers=headers)["data"]
        self.stdout.write(f"\nRespuesta:\n{_as_json(metrics)}\n")
        self._success(f"Total syncs: {metrics['total_syncs']}")

    def _request(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """Return the server's JSON answer, which has "data". Raises CommandError for any other answer."""
        began = time.monotonic()
        try:
            answer = requests.request(method, url, timeout=TIMEOUT, allow_redirects=False, **options)
        except requests.RequestException as error:
            raise CommandError(f"✗ Nada responde en {url} ({type(error).__name__}). ¿Está en marcha?") from error
        self.stdout.write(f"\nStatus Code: {answer.status_code}")
        self.stdout.write(f"Response Time: {time.monotonic() - began:.2f}s\n")
        try:
            content = answer.json()
        except ValueError:
            content = {}
        if not answer.ok or not isinstance(content, dict) or not isinstance(content.get("data"), dict):
            raise CommandError(f"✗ El servidor respondió {answer.status_code}: {answer.text[:300]}")
        return content

    def _heading(self, text: str) -> None:
        line = "=" * WIDTH
        self.stdout.write(f"\n{line}\n{text.center(WIDTH).rstrip()}\n{line}\n")

    def _info(self, text: str) -> None:
        self.stdout.write(f"ℹ {text}")

    def _success(self, text: str) -> None:
        self.stdout.write(self.style.SUCCESS(f"✓ {text}"))


def _proof(endpoint: Endpoint, body: bytes) -> dict[str, str]:
    """Return the headers of the first configured proof; without one the server refuses."""
    return next((proof for verifier in endpoint.verifiers if (proof := dict(verifier.proof(body)))), {})


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
