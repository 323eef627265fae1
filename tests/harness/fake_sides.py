"""Fakes of NowCerts and GoHighLevel over real HTTP, and their webhooks.

`FakeSides` serves a started installation, to which webhooks go at once; `tests.harness.held_sides` holds them until the
test delivers them, for Enlace in the test's own process.
"""

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone

from tests.fakes import gohighlevel, nowcerts
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.fakes.nowcerts import FakeNowCerts
from tests.harness.webhooks import Answer, Sender

NOWCERTS_TOKEN = "harness-nowcerts-token-for-tests-only"
GHL_TOKEN = "harness-ghl-token-for-tests-only"
NOWCERTS_HOOK = "/api/v1/webhooks/nowcerts"
GHL_HOOK = "/api/v1/webhooks/ghl"
TOKENS = {NOWCERTS_HOOK: NOWCERTS_TOKEN, GHL_HOOK: GHL_TOKEN}
Record = dict[str, Any]
Hook = tuple[str, Record]  # the path of its endpoint, without a token, and the payload
# What both sides know: NowCerts' name, GoHighLevel's name.
MAPPED = (
    ("eMail", "email"),
    ("firstName", "firstName"),
    ("lastName", "lastName"),
    ("phone", "phone"),
    ("addressLine1", "address1"),
    ("city", "city"),
    ("state", "state"),
    ("zipCode", "postalCode"),
    ("commercialName", "companyName"),
    ("website", "website"),
)


class FakeSides:
    """Two running fakes. `environment` connects an installation to them; `start_webhooks` sends it their changes."""

    def __init__(self, insureds: FakeNowCerts, contacts: FakeGoHighLevel) -> None:
        self.nowcerts, self.ghl = insureds, contacts
        contacts.limit = 100_000  # the pace is measured elsewhere
        self._numbered = 0
        self._unsent: queue.Queue[Hook | None] = queue.Queue()
        self._thread: threading.Thread | None = None

    @property
    def environment(self) -> dict[str, str]:
        return {
            "NOWCERTS_BASE_URL": self.nowcerts.url,
            "NOWCERTS_USERNAME": nowcerts.USERNAME,
            "NOWCERTS_PASSWORD": nowcerts.PASSWORD,
            "NOWCERTS_WEBHOOK_TOKEN": NOWCERTS_TOKEN,
            "GHL_BASE_URL": self.ghl.url,
            "GHL_API_KEY": gohighlevel.API_KEY,
            "GHL_LOCATION_ID": gohighlevel.LOCATION_ID,
            "GHL_WEBHOOK_TOKEN": GHL_TOKEN,
            "RETRY_INITIAL_DELAY": "0.1",
        }

    def listen(self, take: Callable[[Hook], object]) -> None:
        """Pass the webhook of each change to `take` from now on."""
        self.nowcerts.on_change = lambda event_type, record: take(self._of_nowcerts(event_type, record))
        self.ghl.on_change = lambda event_type, record: take(self._of_ghl(event_type, record))

    def start_webhooks(self, url: str) -> None:
        """Send a webhook of each change on either side to the installation at `url` from now on, as vendors do."""
        self.listen(self._unsent.put)
        self._thread = threading.Thread(target=self._send, args=(url,), daemon=True)
        self._thread.start()

    def stop_webhooks(self) -> None:
        """Stop the webhooks, and wait for those being sent."""
        self.nowcerts.on_change = self.ghl.on_change = None
        self._unsent.put(None)
        if self._thread is not None:
            self._thread.join(30)

    def _of_nowcerts(self, event_type: str, record: Record) -> Hook:
        names = {"InsuredDatabaseId": record["id"]}
        if event_type.startswith(("POLICY", "QUOTE")):
            names = {"PolicyDatabaseId": record["id"]}
        return NOWCERTS_HOOK, {"EventType": event_type, **names, "changeDate": record["changeDate"]}

    def _of_ghl(self, event_type: str, record: Record) -> Hook:
        self._numbered += 1
        now = timezone.now()
        dated = {"type": event_type, "webhookId": f"w{self._numbered}-{now.timestamp()}"}
        return GHL_HOOK, {**record, **dated, "timestamp": now.isoformat()}

    def _send(self, url: str) -> None:
        while (hook := self._unsent.get()) is not None:
            post(url, *hook)


def post(url: str, path: str, payload: Record | bytes, *, token: str | None = None) -> Answer:
    """Post one webhook with the token of its endpoint in the path, or another one."""
    sender = Sender(url)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    given = TOKENS[path] if token is None else token
    answer = sender.post(body, path=f"{path}/{given}" if given else path, signature="")
    sender.close()
    return answer


@contextmanager
def fake_sides() -> Iterator[FakeSides]:
    """Run the two fakes until the end of the block."""
    with FakeNowCerts() as insureds, FakeGoHighLevel() as contacts:
        made = FakeSides(insureds, contacts)
        try:
            yield made
        finally:
            made.stop_webhooks()


def insured_as(record: Record) -> dict[str, str]:
    """Return the mapped fields of an insured, by NowCerts' names."""
    return {nowcerts_name: str(record.get(nowcerts_name) or "") for nowcerts_name, _ghl_name in MAPPED}


def contact_as(record: Record) -> dict[str, str]:
    """Return the mapped fields of a contact of GoHighLevel, by NowCerts' names."""
    return {nowcerts_name: str(record.get(ghl_name) or "") for nowcerts_name, ghl_name in MAPPED}
