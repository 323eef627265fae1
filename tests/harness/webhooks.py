"""Sender of webhooks like a relay: signs the raw body, keeps its connection, reports every answer."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.harness.environment import OFFER_ID, WEBHOOK_SECRET

RELAY_PATH = "/api/webhook/kajabi/"


def relay(event_type: str, event_id: str, email: str, **fields: Any) -> dict[str, Any]:
    """Return the body of a relay event about one member; `fields` are added at the top."""
    member_id = "mem_" + hashlib.sha256(email.encode()).hexdigest()[:12]
    return {
        "type": event_type,
        "id": event_id,
        "member": {"id": member_id, "email": email, "first_name": "Jane", "last_name": "Example"},
        "offer": {"id": OFFER_ID, "name": "NSSA Annual Membership"},
    } | fields


def purchase(event_id: str, email: str, **fields: Any) -> dict[str, Any]:
    """Return the body of an `offer.purchased` relay event."""
    return relay("offer.purchased", event_id, email, **fields)


def sign(body: bytes, secret: str = WEBHOOK_SECRET) -> str:
    """Return the hex HMAC-SHA256 of the raw body."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Answer of the server. `status` 0 means none (refused, reset, timed out): `body` says which."""

    status: int
    body: str
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_accepted(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        return json.loads(self.body)


class Sender:
    """Client with one keep-alive connection. Not for use by two threads."""

    def __init__(self, url: str, *, timeout: float = 30) -> None:
        self.address = urlsplit(url)
        self.timeout = timeout
        self.connection: http.client.HTTPConnection | None = None

    def post(
        self, payload: Mapping[str, Any] | bytes, *, path: str = RELAY_PATH, signature: str | None = None
    ) -> Answer:
        """Post a payload (or raw bytes), signed unless a signature is given."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        proof = sign(body) if signature is None else signature
        headers = {"Content-Type": "application/json", "X-Kajabi-Signature": proof}
        started = time.monotonic()
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.address.netloc, timeout=self.timeout)
            self.connection.request("POST", path, body, headers)
            response = self.connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answer(status=0, body=repr(error), seconds=time.monotonic() - started)
        if response.will_close:
            self.close()
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(status=response.status, body=text, seconds=time.monotonic() - started, headers=received)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None


def post_at_once(url: str, payloads: Iterable[Mapping[str, Any] | bytes]) -> list[Answer]:
    """Post every payload at one moment, each from a thread of its own; return the answers in order."""
    bodies = list(payloads)
    answers: list[Answer | None] = [None] * len(bodies)
    gate = threading.Barrier(len(bodies))

    def post(place: int) -> None:
        sender = Sender(url)
        gate.wait()
        answers[place] = sender.post(bodies[place])
        sender.close()

    threads = [threading.Thread(target=post, args=(place,)) for place in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answer for answer in answers if answer is not None]
