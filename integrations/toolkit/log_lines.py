"""The catalogue of log lines: each webhook, what became of it, and each outgoing call.

A provider's own words are in its folder (`Provider.phrases`); levels and fields are here, the same for all. No line
holds a value of a payload, a body, a token or a whole address; text from outside is bounded and stays on its line.

A line says what is so already: inside a transaction it is written by `transaction.on_commit`. Where it cannot be
written nothing else fails: what it tells of is done, and a sender waits for the answer.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, Protocol

from config.logs import MASK, mask
from core.text import one_line
from integrations.contracts.phrases import Subject, plain
from integrations.contracts.provider import Provider

# Found by these names, whichever process and module writes.
WEBHOOKS = logging.getLogger("webhooks")
CALLS = logging.getLogger("calls")

_LONGEST = 1000  # letters of what a line says
_LONGEST_FIELD = 300
_CHANGES = 3  # that are named of what an event led to
# Staff were told of a failed event and have to act; the other bad ends come again or are listed as unmatched.
_LEVELS = {"processed": logging.INFO, "ignored": logging.INFO, "failed": logging.ERROR}
_ID = re.compile(r"[A-Za-z._:-]{0,99}[0-9][A-Za-z0-9._:-]{0,99}")

P = ParamSpec("P")


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


def _harmless(write: Callable[P, None]) -> Callable[P, None]:
    """Let a line that cannot be written break nothing; why goes to stderr, as logging itself does it."""

    @wraps(write)
    def wrapped(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            write(*arguments, **options)
        except Exception:  # noqa: BLE001 (a line is never worth an event)
            with suppress(OSError, ValueError, AttributeError):  # no stderr, or a closed one
                traceback.print_exc(limit=-5, file=sys.stderr)

    return wrapped


@_harmless
def received(provider: Provider, event: Stored, *, is_duplicate: bool, same_body: bool) -> None:
    """Say that a delivery is stored, and what will come of it: `pending`, `ignored`, or `failed` for an unreadable one.

    A repetition is counted on the row of the first delivery, whose status is not known here.
    """
    it, words = _subject(provider, event), provider.phrases
    fields = {
        "provider": provider.key,
        "endpoint": event.endpoint,
        "type": it.event_type,
        "event_id": event.pk,
        "about": words.about(it),
    }
    _write(
        WEBHOOKS,
        logging.INFO,
        words.received(it),
        **fields,
        key=event.key,
        duplicate=is_duplicate,
        same_body=same_body if is_duplicate else None,
        signed=event.is_signed,
        bytes=len(event.body),
        status="" if is_duplicate else event.status,
        reason="" if is_duplicate else event.reason,
    )
    if event.last_error:
        reason = _first_line(event.last_error)
        _write(WEBHOOKS, logging.WARNING, words.failed(it, reason), **fields, outcome="failed", reason=reason)


@_harmless
def refused(provider: Provider, endpoint: str, reason: str, *, sender: str) -> None:
    """Say that a delivery was not taken, and is stored nowhere."""
    text = f"[{provider.title} Webhook] webhook refused: {reason}"
    _write(WEBHOOKS, logging.WARNING, text, provider=provider.key, endpoint=endpoint, sender=sender)


@_harmless
def syncing(provider: Provider, *, contact: str, event: Stored | None = None) -> None:
    """Say that somebody's record is about to be brought to what a provider has; `contact` is an id or an address."""
    it, words = _subject(provider, event), provider.phrases
    _write(
        WEBHOOKS,
        logging.INFO,
        words.syncing(it, _hidden(contact)),
        provider=provider.key,
        type=it.event_type,
        event_id=event.pk if event else None,
        about=words.about(it),
    )


@_harmless
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
    """Say how an attempt at an event ended: processed, ignored, unmatched, retry, failed or lease_lost.

    Without `seconds` it ended before, and is undone by what it led to.
    """
    it, words = _subject(provider, event), provider.phrases
    reason, listed = _first_line(reason), _listed(changes)
    if outcome == "processed":
        text = words.processed(it, listed)
    elif outcome == "ignored":
        text = words.ignored(it)
    else:
        text = words.failed(it, reason)
    _write(
        WEBHOOKS,
        _LEVELS.get(outcome, logging.WARNING),
        text,
        provider=provider.key,
        type=it.event_type,
        event_id=event.pk,
        about=words.about(it),
        outcome=outcome,
        attempt=attempt,
        duration_ms=None if seconds is None else round(seconds * 1000),
        effects=len(changes),
        changes=listed,
        reason=reason,
    )


@_harmless
def company_creating(provider: Provider, *, account_id: str, company_id: str) -> None:
    """Say that an account's company is being made; what undoes it undoes the company."""
    it = Subject(title=provider.title, external_id=account_id)
    text = provider.phrases.company_creating(it, company_id)
    _write(WEBHOOKS, logging.INFO, text, provider=provider.key, about=provider.phrases.about(it))


@_harmless
def company_created(provider: Provider, *, account_id: str, company_id: str) -> None:
    it = Subject(title=provider.title, external_id=account_id)
    text = provider.phrases.company_created(it, company_id)
    _write(WEBHOOKS, logging.INFO, text, provider=provider.key, about=provider.phrases.about(it))


@_harmless
def called(
    title: str,
    what: str,
    *,
    status: int,
    seconds: float,
    problem: str = "",
    attempt: int | None = None,
    message_id: str = "",
) -> None:
    """Say how one try of an outgoing call ended: the status of its answer, 0 for none.

    `what` is the method and where to, without an id, a value or a secret. `problem` is why there is no answer, or none
    of use. That a provider has no such record (404) is an answer like any other.
    """
    is_fine = not problem and (200 <= status < 300 or status == 404)
    _write(
        CALLS,
        logging.INFO if is_fine else logging.WARNING,
        f"[OUTGOING] {title} {what}",
        status=status or None,
        duration_ms=round(seconds * 1000),
        attempt=attempt,
        problem=problem,
        message_id=message_id,
    )


@_harmless
def repeated(title: str, what: str, *, wait: float) -> None:
    """Say that a call whose try failed is made again."""
    _write(CALLS, logging.INFO, f"[OUTGOING] {title} {what}: next try in {wait:.1f} s")


def _subject(provider: Provider, event: Stored | None) -> Subject:
    if event is None:
        return Subject(title=provider.title)
    return Subject(
        title=provider.title,
        event_type=event.event_type,
        external_id=event.external_id,
        payload=event.payload or {},
    )


def _hidden(contact: str) -> str:
    """Return an id as it is, an address masked, and nothing of what has no digit: it could be a name."""
    masked = mask(plain(contact))
    return masked if MASK in masked or _ID.fullmatch(masked) else MASK


def _first_line(reason: str) -> str:
    """Return the first line of an error: PostgreSQL's second one holds the values of a row."""
    return plain(str(reason).partition("\n")[0], _LONGEST_FIELD)


def _listed(changes: Sequence[str]) -> str:
    named = [plain(change) for change in changes[:_CHANGES]]
    return "; ".join([*named, "…"] if len(changes) > _CHANGES else named)


def _write(logger: logging.Logger, level: int, text: str, **fields: Any) -> None:
    extra = {
        name: plain(value, _LONGEST_FIELD) if isinstance(value, str) else value
        for name, value in fields.items()
        if value is not None and value != ""
    }
    logger.log(level, one_line(text, _LONGEST), extra=extra)
