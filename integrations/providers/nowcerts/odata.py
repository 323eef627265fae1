"""Conditions of an OData filter, as NowCerts' lists take them."""

from collections.abc import Iterable
from uuid import UUID

from integrations.toolkit.failures import Refused


def text_equals(name: str, value: str) -> str:
    """Return the condition that a text equals `value`; a quote within it is doubled."""
    doubled = value.replace("'", "''")
    return f"({name} eq '{doubled}')"


def contains_all(name: str, parts: Iterable[str]) -> str:
    """Return the condition that a text has all of `parts` in it."""
    conditions = ["contains({},'{}')".format(name, part.replace("'", "''")) for part in parts]
    return f"({' and '.join(conditions)})" if len(conditions) > 1 else conditions[0]


def id_equals(database_id: str) -> str:
    """Return the condition that a record has this id; guids stand unquoted.

    Raises Refused for what is no guid, since it would be part of the filter.
    """
    try:
        return f"(id eq {UUID(database_id.strip())})"
    except ValueError:
        message = f"NowCerts: {database_id[:60]!r} is no id of NowCerts (a guid is expected)"
        raise Refused(message, status=404) from None


def is_id(database_id: str) -> bool:
    """Return whether a text can be an id of NowCerts."""
    try:
        id_equals(database_id)
    except Refused:
        return False
    return True
