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


def is_custom(name: str) -> bool:
    return name.startswith(CUSTOM)


def short(name: str) -> str:
    """Return a name as people read it: without what says that it is a custom field."""
    return name.removeprefix(CUSTOM)


def split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns, and the custom fields by their short names."""
    columns = {name: value for name, value in values.items() if not is_custom(name)}
    return columns, {short(name): value for name, value in values.items() if is_custom(name)}
