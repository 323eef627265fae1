"""Write the audit log.

`record("contact.merged", request=request, target=contact, before={...}, after={...})`

- A change (`outcome` "done") is written with the caller's transaction: both are there or neither is. Outside of one it
  has happened already (a call to a provider, a sign-in): then a database that is away costs the entry, not the answer.
- A refusal ("failed", "denied") is kept although the request is rolled back: inside a transaction it is put aside, and
  written as soon as that transaction is over, however it ended (at its commit, at the end of the request or of the
  task, or before the next entry).

Personal data: ids say who and what. Values of `before`, `after` and `facts` are bounded, secrets are left out, and
e-mail addresses, names and phone numbers are masked (`j•••@example.com`), so that the log shows that and how they
changed and does not become a second copy of the members' data. What is left can be erased: see AuditEntry.
"""

import json
import logging
import re
import threading
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from celery.signals import task_postrun
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.signals import request_finished
from django.db import DatabaseError, connection, models, transaction
from django.http import HttpRequest
from django.utils.functional import Promise
from rest_framework.exceptions import APIException

from accounts.staff.models.audit_entry import AuditEntry
from config.logs import MASK, SECRET_NAME
from core.web.client_address import client_address

logger = logging.getLogger("audit")
errors = logging.getLogger(__name__)

DONE, FAILED, DENIED = AuditEntry.Outcome.values
MAX_TEXT = 300  # characters of one value
MAX_ITEMS = 40  # of one mapping or list
MAX_DEPTH = 4
MAX_JSON = 4000  # characters of one column
_PERSONAL = re.compile(
    r"(first|last|full|given|family|middle)_?name|e_?mail|phone|mobile|birth|street|postal|address_line"
    r"|(^|_)(city|person)$",
    re.IGNORECASE,
)
_PERSONS_OWN = re.compile(r"name", re.IGNORECASE)  # the name of a plan is no personal data, that of a contact is


class _PutAside(threading.local):
    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []


_put_aside = _PutAside()  # refusals of this thread, until its transaction is over


def record(
    action: str,
    *,
    actor: Any = None,
    request: HttpRequest | None = None,
    target: Any = None,
    before: Any = None,
    after: Any = None,
    outcome: str = "done",
    client: str = "",
    **facts: Any,
) -> None:
    """Add one entry to the audit log, and one line to the log.

    `action` is a dotted code: the subject, then what happened to it ("token.created"). `actor` is a User (default: who
    is signed in on `request`) or the name of a machine ("command"). `target` is a row, a pair (type, id), or a text.
    `client` is the address of who asked, where there is no `request`.
    `before` and `after` are mappings of names to values. Facts of any kind are taken; none of them raises.
    """
    entry = AuditEntry(
        action=_text(action, 60),
        outcome=outcome if outcome in AuditEntry.Outcome.values else FAILED,
        client_address=_client(request) or _text(client, 45),
    )
    if actor is None and request is not None:
        actor = _signed_in(request)
    if isinstance(actor, AbstractBaseUser):
        entry.actor_id = actor.pk
    elif isinstance(actor, str):
        facts = {"by": actor, **facts}
    _set_target(entry, target)
    is_personal = entry.about_user is not None or entry.about_contact is not None
    entry.before, entry.after, entry.facts = (_bounded(value, is_personal) for value in (before, after, facts or None))
    if entry.outcome != DONE and _in_transaction():
        _put_aside.entries.append(entry)
        transaction.on_commit(_write_waiting)
        return
    _write_waiting()
    if _in_transaction():
        entry.save(force_insert=True)
        transaction.on_commit(lambda: _log(entry))
    else:
        _write_alone(entry)


def masked_label(text: str) -> str:
    """Return a text as `record` stores it for a target that is no row."""
    return _text(text, 150)


def _set_target(entry: AuditEntry, target: Any) -> None:
    if isinstance(target, models.Model):
        entry.target_type, entry.target_id = target._meta.label_lower[:60], _text(target.pk, 100)
        kind = target._meta.label_lower
        user = target.pk if kind == "accounts.user" else getattr(target, "user_id", None)
        contact = target.pk if kind == "accounts.contact" else getattr(target, "contact_id", None)
        entry.about_user = user if isinstance(user, int) else None
        entry.about_contact = contact if isinstance(contact, int) else None
    elif isinstance(target, tuple) and len(target) == 2:
        entry.target_type, entry.target_id = _text(target[0], 60), _text(target[1], 100)
    elif target is not None:
        entry.target_label = masked_label(target)


def _signed_in(request: Any) -> Any:
    try:
        user = getattr(request, "user", None)
        return user if getattr(user, "pk", None) is not None else None
    except (DatabaseError, APIException):  # read only now, in a transaction that failed or with a token that is refused
        return None


def _client(request: Any) -> str:
    meta = getattr(request, "META", None)
    return _text(client_address(meta), 45) if isinstance(meta, Mapping) else ""


def _text(value: Any, most: int) -> str:
    """Return a plain value as masked text without what no database column takes; other values by their type's name."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, models.Model):
        value = f"{value._meta.label_lower}:{value.pk}"
    elif isinstance(value, bytes) or not isinstance(
        value, str | int | float | Promise | date | datetime | time | timedelta | Decimal | UUID
    ):
        value = f"<{type(value).__name__}>"
    try:
        text = str(value)
    except (ValueError, TypeError, LookupError):  # an int of 5,000 digits, a translation that lacks its values
        text = f"<{type(value).__name__}>"
    # Cut before as well: masking a huge text takes long.
    return str(settings.LOG_REDACTOR.value("", text[: most * 4].encode("utf-8", "replace").decode()))[:most]


def _bounded(value: Any, is_personal: bool) -> Any:
    """Return `value` as JSON that is never too large, None where there is none."""
    if value is None:
        return None
    made = _json(value, MAX_DEPTH, is_personal)
    length = len(json.dumps(made))
    return made if length <= MAX_JSON else {"left_out": f"{length} characters", "names": _names(made)}


def _names(made: Any) -> list[str]:
    return [name[:60] for name in made] if isinstance(made, dict) else []


def _json(value: Any, depth: int, is_personal: bool, name: str = "") -> Any:
    if SECRET_NAME.search(name):
        return MASK
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 2**63:
        return value
    if isinstance(value, Mapping | list | tuple | set | frozenset | models.QuerySet):
        if depth == 0 or isinstance(value, models.QuerySet):
            return f"<{type(value).__name__}>"
        if isinstance(value, Mapping):
            items = list(value.items())[:MAX_ITEMS]
            return {_text(key, 60): _json(item, depth - 1, is_personal, _text(key, 60)) for key, item in items}
        return [_json(item, depth - 1, is_personal, name) for item in list(value)[:MAX_ITEMS]]
    text = _text(value, MAX_TEXT)
    if name and (_PERSONAL.search(name) or (is_personal and _PERSONS_OWN.search(name))) and "@" not in text:
        return f"{text[:1]}{MASK}" if text else ""
    return text


# Writing --------------------------------------------------------------------------------------------------------------


def _in_transaction() -> bool:
    """Return whether a write now could still be rolled back; the transaction around a TestCase does not count."""
    return any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks)


def forget_waiting() -> None:
    """Drop the refusals of this thread that were put aside."""
    _put_aside.entries.clear()


def _write_waiting(**_signal: Any) -> None:
    """Write the refusals that were put aside, unless a transaction is still open."""
    if not _put_aside.entries or _in_transaction():
        return
    entries, _put_aside.entries = _put_aside.entries, []
    for entry in entries:
        _write_alone(entry)
    if _signal and not connection.in_atomic_block:  # a TestCase's own block lasts longer than a request
        connection.close_if_unusable_or_obsolete()  # a request's end has closed it already: leave none behind


def _write_alone(entry: AuditEntry) -> None:
    """Write an entry about what is over: it was refused, or done where no transaction undoes it.

    A database that is away must not make a failure of it; the line of the log is written all the same.
    """
    try:
        with transaction.atomic():
            entry.save(force_insert=True)
    except DatabaseError as error:
        errors.error("an audit entry could not be stored: %s", error)
    _log(entry)


def _log(entry: AuditEntry) -> None:
    changed = sorted({*_names(entry.before), *_names(entry.after)})
    logger.info(
        "audit",
        extra={
            "action": entry.action,
            "outcome": entry.outcome,
            "actor": entry.actor_id,
            "client": entry.client_address,
            "target": f"{entry.target_type}:{entry.target_id}" if entry.target_type else entry.target_label,
            "changed": ",".join(changed),
            "facts": json.dumps(entry.facts, ensure_ascii=False) if entry.facts else "",
        },
    )


request_finished.connect(_write_waiting, dispatch_uid="accounts.staff.audit")
task_postrun.connect(_write_waiting, weak=False, dispatch_uid="accounts.staff.audit")
