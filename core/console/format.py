"""Other people's words as something that can be looked at. All of it is hostile: escaped, never marked safe."""

import json
from collections.abc import Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from core.console.links import NOTHING

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


def side_by_side(heads: Sequence[Any], lines: Sequence[tuple[Any, Sequence[Any]]]) -> SafeString:
    """Return a table with a column for each of `heads`; `lines` are labels and values; differing ones are marked."""
    columns = format_html_join("", '<th scope="col">{}</th>', ((head,) for head in heads))
    rows = format_html_join(
        "",
        '<tr class="{}"><th scope="row">{}</th>{}</tr>',
        (
            (
                "same" if all(value == values[0] for value in values) else "differs",
                label,
                format_html_join("", "<td>{}</td>", ((value or NOTHING,) for value in values)),
            )
            for label, values in lines
        ),
    )
    return format_html(
        '<div class="compared" tabindex="0" role="region" aria-label="{}"><table><thead><tr><td></td>{}</tr></thead>'
        "<tbody>{}</tbody></table></div>",
        _("side by side"),
        columns,
        rows,
    )
