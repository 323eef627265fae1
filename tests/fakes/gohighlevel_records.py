"""GoHighLevel's records: names of fields, written, read and listed forms, searches, and refusals."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import phonenumbers

Record = dict[str, Any]
# What the API takes, as integrators measured it; any other name is refused with 422.
OF_A_CONTACT = frozenset(
    [
        *("address1", "assignedTo", "city", "companyName", "country", "customFields", "dateOfBirth", "dnd", "email"),
        *("dndSettings", "firstName", "inboundDndSettings", "keyword", "lastName", "name", "phone", "postalCode"),
        *("source", "ssn", "state", "tags", "timezone", "type", "website"),
    ]
)
OF_A_NEW_CONTACT = OF_A_CONTACT | {"locationId", "gender"}
OF_AN_OPPORTUNITY = frozenset(
    ["pipelineId", "name", "pipelineStageId", "status", "monetaryValue", "assignedTo", "customFields"]
)
OF_A_NEW_OPPORTUNITY = OF_AN_OPPORTUNITY | {"locationId", "contactId"}


_CHANNELS = frozenset({"Call", "Email", "SMS", "WhatsApp", "GMB", "FB"})
_STATUSES = frozenset({"active", "inactive", "permanent"})


def written(body: Record, *, had: Record | None = None) -> Record:
    """Return what a create or an update stores: {"id", "field_value"} as {"id", "value"}, phones in E.164, tags in
    small letters, channels of do-not-disturb merged into those that there `had` been.
    """
    stored, before = dict(body), had or {}
    if body.get("phone"):
        stored["phone"] = e164(body["phone"])
    if "tags" in body:
        stored["tags"] = list(dict.fromkeys(tag.strip().lower() for tag in body["tags"] or ()))
    if "dndSettings" in body:
        stored["dndSettings"] = {**(before.get("dndSettings") or {}), **body["dndSettings"]}
    if "customFields" in body:
        values = {one["id"]: one["value"] for one in before.get("customFields") or []}
        values |= {one["id"]: one["field_value"] for one in body["customFields"]}
        stored["customFields"] = [{"id": external_id, "value": value} for external_id, value in values.items()]
    return stored


def e164(phone: str) -> str:
    """Return a number as the API stores it; one that is none as it is."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(phone, "US"), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return phone


def emails_of(contact: Record) -> list[str]:
    """Return a contact's address and its additional ones, in small letters."""
    more = [one["email"] for one in contact.get("additionalEmails") or []]
    return [email.lower() for email in [contact.get("email"), *more] if email]


def phones_of(contact: Record) -> list[str]:
    more = [one["phone"] for one in contact.get("additionalPhones") or []]
    return [phone for phone in [contact.get("phone"), *more] if phone]


def as_indexed(contact: Record, *, names: str = "") -> Record:
    """Return a contact as the search does: `address` in place of `address1`, the date of birth in milliseconds.

    `names`: "lower", the names are in small letters; "renamed", so they are, under names that end in LowerCase.
    """
    indexed = {"address" if name == "address1" else name: value for name, value in contact.items()}
    if born := indexed.get("dateOfBirth"):
        indexed["dateOfBirth"] = int(datetime.fromisoformat(born).replace(tzinfo=UTC).timestamp() * 1000)
    for name in ("firstName", "lastName") if names else ():
        value = indexed.pop(name, None)
        indexed[f"{name}LowerCase" if names == "renamed" else name] = value and value.lower()
    if names:
        indexed["contactName"] = f"{contact.get('firstName') or ''} {contact.get('lastName') or ''}".strip().lower()
    return indexed


def filtered(filters: Sequence[Record]) -> Callable[[Record], bool]:
    """Return the condition that a search's `filters` state together; one with a `group` (AND, OR) has filters within.

    Raises KeyError for an operator that is none.
    """

    def holds(contact: Record, wanted: Record) -> bool:
        if "group" in wanted:
            every = all if wanted["group"] == "AND" else any
            return every(holds(contact, one) for one in wanted["filters"])
        has, value = contact.get(wanted["field"]), wanted.get("value")
        match wanted["operator"]:
            case "range":
                moment = datetime.fromisoformat(str(has))
                return ("gte" not in value or moment >= datetime.fromisoformat(value["gte"])) and (
                    "lte" not in value or moment <= datetime.fromisoformat(value["lte"])
                )
            case "eq":
                wanted_values = value if isinstance(value, list) else [value]
                return str(has or "").lower() in [str(one).lower() for one in wanted_values]
            case "contains":
                return str(value).lower() in str(has or "").lower()
            case "exists":
                return bool(has)
            case "not_exists":
                return not has
        raise KeyError(wanted["operator"])

    return lambda contact: all(holds(contact, one) for one in filters)


def tag_faults(body: Record) -> list[str]:
    """Return what is wrong with tags that are to be added or taken away."""
    tags = body.get("tags")
    is_list = isinstance(tags, list) and tags and all(isinstance(tag, str) and tag.strip() for tag in tags)
    return [] if is_list else ["tags must be an array of texts"]


def faults_of(body: Record, *, known: frozenset[str]) -> list[str]:
    faults = [f"property {name} should not exist" for name in body if name not in known]
    if body.get("email") is not None and "@" not in body["email"]:
        faults.append("email must be an email")
    if body.get("dateOfBirth") == "":
        faults.append("dateOfBirth must be a date")
    for channel, setting in (body.get("dndSettings") or {}).items():
        if channel not in _CHANNELS or setting.get("status") not in _STATUSES:
            faults.append(f"dndSettings.{channel} is not valid")
    return faults


def unprocessable(*faults: str) -> tuple[int, Any]:
    return 422, {"statusCode": 422, "message": list(faults), "error": "Unprocessable Entity"}


def duplicate(known: Record, *, by: str) -> tuple[int, Any]:
    """Return the refusal of what another contact has already; `by`: email or phone."""
    name = f"{known.get('firstName') or ''} {known.get('lastName') or ''}".strip()
    meta = {"contactId": known["id"], "contactName": name, "matchingField": by}
    message = "This location does not allow duplicated contacts."
    return 400, {"statusCode": 400, "message": message, "meta": meta}
