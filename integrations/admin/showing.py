"""Other people's bytes as something that can be looked at. All of it is hostile: escaped, never marked safe."""

import json
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

SHOWN = 50_000  # characters on the page; the whole body can be downloaded
HEX_LINE = 16  # bytes


def readable(body: bytes) -> str:
    """`body` as text where it is UTF-8, else as lines of hex with what is printable beside them; cut at SHOWN."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\n".join(_hex_line(body, start) for start in range(0, min(len(body), SHOWN // 4), HEX_LINE))
    # Control characters would be invisible, and a terminal that the text is pasted into obeys them.
    return "".join(_visible(letter) for letter in text[:SHOWN])[:SHOWN]


def indented(value: Any) -> str:
    """A JSON value over several lines, letters as they are; cut at SHOWN characters."""
    return json.dumps(value, indent=2, ensure_ascii=False)[:SHOWN]


def block(text: str) -> SafeString:
    """Preformatted text; a screen reader's and keyboard user's way to scroll in it is the focus."""
    return format_html('<pre class="text" tabindex="0">{}</pre>', text)


def folded(summary: Any, text: str) -> SafeString:
    """The same behind a line to press."""
    return format_html("<details><summary>{}</summary>{}</details>", summary, block(text))


def _visible(letter: str) -> str:
    return letter if letter.isprintable() or letter in "\n\t" else f"\\u{ord(letter):04x}"


def _hex_line(body: bytes, start: int) -> str:
    part = body[start : start + HEX_LINE]
    letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
    return f"{start:08x}  {part.hex(' '):<{HEX_LINE * 3}} {letters}"
