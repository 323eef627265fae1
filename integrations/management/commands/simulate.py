"""`manage.py simulate kajabi offer.purchased`: a provider's event, posted to the running server."""

import email
import email.policy
import json
import re
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from integrations import registry, samples
from integrations.contracts.provider import Endpoint, Provider

WAIT_FOR_MAIL = 5.0  # seconds
_LINK = re.compile(r"https?://\S{1,300}?token=\S+")


class Command(BaseCommand):
    help = "Signs a sample event, changed as the options say, and posts it to the running server."
    requires_system_checks = ()  # what is not configured is said by the server

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("provider", nargs="?", help="for example kajabi")
        parser.add_argument("event", nargs="?", help="for example offer.purchased")
        parser.add_argument("--list", action="store_true", help="show the events that there are, and their cases")
        parser.add_argument("--case", default="", help="which sample of the event, where there are several")
        parser.add_argument("--times", type=int, default=1, help="post the same delivery this often")
        parser.add_argument("--no-sign", action="store_true", help="leave the signature out")
        parser.add_argument("--url", default="", help="base URL of the server; default FRONTEND_URL")
        for option in sorted({name for one in registry.all_providers().values() for name in _options(one)}):
            parser.add_argument(f"--{option.replace('_', '-')}", dest=f"set_{option}", default=None)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["list"] or not options["provider"] or not options["event"]:
            self._list(options["provider"])
            return
        try:
            provider = registry.provider(options["provider"])
        except KeyError as error:
            raise CommandError(str(error.args[0])) from error
        if provider.simulation is None:
            raise CommandError(f"{provider.title} has no simulation.")
        try:
            payload = json.loads(samples.find(provider, options["event"], options["case"]).read_text())
        except LookupError as error:
            raise CommandError(f"{error}; `manage.py simulate --list` shows them.") from error
        chosen = {
            name: options[f"set_{name}"] for name in provider.simulation.options if options[f"set_{name}"] is not None
        }
        payload = provider.simulation.personalise(payload, chosen)
        endpoint = registry.endpoint_of(provider.key, provider.simulation.endpoint_for(payload))
        self._post(endpoint, payload, options)

    def _post(self, endpoint: Endpoint, payload: dict[str, Any], options: dict[str, Any]) -> None:
        url = f"{(options['url'] or settings.FRONTEND_URL).rstrip('/')}/{endpoint.path}"
        body = json.dumps(payload, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"} | ({} if options["no_sign"] else _proof(endpoint, body))
        started = time.time()
        self.stdout.write(f"POST {url}\n{json.dumps(payload, indent=2, ensure_ascii=False)}")
        accepted = False
        for _time in range(options["times"]):
            try:
                answer = requests.post(url, data=body, headers=headers, timeout=10, allow_redirects=False)
            except requests.RequestException as error:
                raise CommandError(
                    f"Nothing answers at {url}: {error}. Is the server running (make run)? Name another one with --url."
                ) from error
            self.stdout.write(f"→ {answer.status_code} {answer.text}")
            accepted = accepted or answer.ok
        if not accepted:
            raise CommandError("The server did not accept it.")
        self._show_mail(options["set_email"], since=started)

    def _show_mail(self, address: str | None, *, since: float) -> None:
        """Say where the mail to the event's person lies, as soon as it is there; its link to a terminal alone."""
        if settings.EMAIL_BACKEND != "accounts.mail.file_mailbox.FileMailbox" or not address:
            return
        deadline = time.monotonic() + WAIT_FOR_MAIL
        while time.monotonic() < deadline:
            for path in sorted(Path(settings.EMAIL_FILE_PATH).glob("*.eml")):
                if path.stat().st_mtime >= since - 1 and (text := _mail_to(address, path)):
                    link = _LINK.search(text) if self.stdout.isatty() else None
                    self.stdout.write(f"mail: {path}" + (f"\nlink: {link.group()}" if link else ""))
                    return
            time.sleep(0.1)
        self.stdout.write(f"no mail to {address} within {WAIT_FOR_MAIL:.0f} s; see the event in the console (/admin/)")

    def _list(self, only: str | None) -> None:
        for provider in registry.all_providers().values():
            if only in (None, provider.key):
                for path in samples.all_of(provider):
                    event, _sep, case = path.stem.partition("__")
                    self.stdout.write(f"{provider.key} {event} --case {case}")


def _options(provider: Provider) -> tuple[str, ...]:
    return provider.simulation.options if provider.simulation else ()


def _proof(endpoint: Endpoint, body: bytes) -> dict[str, str]:
    for verifier in endpoint.verifiers:
        if proof := dict(verifier.proof(body)):
            return proof
    names = " or ".join(verifier.setting for verifier in endpoint.verifiers)
    raise CommandError(f"Nothing to sign with: set {names}, the same as the server's (in .env), or use --no-sign.")


def _mail_to(address: str, path: Path) -> str:
    """The text of the mail in `path` if it goes to `address`, else ""."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    if address.strip().lower() not in str(message["To"]).lower():
        return ""
    text = message.get_body(("plain",))
    return text.get_content() if text is not None else ""
