"""Both fakes with Enlace between them in this process: webhooks and jobs run when the test says so."""

import base64
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import cache
from django.utils import timezone

from integrations.inbox.models.contact_refresh import QUIET
from integrations.outbox import repair
from integrations.outbox.models import OutgoingWrite
from tests.fakes.gohighlevel import FakeGoHighLevel
from tests.fakes.nowcerts import FakeNowCerts
from tests.harness.fake_sides import GHL_HOOK, TOKENS, FakeSides, Hook
from tests.harness.pending import pending_jobs

PRIVATE_KEY = Ed25519PrivateKey.generate()
A_MOMENT = QUIET + timedelta(seconds=1)


class HeldSides(FakeSides):
    """Fakes whose webhooks wait in `hooks`, oldest first, until the test delivers them. `muted`: none are made."""

    def __init__(
        self,
        insureds: FakeNowCerts,
        contacts: FakeGoHighLevel,
        *,
        post: Callable[..., Any],
        drain: Callable[[], None],
        travel: Callable[[timedelta], None],
    ) -> None:
        super().__init__(insureds, contacts)
        self.post, self.drain, self.travel = post, drain, travel
        self.hooks: list[Hook] = []
        self.muted = False
        self.gone_forward = timedelta(0)
        self.listen(lambda hook: None if self.muted else self.hooks.append(hook))

    def deliver(self, hook: Hook) -> Any:
        """Post a webhook as its sender does (GoHighLevel signs, NowCerts has a token in the URL); return the answer."""
        path, payload = hook
        body = json.dumps(payload).encode()
        if path == GHL_HOOK:
            signature = base64.b64encode(PRIVATE_KEY.sign(body)).decode()
            return self.post(body, path, sign=False, headers={"X-GHL-Signature": signature})
        return self.post(body, f"{path}/{TOKENS[path]}", sign=False)

    def forward(self, time: timedelta) -> None:
        """Let time pass, also for what uses real time: a pause that GoHighLevel asked for is over."""
        self.gone_forward += time
        self.travel(self.gone_forward)
        cache.clear()

    def settle(self, *, rounds: int = 40, order: Callable[[list[Any]], Sequence[Any]] = lambda hooks: hooks) -> None:
        """Deliver webhooks and run due jobs, moment after moment, until nothing is left to do."""
        for _round in range(rounds):
            hooks, self.hooks[:] = order(list(self.hooks)), []
            for hook in hooks:
                assert self.deliver(hook).status_code in (200, 409)
            self.drain()
            if not self.hooks and not pending_jobs():
                return
            self.forward(max(A_MOMENT, self._next_due() - timezone.now() + timedelta(seconds=1)))
            self.drain()
        raise AssertionError(f"not at rest after {rounds} rounds: {self.hooks[:3]} {list(self.open_writes())[:3]}")

    def heal(self) -> None:
        """End all misbehaviour, and retry what failed as staff would."""
        self.nowcerts.behave()
        self.ghl.behave()
        repair.retry(OutgoingWrite.objects.filter(status="failed"))

    def _next_due(self) -> datetime:
        due = (
            model._default_manager.filter(status="pending").order_by("next_attempt_at").values_list("next_attempt_at")
            for model in {model for model, _key in pending_jobs()}
        )
        return min((moment for rows in due for (moment,) in rows[:1]), default=timezone.now())

    def open_writes(self) -> Any:
        return OutgoingWrite.objects.filter(status="pending").values_list("provider", "last_error")

    def writes(self, fake: FakeNowCerts | FakeGoHighLevel) -> list[Any]:
        """Return the writes of contacts that a side received, in order."""
        paths = ("/api/Insured/Insert", "/api/Insured/OnlyInsertInsured", "/contacts/")
        return [
            exchange.asked
            for exchange in fake.exchanges
            if exchange.asked.method in ("POST", "PUT")
            and exchange.asked.path.startswith(paths)
            and "search" not in exchange.asked.path
        ]
