"""Names of a person's values where columns and custom fields stand together: one convention for all of the project.

A column goes by its name ("phone"), a custom field by its path in `Contact.custom_fields`: "custom_fields.shoe_size".
Reports, field maps, outgoing writes and the stored history (`ContactMapping.last_synced_values`, `Contact.origins`,
`ContactChange`, `OutgoingWrite.before`) use it.
"""

from collections.abc import Mapping
from typing import Any

CUSTOM = "custom_fields."


def custom(name: str) -> str:
    """Return the name of the custom field `name`."""
    return f"{CUSTOM}{name}"


def split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns, and the custom fields by their names without the prefix."""
    columns = {name: value for name, value in values.items() if not name.startswith(CUSTOM)}
    custom_fields = {name.removeprefix(CUSTOM): value for name, value in values.items() if name.startswith(CUSTOM)}
    return columns, custom_fields
