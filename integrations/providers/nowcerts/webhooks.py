"""NowCerts' words → our events.

The vendor documents no webhook. Three dialects reach the one endpoint and are told apart by what stands in them:

- the two-way sync's own: {"event_type": "INSURED_INSERT", "timestamp", "data": {…}}
- notice: {"EventType", "InsuredDatabaseId", "PolicyDatabaseId"}; it says nothing of the record, which is read
- Zapier's subscription: the record alone, in snake_case, without the name of an event
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from integrations.contracts.events import ContactGone, ContactReported, Event, PolicyReported
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook
from integrations.providers.nowcerts import fields
from integrations.toolkit.fields import Path, for_report, loose, text_of, value_at, within
from integrations.toolkit.reading import read_moment
from integrations.toolkit.replies import digest_id

SOURCE = "nowcerts"
PEOPLE = ("INSURED_INSERT", "INSURED_UPDATE", "PROSPECT_INSERT", "PROSPECT_UPDATE")
POLICIES = ("POLICY_INSERT", "POLICY_UPDATE", "QUOTE_INSERT", "QUOTE_UPDATE")
DELETIONS = ("INSURED_DELETE", "PROSPECT_DELETE")
HANDLED = {*PEOPLE, *POLICIES, *DELETIONS}
IGNORED: Mapping[str, str] = dict.fromkeys(("POLICY_DELETE", "QUOTE_DELETE"), "a deletion there deletes nothing here")
# Where a confirmed policy has the whole record of its insured.
CONFIRMED_INSURED = "confirmedInsured"
_KINDS = ("QUOTE", "POLICY", "PROSPECT", "INSURED")
# The numbers of Zapier's subscriptions.
_NUMBERED = {
    "0": "INSURED_INSERT",
    "1": "POLICY_INSERT",
    "2": "QUOTE_INSERT",
    "3": "PROSPECT_INSERT",
    "4": "POLICY_UPDATE",
    "5": "QUOTE_UPDATE",
    "32": "INSURED_UPDATE",
    "33": "PROSPECT_UPDATE",
}
_VERBS = (
    ("INSERT", re.compile("INSERT|CREATE|ADDED|NEW")),
    ("UPDATE", re.compile("UPDATE|CHANGE|EDIT|MODIF")),
    ("DELETE", re.compile("DELETE|REMOVE")),
)
_TYPE: tuple[Path, ...] = (("event_type",), ("event",))
_INSURED_ID: tuple[Path, ...] = (("insuredDatabaseId",), ("insuredId",), ("insured", "databaseId"), ("insured", "id"))
_OWN_ID: tuple[Path, ...] = (("databaseId",), ("id",))
_POLICY_ID: tuple[Path, ...] = (("policyDatabaseId",), ("quoteDatabaseId",), ("policyOrQuoteId",), *_OWN_ID)
_INSURED_EMAIL: tuple[Path, ...] = (("insuredEmail",), ("insured", "eMail"), ("eMail",))
_CHANGED_AT: tuple[Path, ...] = (("changeDate",),)
_TOLD_AT: tuple[Path, ...] = (("timestamp",), *_CHANGED_AT)
_OF_A_POLICY = {loose(name) for field in fields.POLICY.fields for name in (field.remote, "policyNumber")}
_OF_A_PERSON = {loose(field.remote) for field in fields.INSURED.fields} | {"insureddatabaseid", "databaseid"}


def read(payload: Payload) -> Envelope:
    """The envelope of a payload in any dialect. Raises Unreadable, naming the field, for what is none."""
    event_type, record = _type_of(payload), _record(payload)
    external_id = named = ""
    if event_type in (*PEOPLE, *DELETIONS):
        values = within(_within(payload), lambda: fields.read_insured(record))
        external_id = insured_id(payload)
        named = external_id or values.get("email") or values.get("phone") or ""
        if not named:
            raise Unreadable("email: an e-mail, a phone or an id is expected", at=(*_within(payload), "email"))
    elif event_type in POLICIES:
        values = within(_within(payload), lambda: fields.read_policy(record))
        external_id = policy_id(payload)
        named = external_id or values.get("number", "")
        if not named:
            raise Unreadable("policyNumber: a policy has a number or an id", at=(*_within(payload), "policyNumber"))
    noticed = is_notice(payload, event_type)
    is_dated = _told_at(payload) is not None
    kind = "policy" if event_type in POLICIES else "insured"
    return Envelope(
        event_type=event_type[:100],
        external_id=str(external_id)[:200],
        key=digest_id(SOURCE, payload),
        record=f"{kind}:{str(named).lower()}" if named and not noticed and not is_dated else "",
        is_notice=noticed and not is_dated,
    )


def is_notice(payload: Payload, event_type: str) -> bool:
    """Return whether a payload only names what changed, and says nothing of it."""
    if event_type in (*PEOPLE, *DELETIONS):
        return bool(insured_id(payload)) and not fields.read_insured(_record(payload))
    return event_type in POLICIES and bool(policy_id(payload)) and not fields.read_policy(_record(payload))


def parse(webhook: StoredWebhook) -> list[Event]:
    """The person, or the policy, as it was told, or that the person is gone; nothing for a deletion that names no id.

    Raises Unmatched where nobody is named.
    """
    payload, record = webhook.payload, _record(webhook.payload)
    occurred_at = min(_told_at(payload) or webhook.received_at, webhook.received_at)
    if webhook.event_type in PEOPLE:
        return [insured(record, insured_id(payload), occurred_at=occurred_at, is_whole=False)]
    if webhook.event_type in DELETIONS:
        gone = insured_id(payload)
        return [ContactGone(occurred_at=occurred_at, contact_id=gone)] if gone else []
    told = fields.read_policy(record)
    person = insured_of_policy(payload)
    whole = payload.get(CONFIRMED_INSURED)
    people = (
        [insured(whole, person, occurred_at=occurred_at, is_whole=True)]
        if person and isinstance(whole, Mapping)
        else []
    )
    return [
        *people,
        PolicyReported(
            occurred_at=occurred_at,
            external_id=policy_id(payload),
            email=insured_email(payload),
            identities={"contact": person} if person else {},
            is_quote=is_quote(payload, webhook.event_type),
            currency=fields.CURRENCY,
            **told,
        ),
    ]


def insured(record: Mapping[str, Any], database_id: str, *, occurred_at: datetime, is_whole: bool) -> ContactReported:
    """An insured's record, of the API or of a webhook. Raises Unmatched where it names nobody."""
    values = fields.read_insured(record)
    email = str(values.get("email", ""))
    if not database_id and not email:
        raise Unmatched("the event names no e-mail")
    return ContactReported(
        occurred_at=occurred_at,
        # Without an id the address is the record: what was told of it before must be known, to see what changed.
        identities=({"contact": database_id} if database_id else {"email": email.lower()} if len(email) <= 100 else {}),
        aliases=tuple(address for name in fields.MORE_ADDRESSES if (address := text_of(record, ((name,),)))),
        is_whole=is_whole,
        changed_at=read_moment(text_of(record, _CHANGED_AT)),
        **for_report(values),
    )


def insured_id(payload: Payload) -> str:
    """The id of the insured or prospect that a delivery is about; "" for none."""
    record = _record(payload)
    return text_of(record, (*_INSURED_ID, *_OWN_ID)) or text_of(payload, _INSURED_ID)


def policy_id(payload: Payload) -> str:
    """The id of the policy or quote that a delivery is about; "" for none."""
    return text_of(_record(payload), _POLICY_ID) or text_of(payload, _POLICY_ID[:3])


def as_webhook(kind: str, record: Mapping[str, Any]) -> Payload:
    """The webhook that tells of a record, in the dialect of the two-way sync."""
    types = {"contact": "INSURED_UPDATE", "policy": "POLICY_UPDATE", "quote": "QUOTE_UPDATE"}
    if kind not in types:
        raise Unreadable(f"entity_type: one of {', '.join(types)} is expected from NowCerts", at=("entity_type",))
    return {"event_type": types[kind], "data": dict(record)}


def insured_of_policy(payload: Payload) -> str:
    """The id of the insured whose a policy or quote is; "" for none."""
    return text_of(_record(payload), _INSURED_ID) or text_of(payload, _INSURED_ID)


def insured_email(payload: Payload) -> str:
    """The address of the insured whose a policy or quote is, where the delivery names it; "" for none."""
    return text_of(_record(payload), _INSURED_EMAIL)


def is_quote(payload: Payload, event_type: str) -> bool:
    """Return whether it is only a quote, as the record says, else as the event is called."""
    said = value_at(_record(payload), (("isQuote",),))
    return said if isinstance(said, bool) else event_type.startswith("QUOTE")


def read_policy(payload: Payload) -> dict[str, Any]:
    """Return what a delivery tells of a policy or quote, by our names."""
    return fields.read_policy(_record(payload))


def _told_at(payload: Payload) -> datetime | None:
    return read_moment(text_of(payload, _TOLD_AT)) or read_moment(text_of(_record(payload), _TOLD_AT))


def _record(payload: Payload) -> Mapping[str, Any]:
    """The record within a payload: under "data", else the payload itself."""
    inner = value_at(payload, (("data",),))
    if inner is None:
        return payload
    if not isinstance(inner, Mapping):
        raise Unreadable(f"data: a record is expected, a {type(inner).__name__} came", at=("data",))
    return inner


def _within(payload: Payload) -> tuple[str, ...]:
    return () if _record(payload) is payload else ("data",)


def _type_of(payload: Payload) -> str:
    """INSURED_INSERT, …; the sender's own word where it is none of those that are known."""
    for place in _TYPE:
        given = value_at(payload, (place,))
        if isinstance(given, bool) or not isinstance(given, str | int | None):
            raise Unreadable(f"{place[0]}: the name of an event is expected", at=place)
        if given is not None:
            return _NUMBERED.get(str(given).strip()) or _canonical(str(given).strip())
    names = {loose(str(name)) for name in payload}
    if names & _OF_A_POLICY:
        return "QUOTE_UPDATE" if value_at(payload, (("isQuote",),)) in (True, "true", "True") else "POLICY_UPDATE"
    if names & _OF_A_PERSON:
        return "PROSPECT_UPDATE" if text_of(payload, (("type",),)).lower() in ("1", "prospect") else "INSURED_UPDATE"
    raise Unreadable("event_type: the name of an event is expected", at=("event_type",))


def _canonical(given: str) -> str:
    word = loose(given).upper()
    kind = next((kind for kind in _KINDS if kind in word), "")
    verb = next((verb for verb, pattern in _VERBS if pattern.search(word)), "")
    return f"{kind}_{verb}" if kind and verb else given
