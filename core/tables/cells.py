"""Texts that go into a spreadsheet's cells, or come from them: a text that would be a formula is made to be none."""

from typing import Any

_BEGINS_A_FORMULA = ("=", "+", "-", "@", "|", "%", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def neutral(value: Any) -> Any:
    """Return a text with an apostrophe before it where a spreadsheet would calculate it; every other value as it is.

    The same twice is the same once, so what was exported may be imported again.
    """
    if isinstance(value, str) and (value.startswith(_BEGINS_A_FORMULA) or value.lstrip().startswith(_BEGINS_A_FORMULA)):
        return f"'{value}"
    return value


def without_apostrophe(text: str) -> str:
    """Return a text without the apostrophe of `neutral`: for values that are checked before they are stored."""
    return text[1:] if text.startswith("'") and neutral(text[1:]) == text else text
