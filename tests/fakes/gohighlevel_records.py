"""GoHighLevel's records: names of fields, written and read forms, and refusals."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

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


def written(body: Record, *, had: Iterable[Record] = ()) -> Record:
    """Merge written {"id", "field_value"} into the read form {"id", "value"}."""
    if "customFields" not in body:
        return body
    values = {one["id"]: one["value"] for one in had} | {one["id"]: one["field_value"] for one in body["customFields"]}
    return body | {"customFields": [{"id": external_id, "value": value} for external_id, value in values.items()]}


def as_indexed(contact: Record) -> Record:
    """Return a contact as the search does: `address` in place of `address1`, the date of birth in milliseconds."""
    indexed = {"address" if name == "address1" else name: value for name, value in contact.items()}
    if born := indexed.get("dateOfBirth"):
        indexed["dateOfBirth"] = int(datetime.fromisoformat(born).replace(tzinfo=UTC).timestamp() * 1000)
    return indexed


def faults_of(body: Record, *, known: frozenset[str]) -> list[str]:
    faults = [f"property {name} should not exist" for name in body if name not in known]
    if body.get("email") is not None and "@" not in body["email"]:
        faults.append("email must be an email")
    if body.get("dateOfBirth") == "":
        faults.append("dateOfBirth must be a date")
    return faults


def unprocessable(*faults: str) -> tuple[int, Any]:
    return 422, {"statusCode": 422, "message": list(faults), "error": "Unprocessable Entity"}


def duplicate(body: Record, known: Record) -> tuple[int, Any]:
    same_email = bool(body.get("email")) and body["email"].lower() == str(known.get("email") or "").lower()
    meta = {"contactId": known["id"], "contactName": "", "matchingField": "email" if same_email else "phone"}
    message = "This location does not allow duplicated contacts."
    return 400, {"statusCode": 400, "message": message, "meta": meta}
