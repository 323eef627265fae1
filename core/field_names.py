"""Names of a person's values where columns and custom fields stand together: one convention for all of the project.

A column goes by its name ("phone"), a custom field by its path in `Contact.custom_fields`: "custom_fields.shoe_size".
Reports, field maps, outgoing writes and the stored history (`ContactMapping.last_synced_values`, `Contact.origins`,
`ContactChange`, `OutgoingWrite.before`) use it.
"""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

CUSTOM = "custom_fields."
# The columns as people say them.
LABELS: Mapping[str, Any] = {
    "email": _("e-mail"),
    "first_name": _("first name"),
    "last_name": _("last name"),
    "phone": _("phone"),
    "business_phone": _("business phone"),
    "address_line_1": _("address"),
    "address_line_2": _("address, second line"),
    "city": _("city"),
    "state": _("state"),
    "postal_code": _("postal code"),
    "country": _("country"),
    "subscribed": _("takes marketing mails"),
}
_NO_LETTER = re.compile(r"[\W_]")
_LOOSE = {_NO_LETTER.sub("", name): said for name, said in LABELS.items()}


def custom(name: str) -> str:
    """Return the name of the custom field `name`."""
    return f"{CUSTOM}{name}"


def split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns, and the custom fields by their names without the prefix."""
    columns = {name: value for name, value in values.items() if not name.startswith(CUSTOM)}
    custom_fields = {name.removeprefix(CUSTOM): value for name, value in values.items() if name.startswith(CUSTOM)}
    return columns, custom_fields


def field_label(name: str) -> str:
    """Return a value's name in the reader's language; a custom field has its own."""
    return str(LABELS.get(name) or name.removeprefix(CUSTOM))


def remote_label(name: str) -> str:
    """Return a provider's name of a value in the reader's language where it is that of a column, "firstName" too."""
    return str(_LOOSE.get(_NO_LETTER.sub("", name[:80].lower())) or name.removeprefix(CUSTOM))
