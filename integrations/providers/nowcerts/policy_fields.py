"""Values of a policy that NowCerts and its relays write in many shapes: its lines of business, and its status."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from core.days import today
from core.text import is_placeholder, one_line
from integrations.toolkit.fields import Path, as_day, text_of, value_at

_LONGEST = 150  # letters of all lines together, as they are stored
_STATUS = 60
_DEEPEST = 3  # levels of lists and records within each other
_SEPARATORS = re.compile(r"[,;|]")
_BETWEEN_WORDS = re.compile(r"[-.\s]")
_SAYS_MORE = re.compile("cancel|renew|rewrit|reinstat", re.IGNORECASE)  # than a date of cancellation does
# The list PolicyDetailList() gives a list of records, the API's writes and relays a text under several names.
_LINES: tuple[Path, ...] = (
    ("lineOfBusinessName",),
    ("lineOfBusinessNames",),
    ("lineOfBusinesses",),
    ("linesOfBusiness",),
    ("lineOfBusiness",),
)
_ONLY_ELSE: tuple[Path, ...] = (("policyType",), ("lob",))  # elsewhere these say other things, too
_NAMES: tuple[Path, ...] = (*_LINES, ("name",), ("title",), ("description",), ("text",), ("value",))
_STATUSES: tuple[Path, ...] = (("status",), ("policyStatus",), ("quoteStatus",), ("statusName",))
_CANCELED_ON: tuple[Path, ...] = (("cancellationDate",), ("canceledDate",), ("cancelledDate",))
_REINSTATED_ON: tuple[Path, ...] = (("reinstatementDate",), ("reinstatedDate",))
CANCELED = "Canceled"
# What the name of an event says, in the order in which it is asked: NON_RENEWED is no renewal.
_IN_EVENT_NAMES = (
    ("", re.compile("PENDING|NOTICE|REQUEST|REVOKE|RESCIND")),
    ("Non-Renewed", re.compile("NON_?RENEW|NOT_?RENEW")),
    ("Reinstated", re.compile("REINSTAT")),
    (CANCELED, re.compile("CANCEL")),
    ("Declined", re.compile("DECLINE|REJECT")),
    ("Lost", re.compile("LOST")),
    ("Expired", re.compile("EXPIRE")),
    ("Renewed", re.compile("RENEW")),
    ("Bound", re.compile("BOUND|BIND")),
)
STATUS_WORDS = "STATUS|RENEW|REINSTAT|CANCEL|DECLINE|REJECT|LOST|EXPIRE|BOUND|BIND"


def lines_of_business(record: Mapping[str, Any]) -> str:
    """Return the names of a policy's lines of business, each once, with commas between; "" where it has none."""
    named: dict[str, str] = {}
    for paths in (_LINES, _ONLY_ELSE):
        for path in paths:
            for name in _names_in(value_at(record, (path,))):
                named.setdefault(name.casefold(), name)
        if named:
            break
    lines = ""
    for name in named.values():
        longer = f"{lines}, {name}" if lines else name
        if len(longer) > _LONGEST:
            break
        lines = longer
    return lines


def _names_in(value: Any, depth: int = 0) -> list[str]:
    """Return the names in a text with commas, a record, or a list of either."""
    if depth > _DEEPEST:
        return []
    if isinstance(value, str):
        parts = (one_line(part, _LONGEST) for part in _SEPARATORS.split(value[: _LONGEST * 10]))
        return [part for part in parts if part and not is_placeholder(part)]
    if isinstance(value, Mapping):
        return _names_in(value_at(value, _NAMES), depth + 1)
    if isinstance(value, list):
        return [name for one in value[:50] for name in _names_in(one, depth + 1)]
    return []


def status_of(record: Mapping[str, Any]) -> str:
    """Return the status of a policy or quote in the provider's own word; "" where the record has none.

    A cancellation that is due counts as one, unless the policy was reinstated after it; one to come does not yet.
    """
    value = value_at(record, _STATUSES)
    if isinstance(value, Mapping):
        value = value_at(value, (("name",), ("status",), ("text",), ("value",)))
    stated = one_line(value, _STATUS) if isinstance(value, str) and not is_placeholder(value) else ""
    canceled_on, reinstated_on = _day(record, _CANCELED_ON), _day(record, _REINSTATED_ON)
    is_over = canceled_on is not None and canceled_on <= today()
    is_back = canceled_on is not None and reinstated_on is not None and reinstated_on >= canceled_on
    if is_over and not is_back and not _SAYS_MORE.search(stated):
        return CANCELED
    return stated


def status_in_name(event_name: str) -> str:
    """Return the status that the name of an event says (POLICY_CANCELED, PolicyRenewed); "" for none."""
    name = _BETWEEN_WORDS.sub("_", event_name[:100]).upper()
    return next((status for status, pattern in _IN_EVENT_NAMES if pattern.search(name)), "")


def _day(record: Mapping[str, Any], paths: tuple[Path, ...]) -> date | None:
    try:
        return date.fromisoformat(as_day(text_of(record, paths)))
    except ValueError:
        return None
