"""Test events: one that is posted to our own public endpoint as its sender would, proof and all.

It proves that the address, the secret and storing work. Its type is none that any provider sends, so it is stored as
ignored and nothing follows from it: no contact, no member, no access.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import requests
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.webhook import TEST_EVENT
from integrations.inbox.models import InboxEvent
from integrations.operations.connections.configured import whole_url
from integrations.toolkit.signatures import Token

TIMEOUT = (3.05, 10.0)  # seconds: to connect, and without a byte
_SKEW = timedelta(minutes=5)  # between the clocks of two of our own servers


class Outcome(StrEnum):
    STORED = "stored"
    NOT_STORED = "not stored"
    UNPROVED = "nothing to prove it with"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    ANOTHER_ANSWER = "another answer"
    NO_ANSWER = "no answer"


EXPLAINED = {
    Outcome.STORED: _("The address, the proof and storing work. The event is stored as ignored."),
    Outcome.NOT_STORED: _("It was accepted, but its event is not in this database: the address leads elsewhere."),
    Outcome.UNPROVED: _("There is no secret to prove it with: set one of the settings of the webhooks first."),
    Outcome.REFUSED: _("The running server refuses the proof: it has other secrets. Restart it after a change."),
    Outcome.REDIRECTED: _("The address redirects, which senders do not follow: check FRONTEND_URL."),
    Outcome.ANOTHER_ANSWER: _("Something else answers at this address: check FRONTEND_URL and the proxy before it."),
    Outcome.NO_ANSWER: _("Nothing answers at the public address from here: check FRONTEND_URL and the way to it."),
}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A test event that was sent. `event` is its row, None where there is none; `status` the HTTP status, 0 for no
    answer; `proof` the setting whose secret proved it.
    """

    outcome: Outcome
    status: int = 0
    proof: str = ""
    event: InboxEvent | None = None


def send(provider: Provider, endpoint: Endpoint) -> Sent:
    """Post a test event to an endpoint at its public address; return what came of it. Call it in no transaction."""
    payload = {endpoint.type_field: TEST_EVENT, "id": f"{TEST_EVENT}_{uuid.uuid4().hex[:12]}"}
    body = json.dumps(payload).encode()
    setting, url, proof = _proved(endpoint, body)
    if not setting:
        return Sent(outcome=Outcome.UNPROVED)
    headers = {"Content-Type": "application/json", "User-Agent": "Enlace test event", **proof}
    try:
        with requests.post(
            url,
            data=body,
            headers=headers,
            # Without an `auth` requests would look into ~/.netrc, and add what stands there.
            auth=lambda request: request,
            timeout=TIMEOUT,
            allow_redirects=False,
            stream=True,
        ) as answer:
            status = answer.status_code
    except requests.RequestException:
        return Sent(outcome=Outcome.NO_ANSWER, proof=setting)
    if not 200 <= status < 300:
        return Sent(outcome=_refusal(status), status=status, proof=setting)
    rows = InboxEvent.objects.filter(provider=provider.key, received_at__gte=timezone.now() - _SKEW)
    event = rows.filter(body_digest=hashlib.sha256(body).hexdigest()).order_by("-pk").first()
    return Sent(outcome=Outcome.STORED if event else Outcome.NOT_STORED, status=status, proof=setting, event=event)


def _proved(endpoint: Endpoint, body: bytes) -> tuple[str, str, Mapping[str, str]]:
    """Return the setting of the proof, the address and the headers; the setting is "" where nothing proves it.

    An address that is pasted with a token at its end is posted to as it is: whoever it is pasted at signs nothing. To
    another one goes the first proof that can be made.
    """
    url = whole_url(endpoint)
    if url != whole_url(endpoint, with_token=False):
        return next(one.setting for one in endpoint.verifiers if isinstance(one, Token)), url, {}
    proofs = ((one.setting, one.proof(body)) for one in endpoint.verifiers)
    setting, proof = next(((name, proof) for name, proof in proofs if proof), ("", {}))
    return setting, url, proof


def _refusal(status: int) -> Outcome:
    if 300 <= status < 400:
        return Outcome.REDIRECTED
    return Outcome.REFUSED if status in (401, 403) else Outcome.ANOTHER_ANSWER
