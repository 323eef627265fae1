"""Webhooks that we send, signed as https://www.standardwebhooks.com says.

The address stands in the settings: whoever sets it may name any host, private ones too, since the receiver usually
lives beside us. So an address must never come from a payload or a form. Redirects are not followed, and of the answer
only the status is read.
"""

import base64
import binascii
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
from django.utils import timezone
from standardwebhooks import Webhook

from core.phrases import CODE, Phrase
from integrations.toolkit import log_lines
from integrations.toolkit.failures import NotConfigured, Refused, TemporaryFailure

_NO_ADDRESS = Phrase("the webhook's address must begin with https:// and name a host")
_NO_SECRET = Phrase("the webhook has no secret to sign with: set COMPANY_WEBHOOK_SECRET")
_NO_KEY = Phrase("a secret of Standard Webhooks is whsec_ and then base64, 24 bytes or more")
_SHORT_KEY = Phrase("the webhook's secret is too short: whsec_ and then base64 of 24 bytes or more")
_NO_ANSWER = Phrase("{host} gave no answer ({error})", error=CODE)
_ANSWERED = Phrase("{host} answered with {status}", status=CODE)
_REFUSED = Phrase("{host} answered with {status}.", status=CODE)
_REDIRECTED = Phrase("{host} answered with {status}. Redirects are not followed: check the address.", status=CODE)

TIMEOUT = (3.05, 10.0)  # seconds: to connect, and without a byte
_PREFIX = "whsec_"
# Worth another try although the receiver refused: it may be set up wrong for a moment.
_MAY_PASS = frozenset({401, 403, 404, 408, 409, 425, 429})


def signatures(secrets: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the header `webhook-signature`: one `v1,…` for each secret, so that the receiver may rotate.

    Raises NotConfigured for a secret that is not `whsec_` and base64.
    """
    # The library takes any moment for UTC.
    moment, text = datetime.fromtimestamp(timestamp, UTC), body.decode()
    return " ".join(Webhook(_key(secret)).sign(message_id, moment, text) for secret in secrets)


def post_signed(url: str, body: bytes, *, message_id: str, secrets: Sequence[str]) -> int:
    """Send the JSON `body` to `url`; return the status of the answer. `message_id` is the same for each repetition.

    Raises NotConfigured without a secret or an address; TemporaryFailure, or Refused where another try cannot help.
    """
    target = urlsplit(url)
    if target.scheme not in ("http", "https") or not target.hostname:
        raise NotConfigured(_NO_ADDRESS())
    if not secrets:
        raise NotConfigured(_NO_SECRET())
    timestamp = int(timezone.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signatures(secrets, message_id=message_id, timestamp=timestamp, body=body),
    }
    began = time.perf_counter()
    status, problem = 0, ""
    try:
        # `auth`: without one requests looks into ~/.netrc.
        with requests.post(
            url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False, stream=True, auth=_unchanged
        ) as answer:
            status = answer.status_code
    except requests.RequestException as error:
        # Their texts hold the whole address, which may hold a password.
        problem = f"no answer ({type(error).__name__})"
        raise TemporaryFailure(_NO_ANSWER(host=target.hostname, error=type(error).__name__)) from None
    finally:
        seconds = time.perf_counter() - began
        log_lines.called(
            "webhook", f"POST {target.hostname}", status=status, problem=problem, seconds=seconds, message_id=message_id
        )
    if 200 <= status < 300:
        return status
    if status >= 500 or status in _MAY_PASS:
        raise TemporaryFailure(_ANSWERED(host=target.hostname, status=status), status=status)
    refused = _REDIRECTED if 300 <= status < 400 else _REFUSED
    raise Refused(refused(host=target.hostname, status=status), status=status)


def _key(secret: str) -> bytes:
    """Return the bytes to sign with. The library would take a secret without its prefix, or with letters that are none
    of base64, for another one than the receiver's; and one of a single byte.
    """
    try:
        if not secret.startswith(_PREFIX):
            raise ValueError
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise NotConfigured(_NO_KEY()) from None
    if len(key) < 16:
        raise NotConfigured(_SHORT_KEY())
    return key


def _unchanged(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
