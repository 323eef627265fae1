"""Fakes of NowCerts and GoHighLevel for a started installation, and a sender of the webhooks that they would send."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fakes import gohighlevel, nowcerts
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.fakes.nowcerts import FakeNowCerts
from tests.harness.webhooks import Answer, Sender

NOWCERTS_TOKEN = "harness-nowcerts-token-for-tests-only"
GHL_TOKEN = "harness-ghl-token-for-tests-only"
NOWCERTS_HOOK = "/api/v1/webhooks/nowcerts"
GHL_HOOK = "/api/v1/webhooks/ghl"
_TOKENS = {NOWCERTS_HOOK: NOWCERTS_TOKEN, GHL_HOOK: GHL_TOKEN}
Record = dict[str, Any]


class BothSides:
    """Two running fakes. `environment` connects an installation with them; from `tell` on it hears of their changes."""

    def __init__(self, insureds: FakeNowCerts, contacts: FakeGoHighLevel) -> None:
        self.nowcerts, self.ghl = insureds, contacts
        contacts.limit = 100_000  # the pace is measured elsewhere
        self._hooks: queue.Queue[tuple[str, Record] | None] = queue.Queue()
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

    def tell(self, url: str) -> None:
        """Send what changes on either side from now on to the installation at `url`, as the vendors would."""
        self.nowcerts.on_change, self.ghl.on_change = self._nowcerts_says, self._ghl_says
        self._thread = threading.Thread(target=self._send, args=(url,), daemon=True)
        self._thread.start()

    def be_silent(self) -> None:
        """Tell of nothing more, and wait for what is being sent."""
        self.nowcerts.on_change = self.ghl.on_change = None
        self._hooks.put(None)
        if self._thread is not None:
            self._thread.join(30)

    def _nowcerts_says(self, event_type: str, record: Record) -> None:
        told = {"EventType": event_type, "InsuredDatabaseId": record["id"], "changeDate": record["changeDate"]}
        self._hooks.put((NOWCERTS_HOOK, told))

    def _ghl_says(self, event_type: str, record: Record) -> None:
        self._hooks.put((GHL_HOOK, {"event": "contact.updated", "contact": record, "type_there": event_type}))

    def _send(self, url: str) -> None:
        while (hook := self._hooks.get()) is not None:
            post(url, *hook)


def post(url: str, path: str, payload: Record | bytes, *, token: str | None = None) -> Answer:
    """Post one webhook with the token of its endpoint in the path, or another one."""
    sender = Sender(url)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    given = _TOKENS[path] if token is None else token
    answer = sender.post(body, path=f"{path}/{given}" if given else path, signature="")
    sender.close()
    return answer


@contextmanager
def both_sides() -> Iterator[BothSides]:
    """The two fakes, running until the end of the block."""
    with FakeNowCerts() as insureds, FakeGoHighLevel() as contacts:
        made = BothSides(insureds, contacts)
        try:
            yield made
        finally:
            made.be_silent()
