"""Both fakes over real HTTP with Enlace between them, and the webhooks that each sends of whatever changes there."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import cache
from django.utils import timezone

from core.queue import runner
from integrations.inbox.models.contact_refresh import QUIET
from integrations.outbox import repair
from integrations.outbox.models import OutgoingWrite
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.fakes.nowcerts import FakeNowCerts

NOWCERTS_TOKEN = "a-nowcerts-token-that-only-tests-know"
GHL_TOKEN = "a-ghl-token-that-only-tests-know"
NOWCERTS_HOOK = f"/api/v1/webhooks/nowcerts/{NOWCERTS_TOKEN}"
GHL_HOOK = "/api/v1/webhooks/ghl"
PRIVATE_KEY = Ed25519PrivateKey.generate()
A_MOMENT = QUIET + timedelta(seconds=1)
Record = dict[str, Any]
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


@dataclass
class TwoSides:
    """`hooks` are the webhooks that were not delivered yet, oldest first: (url, body). `say_nothing`: none are made."""

    nowcerts: FakeNowCerts
    ghl: FakeGoHighLevel
    post: Callable[..., Any]
    drain: Callable[[], None]
    travel: Callable[[timedelta], None]
    hooks: list[tuple[str, Record]] = field(default_factory=list)
    say_nothing: bool = False
    gone_forward: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.nowcerts.on_change = self._nowcerts_says
        self.ghl.on_change = self._ghl_says

    def _nowcerts_says(self, event_type: str, record: Record) -> None:
        if not self.say_nothing:
            names = {"InsuredDatabaseId": record["id"]}
            if event_type.startswith(("POLICY", "QUOTE")):
                names = {"PolicyDatabaseId": record["id"]}
            self.hooks.append((NOWCERTS_HOOK, {"EventType": event_type, **names, "changeDate": record["changeDate"]}))

    def _ghl_says(self, event_type: str, record: Record) -> None:
        if not self.say_nothing:
            number = len(self.hooks) + len(self.ghl.exchanges) * 1000
            dated = {"type": event_type, "webhookId": f"w{number}-{timezone.now().timestamp()}"}
            self.hooks.append((GHL_HOOK, {**record, **dated, "timestamp": timezone.now().isoformat()}))

    def deliver(self, hook: tuple[str, Record]) -> Any:
        """Post one webhook as its sender would; the answer."""
        url, payload = hook
        body = json.dumps(payload).encode()
        headers = {"X-GHL-Signature": base64.b64encode(PRIVATE_KEY.sign(body)).decode()} if url == GHL_HOOK else {}
        return self.post(body, url, sign=False, headers=headers)

    def forward(self, time: timedelta) -> None:
        """Let time pass, also for what keeps real time: a pause that GoHighLevel asked for is over."""
        self.gone_forward += time
        self.travel(self.gone_forward)
        cache.clear()

    def settle(self, *, rounds: int = 40, order: Callable[[list[Any]], Sequence[Any]] = lambda hooks: hooks) -> None:
        """Deliver webhooks and do what falls due, moment after moment, until nothing is left to do."""
        for _round in range(rounds):
            hooks, self.hooks[:] = order(list(self.hooks)), []
            for hook in hooks:
                assert self.deliver(hook).status_code in (200, 409)
            self.drain()
            if not self.hooks and not self._waits():
                return
            self.forward(max(A_MOMENT, self._next_due() - timezone.now() + timedelta(seconds=1)))
            self.drain()
        raise AssertionError(f"not at rest after {rounds} rounds: {self.hooks[:3]} {list(self.open_writes())[:3]}")

    def heal(self) -> None:
        """Nothing goes wrong any more, and staff try again what failed."""
        self.nowcerts.behave()
        self.ghl.behave()
        repair.retry(OutgoingWrite.objects.filter(status="failed"))

    def _waits(self) -> bool:
        return any(kind.model._default_manager.filter(status="pending").exists() for kind in runner.kinds())

    def _next_due(self) -> datetime:
        due = (
            kind.model._default_manager.filter(status="pending")
            .order_by("next_attempt_at")
            .values_list("next_attempt_at")
            for kind in runner.kinds()
        )
        return min((moment for rows in due for (moment,) in rows[:1]), default=timezone.now())

    def open_writes(self) -> Any:
        return OutgoingWrite.objects.filter(status="pending").values_list("provider", "last_error")

    def writes(self, fake: FakeNowCerts | FakeGoHighLevel) -> list[Any]:
        """The writes of contacts that were asked of a side, in their order."""
        paths = ("/api/Insured/Insert", "/api/Insured/OnlyInsertInsured", "/contacts/")
        return [
            exchange.asked
            for exchange in fake.exchanges
            if exchange.asked.method in ("POST", "PUT")
            and exchange.asked.path.startswith(paths)
            and "search" not in exchange.asked.path
        ]


def insured_as(record: Record) -> dict[str, str]:
    """What an insured says, by NowCerts' names, of what both sides know."""
    return {ours: str(record.get(ours) or "") for ours, _theirs in MAPPED}


def contact_as(record: Record) -> dict[str, str]:
    """What a contact of GoHighLevel says, by NowCerts' names."""
    return {ours: str(record.get(theirs) or "") for ours, theirs in MAPPED}
