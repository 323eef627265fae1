"""Find the contact in a payload, and the event, whatever its dialect.

Three dialects reach the one endpoint and are recognised by their envelope:

- marketplace app: {"type": "ContactCreate", "locationId", "id", "webhookId", "timestamp", …flat contact…}, signed
- the two-way sync's own: {"event": "contact.created", "contact": {…}, "locationId"}, what a workflow was set up to send
- the workflow's *Webhook* action as it is: {"contact_id", "first_name", "email", "tags": "a,b", "location": {…},
  "workflow": {…}, "customData": {…}, "contact": {"attributionSource": {…}}, …}, without the name of an event. Its root
  also holds the location's custom fields under their labels, which may be any ("type", "Website"), and in workflows
  about something else the `id` of that. `customData` is what its user added.

Where the id of a contact is named, nothing else of a payload has to be understood: the contact can be asked for.
"""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from core.phrases import Phrase
from core.text import LINE
from integrations.contracts import reasons
from integrations.contracts.exceptions import Unreadable
from integrations.contracts.webhook import Payload
from integrations.providers.gohighlevel import fields
from integrations.toolkit.fields import Path, text_of
from integrations.toolkit.reading import text_at

_NO_EVENT = Phrase('event: the name of an event is expected under "event" or "type"')

UPDATED = "contact.updated"
_NAMES = ("event", "type")  # of events, at the root and in `customData`
_OF_A_WORKFLOW = ("location", "workflow", "customData", "triggerData")
_CUSTOM_DATA = "customData"
# A custom field's label may be any text; the action's own names are written so.
_OWN_NAME = re.compile(r"[a-z][A-Za-z0-9_]*")
_OF_THE_SUBJECT = frozenset({"id", "source", "name"})  # what the workflow is about, which need not be the contact


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A payload as it is understood: the name of its event, the id of its contact ("" for none), and its record.

    `record` is empty where the payload is about something else that names a contact. `inside` is the path to it.
    `is_app`: GoHighLevel itself wrote it, for a marketplace app.
    """

    event_type: str
    contact_id: str
    record: Mapping[str, Any]
    inside: Path = ()
    is_app: bool = False
    is_workflow: bool = False


def understand(payload: Payload, *, known: Container[str], can_be_asked: bool) -> Delivery:
    """Return a payload as it is understood. Raises Unreadable, naming the field, for what names neither event nor id.

    An event that is not `known` stands for a changed contact where the payload names one: in a workflow's body, since
    the name is a custom field's, and where the API can be asked (`can_be_asked`).
    """
    is_workflow, named = _is_workflow(payload), _event_named(payload, known)
    record, inside = _record_in(payload, named, is_workflow=is_workflow)
    is_about_contact = bool(inside) or is_workflow or named.lower().startswith("contact")
    contact_id = text_of(record, (("contactId",), ("id",))) if inside and not is_workflow else ""
    contact_id = contact_id or text_of(_own_names(payload), (("contactId",),))
    contact_id = contact_id or text_of(payload, (("contactId",), (_CUSTOM_DATA, "contactId")))
    if not contact_id and (is_about_contact or (not named and _names_somebody(record))):
        contact_id = text_of(record, (("id",),))
    event_type = named
    if named not in known and contact_id and (can_be_asked or is_workflow or not named):
        event_type = UPDATED
    elif not named:
        _refuse(payload)
    elif text_at(payload, "event") in known and not contact_id and record is payload and not _has_values(payload):
        _expect_contact(payload, named)
    return Delivery(
        event_type=event_type,
        contact_id=contact_id,
        record=record if is_about_contact or not named else {},
        inside=inside,
        is_app=not is_workflow and not inside and "event" not in payload and bool(text_at(payload, "type")),
        is_workflow=is_workflow,
    )


def record_in(payload: Payload) -> Mapping[str, Any]:
    """Return the object in a payload that holds the contact's values."""
    return _record_in(payload, "", is_workflow=False)[0]


def _is_workflow(payload: Payload) -> bool:
    """Return whether a workflow's *Webhook* action wrote it; an app's body has the location's id at its root."""
    marks = any(isinstance(payload.get(name), Mapping | list) for name in _OF_A_WORKFLOW)
    return marks and bool(text_at(payload, "contact_id")) and not text_at(payload, "locationId")


def _event_named(payload: Payload, known: Container[str]) -> str:
    """Return the first known event that the payload names, else the first name that is a text, else ""."""
    holders = (payload, payload.get(_CUSTOM_DATA))
    values = [holder[name] for holder in holders if isinstance(holder, Mapping) for name in _NAMES if name in holder]
    names = [text for value in values if isinstance(value, str) and (text := value[:LINE].strip())]
    return next((name for name in names if name in known), names[0] if names else "")


def _record_in(payload: Payload, named: str, *, is_workflow: bool) -> tuple[Mapping[str, Any], Path]:
    """Return the contact's values and the path to them: under "contact", else the payload itself."""
    inner = payload.get("contact")
    if isinstance(inner, Mapping) and (_has_values(inner) or text_of(inner, (("contactId",), ("id",)))):
        return inner, ("contact",)
    if is_workflow:
        own = _own_names(payload)
        return {name: value for name, value in own.items() if name not in _OF_THE_SUBJECT}, ()
    if isinstance(inner, Mapping) and named and not _has_values(payload) and not text_of(payload, (("contactId",),)):
        return inner, ("contact",)
    return payload, ()


def _own_names(payload: Payload) -> dict[str, Any]:
    return {name: value for name, value in payload.items() if _OWN_NAME.fullmatch(name[:60])}


def _has_values(record: Mapping[str, Any]) -> bool:
    """Return whether a record holds something of a contact, be it of a strange type."""
    parsed = fields.parse(record)
    return bool(parsed.values or parsed.left_out)


def _names_somebody(record: Mapping[str, Any]) -> bool:
    values = fields.read(record)
    return bool(values.get("email") or values.get("phone"))


def _expect_contact(payload: Payload, named: str) -> None:
    """Raise Unreadable for the sync's own event that should have a contact."""
    if named != "contact.deleted":
        inner = payload.get("contact")
        expected, came = {"field": "contact"}, type(inner).__name__
        text = reasons.A_RECORD(**expected) if inner is None else reasons.A_RECORD_BUT(**expected, type=came)
        raise Unreadable(text, at=("contact",))


def _refuse(payload: Payload) -> None:
    for name in _NAMES:
        if name in payload and not isinstance(payload[name], str):
            raise Unreadable(reasons.EVENT_NAME(field=name), at=(name,))
    raise Unreadable(_NO_EVENT(), at=("event",))
