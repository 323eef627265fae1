"""Names of our contact's values at GoHighLevel, declared once for both ways.

Sources: the vendor's contacts.json and ContactUpdate.json; the names that workflows send differ in their spelling only.
Custom fields have an id at GoHighLevel: ours is `ghl:<id>`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.field_names import custom
from integrations.toolkit.fields import Field, FieldMap, as_day, as_phone, text_of


def day_of(value: Any) -> str:
    """Return the day of a date as the API writes it.

    That is a text; in `POST /contacts/search` and some custom fields it is milliseconds since 1970.
    """
    if isinstance(value, int | float) and abs(value) < 1e13:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)).date().isoformat()
    return as_day(value)


FIELDS = FieldMap(
    (
        Field("email", "email"),
        Field("first_name", "firstName"),
        Field("last_name", "lastName"),
        Field("phone", "phone", read=as_phone),
        Field("address_line_1", "address1", alternatives=(("address",),)),  # the search's name for it
        Field("city", "city"),
        Field("state", "state"),
        Field("postal_code", "postalCode"),
        Field("country", "country"),
        Field(custom("company"), "companyName"),
        Field(custom("website"), "website"),
        Field(custom("date_of_birth"), "dateOfBirth", read=day_of),
        Field(custom("source"), "source", alternatives=(("contactSource",),)),
    )
)
OWN_PREFIX = "ghl:"
_OWN = custom(OWN_PREFIX)
# An empty value is sent as null, since "" is no valid e-mail or date; but contacts.json lets these two be texts only.
_EMPTY_AS_TEXT = frozenset({"postalCode", "country"})
_WHOLE_NAME = (("name",), ("fullName",), ("contactName",))


def read(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return our name → value for each field that a contact's record, of the API or of a webhook, has.

    Raises Unreadable, naming the place, where something else than a text, a number or nothing stands.
    """
    values: dict[str, Any] = dict(FIELDS.read(record))
    if not values.get("first_name") and not values.get("last_name") and (name := text_of(record, _WHOLE_NAME)):
        first, _space, last = name.partition(" ")
        values |= {"first_name": first, "last_name": last.strip()}
    own = record.get("customFields")
    for field in own if isinstance(own, list) else []:
        if external_id := text_of(field, (("id",),)):
            values[f"{_OWN}{external_id}"] = field.get("value", field.get("fieldValue", field.get("field_value")))
    return values


def write(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the vendor's record of those values that it knows, as a create or an update takes it; "" empties."""
    own = [
        {"id": name.removeprefix(_OWN), "field_value": "" if value is None else value}
        for name, value in values.items()
        if name.startswith(_OWN)
    ]
    columns = {name: text or (text if name in _EMPTY_AS_TEXT else None) for name, text in FIELDS.write(values).items()}
    return {**columns, **({"customFields": own} if own else {})}
