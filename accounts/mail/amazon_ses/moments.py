"""Dates as Amazon writes them."""

from datetime import UTC, datetime
from typing import Any

from django.utils.dateparse import parse_datetime


def moment(text: Any) -> datetime | None:
    """Return the time in "2016-01-27T14:59:38.237Z"; None for anything else, and for a year that cannot be meant."""
    if not isinstance(text, str) or len(text) > 40:
        return None
    try:
        found = parse_datetime(text)
    except ValueError:  # the 31st of February
        return None
    if found is None or not 2000 <= found.year <= 9000:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
