"""Values before and after, and raw bodies as readable text."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from accounts.people.admin.contact_history import shown_value
from core.console.format import SHOWN
from core.field_names import field_label

HEX_LINE = 16  # bytes
CELL = 2000  # characters of a value in a table


def before_and_after(changes: Mapping[str, tuple[Any, Any]], *, label: Any) -> SafeString:
    """Return a table of name → (before, after), each value cut at CELL characters; `label` heads the names."""
    rows = format_html_join(
        "",
        '<tr><th scope="row">{}</th><td>{}</td><td>{}</td></tr>',
        (
            (field_label(name), shown_value(before)[:CELL], shown_value(after)[:CELL])
            for name, (before, after) in changes.items()
        ),
    )
    return format_html(
        '<div class="compared" tabindex="0" role="region" aria-label="{}"><table><thead><tr><td></td>'
        '<th scope="col">{}</th><th scope="col">{}</th></tr></thead><tbody>{}</tbody></table></div>',
        label,
        _("before"),
        _("after"),
        rows,
    )


def readable(body: bytes) -> str:
    """Return `body` as text where it is UTF-8, else as lines of hex with the printable letters; cut at SHOWN."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = "\n".join(_hex_line(body, start) for start in range(0, min(len(body), SHOWN // 4), HEX_LINE))
    # Control characters would be invisible, and a terminal that the text is pasted into obeys them.
    return "".join(_visible(letter) for letter in text[:SHOWN])[:SHOWN]


def _visible(letter: str) -> str:
    return letter if letter.isprintable() or letter in "\n\t" else f"\\u{ord(letter):04x}"


def _hex_line(body: bytes, start: int) -> str:
    part = body[start : start + HEX_LINE]
    letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
    return f"{start:08x}  {part.hex(' '):<{HEX_LINE * 3}} {letters}"
