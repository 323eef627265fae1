"""Other people's words as something that can be looked at. All of it is hostile: escaped, never marked safe."""

import json
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

SHOWN = 50_000  # characters on the page


def indented(value: Any) -> str:
    """Return a JSON value over several lines, letters as they are; cut at SHOWN characters."""
    return json.dumps(value, indent=2, ensure_ascii=False)[:SHOWN]


def block(text: str) -> SafeString:
    """Preformatted text; a screen reader's and keyboard user's way to scroll in it is the focus."""
    return format_html('<pre class="text" tabindex="0">{}</pre>', text)


def folded(summary: Any, text: str) -> SafeString:
    """Return the same behind a line that opens it."""
    return format_html("<details><summary>{}</summary>{}</details>", summary, block(text))
