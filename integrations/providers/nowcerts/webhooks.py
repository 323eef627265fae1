"""Read NowCerts' webhooks as our events.

The vendor documents no webhook. Three dialects reach the one endpoint and are recognised by their fields:

- the two-way sync's own: {"event_type": "INSURED_INSERT", "timestamp", "data": {…}}
- notice: {"EventType", "InsuredDatabaseId", "PolicyDatabaseId"}; it has no value of the record, which is read
- Zapier's subscription: the record alone, in snake_case, without the name of an event

Where the API can be asked and an id is named, nothing else has to be understood: another event is a change, and a
strange value is left out.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.phrases import Phrase
from integrations.contracts import reasons
from integrations.contracts.configured import missing
from integrations.contracts.events import ContactGone, ContactReported, Event, PolicyReported
from integrations.contracts.exceptions import Unmatched, Unreadable
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook
from integrations.providers.nowcerts import fields
from integrations.providers.nowcerts.client import API_SETTINGS
from integrations.providers.nowcerts.policy_fields import STATUS_WORDS, status_in_name
from integrations.toolkit.fields import Path, for_report, loose, text_of, value_at, within
from integrations.toolkit.reading import read_moment
from integrations.toolkit.replies import digest_id

_NO_NUMBER = Phrase("policyNumber: a policy has a number or an id")
_ONE_OF = Phrase("entity_type: one of {types} is expected from NowCerts")

SOURCE = "nowcerts"
PEOPLE = ("INSURED_INSERT", "INSURED_UPDATE", "PROSPECT_INSERT", "PROSPECT_UPDATE")
POLICIES = ("POLICY_INSERT", "POLICY_UPDATE", "QUOTE_INSERT", "QUOTE_UPDATE")
DELETIONS = ("INSURED_DELETE", "PROSPECT_DELETE")
HANDLED = {*PEOPLE, *POLICIES, *DELETIONS}
IGNORED: Mapping[str, str] = dict.fromkeys(
    ("POLICY_DELETE", "QUOTE_DELETE"), Phrase("a deletion there deletes nothing here")()
)
_KNOWN = HANDLED | IGNORED.keys()
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
    ("INSERT", re.compile("INSERT|CREATE|ADDED|(?<!RE)NEW")),
    ("UPDATE", re.compile(f"UPDATE|CHANGE|EDIT|MODIF|{STATUS_WORDS}")),
    ("DELETE", re.compile("DELETE|REMOVE")),
)
_TYPE: tuple[Path, ...] = (("event_type",), ("event",))
_INSURED_ID: tuple[Path, ...] = (("insuredDatabaseId",), ("insuredId",), ("insured", "databaseId"), ("insured", "id"))
_OWN_ID: tuple[Path, ...] = (("databaseId",), ("id",))
_POLICY_ID: tuple[Path, ...] = (("policyDatabaseId",), ("quoteDatabaseId",), ("policyOrQuoteId",), *_OWN_ID)
_NAMED_ID: tuple[Path, ...] = (*_INSURED_ID, *_POLICY_ID[:3])  # whose name says whose it is
_INSURED_EMAIL: tuple[Path, ...] = (("insuredEmail",), ("insured", "eMail"), ("eMail",))
_CHANGED_AT: tuple[Path, ...] = (("changeDate",),)
_REPORTED_AT: tuple[Path, ...] = (("timestamp",), *_CHANGED_AT)
_OF_A_POLICY = {loose(name) for field in fields.POLICY.fields for name in (field.remote, "policyNumber")}
_OF_A_POLICY |= {"lineofbusinessname", "lineofbusinesses", "linesofbusiness"}
_OF_A_PERSON = {loose(field.remote) for field in fields.INSURED.fields} | {"insureddatabaseid", "databaseid"}


def read(payload: Payload) -> Envelope:
    """Return the envelope of a payload in any dialect. Raises Unreadable, naming the field, for what is none."""
    event_type, record = _type_of(payload), _record(payload)
    inside = () if record is payload else ("data",)
    external_id = named = ""
    if event_type in (*PEOPLE, *DELETIONS):
        parsed = fields.parse_insured(record)
        values, external_id = parsed.values, insured_id(payload)
        named = external_id or values.get("email") or values.get("phone") or ""
        if not named:
            raise parsed.unidentified("an e-mail, a phone or an id is expected", at=(*inside, "email"))
    elif event_type in POLICIES:
        external_id = policy_id(payload)
        values = within(inside, lambda: _policy_values(payload))
        named = external_id or values.get("number", "")
        if not named:
            raise Unreadable(_NO_NUMBER(), at=(*inside, "policyNumber"))
    notice = is_notice(payload, event_type)
    is_dated = bool(read_moment(text_of(payload, _REPORTED_AT)) or read_moment(text_of(record, _REPORTED_AT)))
    kind = "policy" if event_type in POLICIES else "insured"
    return Envelope(
        event_type=event_type[:100],
        external_id=str(external_id)[:200],
        key=digest_id(SOURCE, payload),
        record=f"{kind}:{str(named).lower()}" if named and not notice and not is_dated else "",
        is_notice=notice and not is_dated,
    )


def is_notice(payload: Payload, event_type: str) -> bool:
    """Return whether a payload has the id of what changed and none of its values."""
    if event_type in (*PEOPLE, *DELETIONS):
        return bool(insured_id(payload)) and not fields.read_insured(_record(payload))
    return event_type in POLICIES and bool(policy_id(payload)) and not _policy_values(payload)


def parse(webhook: StoredWebhook) -> list[Event]:
    """Return the person or the policy as reported, or the person's deletion; nothing for a deletion without an id.

    Raises Unmatched where nobody is named, and for a notice where the API, which has the values, is not configured.
    """
    payload, record = webhook.payload, _record(webhook.payload)
    if webhook.event_type not in DELETIONS and missing(API_SETTINGS) and is_notice(payload, webhook.event_type):
        raise Unmatched(reasons.ONLY_AN_ID(kind="record", provider="NowCerts"))
    reported_at = read_moment(text_of(payload, _REPORTED_AT)) or read_moment(text_of(record, _REPORTED_AT))
    occurred_at = min(reported_at or webhook.received_at, webhook.received_at)
    if webhook.event_type in PEOPLE:
        return [insured(record, insured_id(payload), occurred_at=occurred_at, is_whole=False)]
    if webhook.event_type in DELETIONS:
        deleted_id = insured_id(payload)
        return [ContactGone(occurred_at=occurred_at, contact_id=deleted_id)] if deleted_id else []
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
            **_with_status(payload, fields.read_policy(record)),
        ),
    ]


def insured(record: Mapping[str, Any], database_id: str, *, occurred_at: datetime, is_whole: bool) -> ContactReported:
    """Return an insured's record, of the API or of a webhook, as an event. Raises Unmatched where it names nobody."""
    parsed = fields.parse_insured(record, is_whole=is_whole)
    email = str(parsed.values.get("email", ""))
    if not database_id and not email:
        raise Unmatched(reasons.NO_EMAIL())
    return ContactReported(
        occurred_at=occurred_at,
        # Without an id the address is the record: what was reported of it before must be known, to see what changed.
        identities=({"contact": database_id} if database_id else {"email": email.lower()} if len(email) <= 100 else {}),
        is_whole=is_whole,
        changed_at=read_moment(text_of(record, _CHANGED_AT)),
        **for_report(parsed),
    )


def insured_id(payload: Payload) -> str:
    """Return the id of the insured or prospect that a delivery is about; "" for none."""
    record = _record(payload)
    return text_of(record, (*_INSURED_ID, *_OWN_ID)) or text_of(payload, _INSURED_ID)


def policy_id(payload: Payload) -> str:
    """Return the id of the policy or quote that a delivery is about; "" for none."""
    return text_of(_record(payload), _POLICY_ID) or text_of(payload, _POLICY_ID[:3])


def as_webhook(kind: str, record: Mapping[str, Any]) -> Payload:
    """Return the webhook that reports a record, in the dialect of the two-way sync."""
    types = {"contact": "INSURED_UPDATE", "policy": "POLICY_UPDATE", "quote": "QUOTE_UPDATE"}
    if kind not in types:
        raise Unreadable(_ONE_OF(types=", ".join(types)), at=("entity_type",))
    return {"event_type": types[kind], "data": dict(record)}


def insured_of_policy(payload: Payload) -> str:
    """Return the id of the insured of a policy or quote; "" for none."""
    return text_of(_record(payload), _INSURED_ID) or text_of(payload, _INSURED_ID)


def insured_email(payload: Payload) -> str:
    """Return the address of the insured of a policy or quote; "" where the delivery has none."""
    return text_of(_record(payload), _INSURED_EMAIL)


def is_quote(payload: Payload, event_type: str) -> bool:
    """Return whether it is only a quote, by the record, else by the name of the event."""
    stated = value_at(_record(payload), (("isQuote",),))
    return stated if isinstance(stated, bool) else event_type.startswith("QUOTE")


def read_policy(payload: Payload) -> dict[str, Any]:
    """Return the values of a policy or quote in a delivery, by our names."""
    return fields.read_policy(_record(payload))


def events_of(payload: Payload) -> Sequence[Payload]:
    """Return the events of a body: one for each row, where `data` is a list of them."""
    rows = value_at(payload, (("data",),))
    if not isinstance(rows, list) or not rows:
        return (payload,)
    shared = {name: value for name, value in payload.items() if loose(name) != "data"}
    return [{**shared, "data": row} for row in rows]


def _policy_values(payload: Payload) -> dict[str, Any]:
    """Return a policy's values; none where one is unreadable and the record can be read by its id."""
    try:
        return fields.read_policy(_record(payload))
    except Unreadable:
        if policy_id(payload) and not missing(API_SETTINGS):
            return {}
        raise


def not_held(payload: Payload, policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a delivery, or the name of its event, says of a policy that the policy's record does not hold."""
    kept = fields.not_held(policy, _record(payload))
    status = _with_status(payload, {}).get("status", "")
    return {"status": status, **kept} if status and not fields.read_policy(policy).get("status") else kept


def _with_status(payload: Payload, values: dict[str, Any]) -> dict[str, Any]:
    """Return a policy's values with the status that the event's name says (POLICY_CANCELED), where they have none."""
    named = status_in_name(text_of(payload, _TYPE)) if not values.get("status") else ""
    return {**values, "status": named} if named else values


def _record(payload: Payload) -> Mapping[str, Any]:
    """Return the record within a payload: under "data", else the payload itself."""
    inner = value_at(payload, (("data",),))
    if isinstance(inner, Mapping):
        return inner
    if inner is not None and not text_of(payload, _NAMED_ID):
        raise Unreadable(reasons.A_RECORD_BUT(field="data", type=type(inner).__name__), at=("data",))
    return payload


def _type_of(payload: Payload) -> str:
    """Return INSURED_INSERT, …; the sender's own name where it is none of the known ones and no id stands beside it."""
    given = [(place, value) for place in _TYPE if (value := value_at(payload, (place,))) is not None]
    names = [
        str(value).strip()
        for _place, value in given
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip()
    ]
    if known := next((known for name in names if (known := _known_type(name)) in _KNOWN), ""):
        return known
    record = _record(payload)
    if names and (missing(API_SETTINGS) or not (text_of(record, _NAMED_ID) or text_of(payload, _NAMED_ID))):
        return names[0]
    if text_of(record, _POLICY_ID[:3]) or text_of(payload, _POLICY_ID[:3]):
        return "QUOTE_UPDATE" if _is_quote(record) else "POLICY_UPDATE"
    present = {loose(str(name)) for name in (*record, *payload)}
    if present & _OF_A_POLICY:
        return "QUOTE_UPDATE" if _is_quote(record) else "POLICY_UPDATE"
    if present & _OF_A_PERSON or text_of(record, _INSURED_ID):
        return "PROSPECT_UPDATE" if text_of(record, (("type",),)).lower() in ("1", "prospect") else "INSURED_UPDATE"
    place = given[0][0] if given else ("event_type",)
    raise Unreadable(reasons.EVENT_NAME(field=place[0]), at=place)


def _known_type(name: str) -> str:
    """Return INSURED_INSERT, … for the sender's name of an event, or the name itself."""
    plain = loose(name).upper()
    kind = next((kind for kind in _KINDS if kind in plain), "")
    verb = next((verb for verb, pattern in _VERBS if pattern.search(plain)), "")
    return _NUMBERED.get(name) or (f"{kind}_{verb}" if kind and verb else name)


def _is_quote(record: Mapping[str, Any]) -> bool:
    return value_at(record, (("isQuote",),)) in (True, "true", "True")
