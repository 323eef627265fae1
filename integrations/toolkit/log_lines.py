"""The catalogue of log lines: each webhook, its result, and each outgoing call.

A provider's own words are in its folder (`Provider.phrases`); levels and fields are here, the same for all. No line
holds a value of a payload, a body, a token or a whole address; text from outside is bounded and stays on its line.

A line is written once its content is true: inside a transaction by `transaction.on_commit`. Where it cannot be written
nothing else fails: the work is done, and a sender waits for the answer.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from config.logs import MASK, mask
from core.text import one_line
from integrations.contracts.phrases import Subject, plain
from integrations.contracts.provider import Provider

# Found by these names, whichever process and module writes.
WEBHOOKS = logging.getLogger("webhooks")
CALLS = logging.getLogger("calls")

_LONGEST = 1000  # letters of a line's text
_LONGEST_FIELD = 300
_CHANGES = 3  # changes that are named of an event
# Staff were notified of a failed event and have to act; the other bad ends come again or are listed as unmatched.
_LEVELS = {"processed": logging.INFO, "ignored": logging.INFO, "failed": logging.ERROR}
_ID = re.compile(r"[A-Za-z._:-]{0,99}[0-9][A-Za-z0-9._:-]{0,99}")


class Stored(Protocol):
    """The part of an event's row that a log line needs."""

    pk: Any
    endpoint: Any
    event_type: Any
    external_id: Any
    key: Any
    body: Any
    payload: Any
    is_signed: Any
    status: Any
    reason: Any
    last_error: Any


def received(provider: Provider, event: Stored, *, is_duplicate: bool, same_body: bool) -> None:
    """Log that a delivery is stored, with its status: `pending`, `ignored`, or `failed` for an unreadable one.

    A duplicate is counted on the row of the first delivery, whose status is not known here.
    """
    _write(
        WEBHOOKS,
        logging.INFO,
        provider.phrases.received,
        provider=provider,
        event=event,
        endpoint=event.endpoint,
        key=event.key,
        duplicate=is_duplicate,
        same_body=same_body if is_duplicate else None,
        signed=event.is_signed,
        bytes=len(event.body),
        status="" if is_duplicate else event.status,
        reason="" if is_duplicate else event.reason,
    )
    if event.last_error:
        reason = plain(event.last_error.partition("\n")[0], _LONGEST_FIELD)
        _write(
            WEBHOOKS,
            logging.WARNING,
            provider.phrases.failed,
            reason,
            provider=provider,
            event=event,
            endpoint=event.endpoint,
            outcome="failed",
            reason=reason,
        )


def refused(provider: Provider, endpoint: str, reason: str, *, sender: str) -> None:
    """Log that a delivery was refused and is stored nowhere."""
    text = f"[{provider.title} Webhook] webhook refused: {reason}"
    _write(WEBHOOKS, logging.WARNING, text, provider=provider, endpoint=endpoint, sender=sender)


def syncing(provider: Provider, *, contact: str, event: Stored | None = None) -> None:
    """Log that a person's record is about to be synced from a provider; `contact` is an id or an address."""
    masked = mask(plain(contact))
    # An address is masked, an id is written as it is, and nothing of what has no digit: it could be a name.
    named = masked if MASK in masked or _ID.fullmatch(masked) else MASK
    _write(
        WEBHOOKS,
        logging.INFO,
        provider.phrases.syncing,
        named,
        provider=provider,
        event=event,
    )


def ended(
    provider: Provider,
    event: Stored,
    *,
    outcome: str,
    attempt: int,
    seconds: float | None = None,
    reason: str = "",
    changes: Sequence[str] = (),
) -> None:
    """Log the end of an attempt at an event: processed, ignored, unmatched, retry, failed or lease_lost.

    Without `seconds` it ended before, and is failed by what it led to.
    """
    # The first line only: PostgreSQL's second one holds the values of a row.
    reason = plain(reason.partition("\n")[0], _LONGEST_FIELD)
    listed = "; ".join([*map(plain, changes[:_CHANGES]), *(["…"] if len(changes) > _CHANGES else [])])
    phrase: Callable[..., str] = provider.phrases.failed
    arguments = [reason]
    if outcome == "processed":
        phrase, arguments = provider.phrases.processed, [listed]
    elif outcome == "ignored":
        phrase, arguments = provider.phrases.ignored, []
    _write(
        WEBHOOKS,
        _LEVELS.get(outcome, logging.WARNING),
        phrase,
        *arguments,
        provider=provider,
        event=event,
        outcome=outcome,
        attempt=attempt,
        duration_ms=None if seconds is None else round(seconds * 1000),
        effects=len(changes),
        changes=listed,
        reason=reason,
    )


def company_creating(provider: Provider, *, account_id: str, company_id: str) -> None:
    """Log that an account's company is being created; a rollback undoes it."""
    phrase = provider.phrases.company_creating
    _write(WEBHOOKS, logging.INFO, phrase, company_id, provider=provider, account_id=account_id)


def company_created(provider: Provider, *, account_id: str, company_id: str) -> None:
    phrase = provider.phrases.company_created
    _write(WEBHOOKS, logging.INFO, phrase, company_id, provider=provider, account_id=account_id)


def called(
    title: str,
    target: str,
    *,
    status: int,
    seconds: float,
    problem: str = "",
    attempt: int | None = None,
    message_id: str = "",
) -> None:
    """Log the end of one try of an outgoing call: the status of its answer, 0 for none.

    `target` is the method and where to, without an id, a value or a secret. `problem` is why there is no answer, or
    none of use. That a provider has no such record (404) is an answer like any other.
    """
    is_fine = not problem and (200 <= status < 300 or status == 404)
    _write(
        CALLS,
        logging.INFO if is_fine else logging.WARNING,
        f"[OUTGOING] {title} {target}",
        status=status or None,
        duration_ms=round(seconds * 1000),
        attempt=attempt,
        problem=problem,
        message_id=message_id,
    )


def repeated(title: str, target: str, *, wait: float) -> None:
    """Log that a call whose try failed is made again."""
    _write(CALLS, logging.INFO, f"[OUTGOING] {title} {target}: next try in {wait:.1f} s")


def _write(
    logger: logging.Logger,
    level: int,
    text: str | Callable[..., str],
    *arguments: str,
    provider: Provider | None = None,
    event: Stored | None = None,
    account_id: str = "",
    **fields: Any,
) -> None:
    """Write one line; `text` may be a phrase of the provider, which is called with the line's subject and `arguments`.

    A line that cannot be written breaks nothing; why goes to stderr, as logging itself does it.
    """
    try:
        if provider is not None:
            fields["provider"] = provider.key
            if not isinstance(text, str):
                subject = Subject(title=provider.title, external_id=account_id)
                if event is not None:
                    subject = Subject(
                        title=provider.title,
                        event_type=event.event_type,
                        external_id=event.external_id,
                        payload=event.payload or {},
                    )
                    fields |= {"type": subject.event_type, "event_id": event.pk}
                fields["about"] = provider.phrases.about(subject)
                text = text(subject, *arguments)
        extra = {
            name: plain(value, _LONGEST_FIELD) if isinstance(value, str) else value
            for name, value in fields.items()
            if value is not None and value != ""
        }
        logger.log(level, one_line(str(text), _LONGEST), extra=extra)
    except Exception:  # noqa: BLE001 (a line is never worth an event)
        with suppress(OSError, ValueError, AttributeError):  # no stderr, or a closed one
            traceback.print_exc(limit=-5, file=sys.stderr)
