"""Values of payloads: bounded where a parser could be broken, tolerant where dialects differ."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_date, parse_datetime

from core.text import TEXT, storable

_SECRET_HEADERS = ("authorization", "cookie", "token", "signature", "secret", "api-key", "apikey", "password")
_YEARS = range(1970, 2200)  # any other is a mistake or a trick, and dates counted from it may not exist
_LONGEST_MOMENT = 60  # characters
_WORDS_OF_UTC = (" UTC", " GMT")
_UUID_EPOCH = datetime(1582, 10, 15, tzinfo=UTC)


def redacted_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers as they may be stored: the first 40, cut to 1,000 characters, without credentials."""
    return {
        name[:100]: "•••" if any(secret in name for secret in _SECRET_HEADERS) else storable(value[:1000])
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


def moment_at(payload: Any, paths: Iterable[tuple[str, ...]]) -> datetime | None:
    """Return the first of `paths` that holds a date, as an aware datetime (UTC where no zone is given), or None."""
    for path in paths:
        moment = read_moment(text_at(payload, *path))
        if moment is not None:
            return moment
    return None


def read_moment(text: str) -> datetime | None:
    """Return an ISO 8601 date or time, or Unix seconds or milliseconds, as an aware datetime; None for anything else.

    A time may end with the word UTC or GMT, as databases and Ruby write it: "2026-07-01 10:00:00 UTC".
    """
    if not text or len(text) > _LONGEST_MOMENT:
        return None
    if text.endswith(_WORDS_OF_UTC):
        text = f"{text[:-4]}+00:00"
    try:
        if text.replace(".", "", 1).isdigit():
            seconds = float(text)
            return (
                datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, tz=UTC) if seconds > 1e8 else None
            )
        moment = parse_datetime(text)
        if moment is None:
            day = parse_date(text)
            moment = datetime(day.year, day.month, day.day) if day else None  # noqa: DTZ001 (the zone comes below)
        if moment is None:
            return None
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        return moment if moment.year in _YEARS else None
    except (ValueError, OverflowError, OSError):
        return None


def read_day(text: str) -> date | None:
    """Return the day of an ISO date or time as it is written, or of Unix seconds in UTC; None for anything else.

    22:00 on 31 March in Bogotá is 31 March for the sender, and for a certificate.
    """
    moment = read_moment(text)
    if moment is None:
        return None
    written = None if text.replace(".", "", 1).isdigit() else parse_datetime(text)
    return (written or moment).date()


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
