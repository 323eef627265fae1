"""Parsing of the person of an export's row."""

from collections.abc import Mapping

from core.text import InvalidAddress, normalise_email
from integrations.contracts.history import Cells, InvalidRow

_NO_VALUE = frozenset({"", "0", "n/a", "na", "null", "none", "undefined", "-"})


def email_of(cells: Cells) -> str:
    """Return the row's address in its stored form. Raises InvalidRow where there is none."""
    if not cells["email"]:
        raise InvalidRow("there is no e-mail in this row")
    try:
        return normalise_email(cells["email"])
    except InvalidAddress as error:
        raise InvalidRow(str(error)) from error


def name_of(cells: Cells) -> tuple[str, str]:
    """Return first and last name; the whole name is split at its first space, as in Kajabi's other records."""
    if cells["first_name"] or cells["last_name"]:
        return cells["first_name"], cells["last_name"]
    first, _space, last = cells["name"].partition(" ")
    return first, last.strip()


def identities(**ids: str) -> Mapping[str, str]:
    """Return ids by their kinds, without placeholders: a "0" or "N/A" would be the same person everywhere."""
    return {kind: value for kind, value in ids.items() if value.lower() not in _NO_VALUE}


def id_or_empty(value: str) -> str:
    """Return an id, "" for a placeholder."""
    return "" if value.lower() in _NO_VALUE else value
