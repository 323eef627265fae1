"""Parsing of Chatwoot's webhooks into our events.

Accounts come in three shapes, distinguished by their keys:

- installation event: {"event", "id", "name", "users": […]}
- with the account inside: {"event", "account": {"id", "name"}, …}
- wrapped: {"event", "data" or "payload": {one of the two above}}

Account webhooks about contacts are flat, with {"account": {"id", "name"}} beside the contact's own values.
"""

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from core.phrases import QUOTED, Phrase
from integrations.contracts.events import CompanyClosed, CompanyReported, Event
from integrations.contracts.exceptions import Unreadable
from integrations.contracts.reply import Accepted, Reply, unreadable
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook
from integrations.providers.chatwoot import contacts
from integrations.toolkit.reading import digest_of, first_text, moment_at, text_at

_NO_EVENT = Phrase('no event: expected "event" with a text')
_NO_ACCOUNT = Phrase('no event: expected "event": "account_created" with the account\'s "id" and "name"')
_NO_NUMBER = Phrase('{type}: the account\'s "id" should be a number, not {id}', id=QUOTED)

PATH = "api/chatwoot/webhooks"
INSTALLATION = "installation"  # the endpoint that accounts are posted to
CREATED = "account_created"
REPORTED = frozenset({CREATED, "account_updated"})
CLOSED = frozenset({"account_deleted", "account_destroyed"})
ABOUT_ACCOUNTS = REPORTED | CLOSED
ABOUT_CONTACTS = frozenset({"contact_created", "contact_updated"})
HANDLED = ABOUT_ACCOUNTS | ABOUT_CONTACTS
_CONVERSATIONS = Phrase("conversations stay in Chatwoot")()
IGNORED: Mapping[str, str] = {
    "conversation_created": _CONVERSATIONS,
    "conversation_updated": _CONVERSATIONS,
    "conversation_status_changed": _CONVERSATIONS,
    "conversation_typing_on": _CONVERSATIONS,
    "conversation_typing_off": _CONVERSATIONS,
    "message_created": _CONVERSATIONS,
    "message_updated": _CONVERSATIONS,
    "webwidget_triggered": _CONVERSATIONS,
    "inbox_created": _CONVERSATIONS,
    "inbox_updated": _CONVERSATIONS,
}
_TYPE_AT = (("event",), ("event_type",), ("type",))
_WRAPPERS = ("data", "payload")
# (does the company exist, did this delivery create it) → message and `created` of the reply
_OUTCOMES: Mapping[tuple[bool, bool], tuple[str, bool | str]] = {
    (True, True): ("Company created and services initialized", True),
    (True, False): ("Company known already", False),
    (False, False): ("Kept; the company is made in a moment", "pending"),
}
_TIME_AT = (("updated_at",), ("timestamp",), ("occurred_at",))


def read(payload: Payload) -> Envelope:
    """Return the envelope of a payload in any shape. Raises Unreadable where it names no event, or no account."""
    event_type = first_text(payload, _TYPE_AT).replace(".", "_")
    if not event_type:
        raise Unreadable(_NO_EVENT())
    return _envelope(payload, event_type)


def read_installation(payload: Payload) -> Envelope:
    """Return the envelope as `read` does; a payload with an account and no event is that of a new account."""
    event_type = first_text(payload, _TYPE_AT).replace(".", "_")
    if not event_type and not account_id_in(payload):
        raise Unreadable(_NO_ACCOUNT())
    return _envelope(payload, event_type or CREATED)


def _envelope(payload: Payload, event_type: str) -> Envelope:
    external_id = account_id_in(payload)
    if event_type in ABOUT_ACCOUNTS:
        if not _is_account_id(external_id):
            raise Unreadable(_NO_NUMBER(type=event_type, id=external_id[:50]))
    else:
        external_id = text_at(unwrapped(payload), "id")
    # Neither a time nor an id of its own: a delivery is its whole content.
    key = f"{event_type}:{external_id}:{digest_of(payload)[:32]}"
    return Envelope(event_type=event_type[:100], external_id=external_id[:200], key=key)


def parse(webhook: StoredWebhook) -> list[Event]:
    """Return the events of a stored webhook, the company first."""
    body = unwrapped(webhook.payload)
    occurred_at = _occurred_at(webhook)
    if webhook.event_type in CLOSED:
        return [CompanyClosed(occurred_at=occurred_at, account_id=webhook.external_id)]
    if webhook.event_type in REPORTED:
        return [
            CompanyReported(
                occurred_at=occurred_at,
                account_id=webhook.external_id,
                name=name_in(webhook.payload),
                administrators=_administrators(webhook.payload),
            )
        ]
    account_id = text_at(body, "account", "id") or text_at(webhook.payload, "account", "id")
    contact = contacts.contact(body, account_id=account_id, occurred_at=occurred_at)
    if not _is_account_id(account_id):
        return [contact]
    # The account's own webhook, which Chatwoot sends once, may have been lost: a contact reports its company too.
    name = text_at(body, "account", "name") or text_at(webhook.payload, "account", "name")
    return [CompanyReported(occurred_at=webhook.received_at, account_id=account_id, name=name), contact]


def reply(accepted: Accepted) -> Reply:
    """Return the answer of the sender's documents. `created` is "pending" where a worker creates the company."""
    if accepted.unreadable:
        return unreadable(accepted)
    data: dict[str, Any] = {"message": "Kept", "created": False}
    if accepted.event_type in ABOUT_ACCOUNTS:
        message, created = _OUTCOMES[accepted.company_exists, accepted.is_new]
        names = {"company_id": "", "company_name": name_in(accepted.payload), **accepted.company}
        data = {**names, "message": message, "created": created}
    return Reply(status=HTTPStatus.OK, content={"success": True, "data": data})


def unwrapped(payload: Payload) -> Payload:
    """Return the payload that a relay wrapped, or the payload itself."""
    return next((inner for name in _WRAPPERS if isinstance(inner := payload.get(name), Mapping)), payload)


def account_id_in(payload: Payload) -> str:
    """Return the account's id in an event about an account, "" for none."""
    body = unwrapped(payload)
    places = (("account", "id"), ("account_id",), ("id",))
    return first_text(body, places) or first_text(payload, places[:2])


def name_in(payload: Payload) -> str:
    """Return the account's name, "" for none."""
    body = unwrapped(payload)
    places = (("account", "name"), ("account_name",), ("name",))
    return first_text(body, places) or first_text(payload, places[:2])


def _administrators(payload: Payload) -> tuple[dict[str, str], ...] | None:
    """Return the administrators, None where the list is missing: an empty one means that there are none."""
    body = unwrapped(payload)
    account = body.get("account")
    for holder in (body, account, payload):
        users = holder.get("users") if isinstance(holder, Mapping) else None
        if isinstance(users, list):
            return tuple(
                {name: text_at(user, name) for name in ("id", "name", "email")}
                for user in users
                if isinstance(user, Mapping)
            )
    return None


def _occurred_at(webhook: StoredWebhook) -> datetime:
    """Return the time that a webhook states, unless it lies in the future; else the time of its receipt."""
    body = unwrapped(webhook.payload)
    stated = None if webhook.event_type == CREATED else moment_at(body, _TIME_AT)
    return stated if stated is not None and stated <= webhook.received_at else webhook.received_at


def _is_account_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and not text.startswith("0")
