"""Values of payloads: bounded where a parser could be broken, tolerant where dialects differ."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from config.logs import MASK, without_tokens
from core import dates
from core.phrases import CODE, DAY, QUOTED, Phrase
from core.text import TEXT, storable
from integrations.contracts import reasons

READ_AS = Phrase("{field}: {text} was read as {day}", field=CODE, text=QUOTED, day=DAY)

_SECRET_HEADERS = ("authorization", "cookie", "token", "signature", "secret", "api-key", "apikey", "password")
_doubts: ContextVar[list[str] | None] = ContextVar("doubts", default=None)
_UUID_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers as they may be stored: the first 40, cut to 1,000 characters, without credentials.

    Those of a proxy, and `Referer`, may hold the URL that was called, with the token in it.
    """
    return {
        name[:100]: MASK
        if any(secret in name for secret in _SECRET_HEADERS)
        else without_tokens(storable(value[:1000]))
        for name, value in list(headers.items())[:40]
    }


def digest_of(payload: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of the payload's canonical JSON: the same in another spacing or order."""
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def text_at(payload: Any, *path: str) -> str:
    """Return the text or number at `path` as trimmed text, at most TEXT letters; "" without one. 0 is a value: "0"."""
    for name in path:
        if not isinstance(payload, Mapping):
            return ""
        payload = payload.get(name)
    if isinstance(payload, bool) or not isinstance(payload, str | int | float):
        return ""
    return str(payload)[:TEXT].strip()


def first_text(payload: Any, paths: Iterable[tuple[str, ...]]) -> str:
    """Return the text at the first of `paths` that has one, "" without one."""
    return next((text for path in paths if (text := text_at(payload, *path))), "")


@contextmanager
def noting_doubts() -> Iterator[list[str]]:
    """Collect what `moment_at` cannot read for certain, for staff, while a payload is translated."""
    doubts: list[str] = []
    token = _doubts.set(doubts)
    try:
        yield doubts
    finally:
        _doubts.reset(token)


def moment_at(payload: Any, paths: Iterable[tuple[str, ...]], *, is_end: bool = False) -> datetime | None:
    """Return the first date that stands at one of `paths`, in UTC, or None.

    With `is_end` a day without a time lasts until its end. What stands there and cannot be read, or could be read in
    two ways, is a doubt (`noting_doubts`).
    """
    doubts = _doubts.get()
    for path in paths:
        text = text_at(payload, *path)
        if not text:
            continue
        try:
            moment = dates.parse(text)
        except dates.InvalidDate as error:
            if doubts is not None:
                doubts.append(reasons.AT_FIELD(field=".".join(path), problem=error))
            continue
        if not moment.is_plain and doubts is not None:
            doubts.append(READ_AS(field=".".join(path), text=text, day=f"{moment.value:%Y-%m-%d}"))
        return moment.end if is_end else moment.utc
    return None


def read_moment(text: str) -> datetime | None:
    """Return the moment that a text names, in UTC (`core.dates`); None where it names none."""
    try:
        return dates.parse(text).utc if text else None
    except dates.InvalidDate:
        return None


def read_day(text: str) -> date | None:
    """Return the day of a date or time as it is written, or of Unix seconds in UTC; None for anything else.

    22:00 on 31 March in Bogotá is 31 March for the sender, and for a certificate.
    """
    try:
        return dates.parse(text).value.date() if text else None
    except dates.InvalidDate:
        return None


def moment_of_uuid(text: str) -> datetime | None:
    """Return when a version 1 UUID was made, which some senders use as an id; None for any other text."""
    try:
        identifier = UUID(text[:100])
        if identifier.version != 1:
            return None
        ticks = identifier.time  # of 100 ns since 1582
        return datetime.fromtimestamp(_UUID_EPOCH.timestamp() + ticks / 1e7, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
