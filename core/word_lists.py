"""Several words or phrases, such as tags, as one text: "lead, vip". Their order and case mean nothing."""

import re
from collections.abc import Iterable
from typing import Any

_BETWEEN = re.compile(r"[,;\r\n]")


def parse(value: Any) -> frozenset[str]:
    """Return the items of a text, which commas, semicolons or line breaks part, or of a list, in small letters.

    In an item of a list these are spaces: it would be two once it stands in a text. None has no items.
    """
    if isinstance(value, list | tuple | set | frozenset):
        items = [_BETWEEN.sub(" ", str(item)) for item in value]
    else:
        items = [] if value is None else _BETWEEN.split(str(value))
    return frozenset(text for item in items if (text := " ".join(item.lower().split())))


def join(items: Iterable[str]) -> str:
    """Return the text of items as `parse` gives them, in their one order."""
    return ", ".join(sorted(items))
