"""Names of our contact's values at GoHighLevel, declared once for both ways.

Sources: the vendor's contacts.json and ContactUpdate.json; the names that workflows send differ in their spelling only.
Custom fields have an id at GoHighLevel: ours is `ghl:<id>`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy

from core import word_lists
from core.field_names import custom
from core.text import Parsed
from integrations.contracts.mirror import TAGS
from integrations.toolkit.fields import (
    EACH,
    Field,
    FieldMap,
    ParsedRecord,
    as_day,
    parse_birthday,
    parse_emails,
    parse_phones,
    text_of,
)


def day_of(value: Any) -> str:
    """Return the day of a date as the API writes it.

    That is a text; in `POST /contacts/search` and some custom fields it is milliseconds since 1970.
    """
    if isinstance(value, int | float) and abs(value) < 1e13:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=value)).date().isoformat()
    return as_day(value)


def _parse_birthday(value: Any) -> Parsed:
    return parse_birthday(day_of(value))


FIELDS = FieldMap(
    (
        Field(
            "email",
            "email",
            parse=parse_emails,
            further=(("additionalEmails", EACH, "email"), ("additionalEmails", EACH)),
        ),
        Field("first_name", "firstName"),
        Field("last_name", "lastName"),
        Field(
            "phone",
            "phone",
            parse=parse_phones,
            further=(("additionalPhones", EACH, "phone"), ("additionalPhones", EACH)),
        ),
        Field("address_line_1", "address1", alternatives=(("address",),)),  # the search's name for it
        Field("city", "city"),
        Field("state", "state"),
        Field("postal_code", "postalCode"),
        Field("country", "country"),
        Field(custom("company"), "companyName"),
        Field(custom("website"), "website"),
        Field(custom("date_of_birth"), "dateOfBirth", parse=_parse_birthday),
        Field(custom("source"), "source", alternatives=(("contactSource",),)),
    )
)
OWN_PREFIX = "ghl:"
_OWN = custom(OWN_PREFIX)
OWN_TAGS = f"{_OWN}{TAGS}"
# An empty value is sent as null, since "" is no valid e-mail or date; but contacts.json lets these two be texts only.
_EMPTY_AS_TEXT = frozenset({"postalCode", "country"})
_OWNER, _DND = "assignedTo", "dnd"
# What rules may name beside the location's custom fields: name → label.
RULED = {
    _OWNER: gettext_lazy("Owner (ID of the user)"),
    _DND: gettext_lazy("Do not disturb"),
    TAGS: gettext_lazy("Tags"),
}
_WHOLE_NAME = (("name",), ("fullName",), ("contactName",))


def parse(record: Mapping[str, Any], *, is_whole: bool = False) -> ParsedRecord:
    """Return the values that a contact's record, of the API or of a webhook, has; what cannot be used is left out."""
    parsed = FIELDS.parse(record, is_whole=is_whole)
    values = parsed.values
    if not values.get("first_name") and not values.get("last_name") and (name := text_of(record, _WHOLE_NAME)):
        first, _space, last = name.partition(" ")
        values |= {"first_name": first, "last_name": last.strip()}
    own = record.get("customFields")
    for field in own if isinstance(own, list) else []:
        if external_id := text_of(field, (("id",),)):
            values[f"{_OWN}{external_id}"] = field.get("value", field.get("fieldValue", field.get("field_value")))
    return parsed


def read(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return our name → value, as `parse` does."""
    return parse(record).values


def settings_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return the owner and the do-not-disturb setting of a contact that states them, as custom fields of its own.

    NowCerts has no such columns, so a rule for a field says where they go. Do-not-disturb is "true", "" or, where only
    some channels are off, their names.
    """
    found = {}
    if "assignedTo" in record:
        found[f"{OWN_PREFIX}{_OWNER}"] = text_of(record, ((_OWNER,),))
    channels = record.get("dndSettings")
    off = sorted(
        str(name)
        for name, setting in (channels.items() if isinstance(channels, Mapping) else ())
        if isinstance(setting, Mapping) and setting.get("status") in ("active", "permanent")
    )
    if isinstance(record.get(_DND), bool):
        found[f"{OWN_PREFIX}{_DND}"] = "true" if record[_DND] else ", ".join(off)
    return found


def parse_tags(tags: Any) -> str:
    """Return tags, a list or a text, as the one text that a rule for a field connects; our own mark is none of them."""
    return word_lists.join(word_lists.parse(tags) - word_lists.parse([settings.GHL_DELETED_TAG]))


def write(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the vendor's record of those values that it knows, as a create or an update takes it; "" empties.

    Its `tags` are for a create alone: in an update they would replace all that the contact has.
    """
    own: list[dict[str, Any]] = []
    stated: dict[str, Any] = {}
    for name, value in values.items():
        field_id = name.removeprefix(_OWN)
        if field_id == _OWNER:
            stated[_OWNER] = value or None
        elif field_id == _DND:
            stated |= {_DND: value == "true"} if value in ("true", "false", "") else {}
        elif name == OWN_TAGS:
            stated[TAGS] = sorted(word_lists.parse(parse_tags(value)))
        elif name.startswith(_OWN):
            own.append({"id": field_id, "field_value": "" if value is None else value})
    columns = {name: text or (text if name in _EMPTY_AS_TEXT else None) for name, text in FIELDS.write(values).items()}
    return {**columns, **stated, **({"customFields": own} if own else {})}
