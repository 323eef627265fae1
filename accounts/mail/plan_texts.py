"""Staff's own words for a mail: plain text with placeholders, which are filled in when the mail is sent.

Values are put in once and are never read for placeholders themselves; in HTML everything is escaped.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe

PLACEHOLDERS = ("first_name", "plan", "end", "link")
_BLANK_LINES = re.compile(r"\n[ \t]*\n")
_PLACEHOLDER = re.compile(r"( ?)\{([^{}\n]{0,40})\}")
_LINK = '<a class="e-link" href="{0}" style="color:#0b6a70;word-break:break-all;">{0}</a>'
_PARAGRAPH = '<p style="margin:0 0 16px;">{}</p>'


@dataclass(frozen=True, kw_only=True)
class OwnText:
    """A subject and a text as staff wrote them; either may be empty."""

    subject: str = ""
    text: str = ""

    def fill(self, context: Mapping[str, Any]) -> tuple[str, str]:
        """Return subject and text with the values of a mail's `context`.

        A set-up link that the text leaves out is added: without it the reader could not sign in.
        """
        values = _values(context)
        return _filled(self.subject, values), _filled(_with_link(self.text, context), values)

    def fill_html(self, context: Mapping[str, Any]) -> SafeString:
        """Return the text as paragraphs of HTML."""
        values = {name: escape(value) for name, value in _values(context).items()}
        values["link"] = format_html(_LINK, _values(context)["link"])
        text = _filled(escape(_with_link(self.text, context)), values).replace("\r\n", "\n")
        paragraphs = (part.strip().replace("\n", "<br>") for part in _BLANK_LINES.split(text))
        # Both the text and every value in it were escaped above.
        return mark_safe("\n".join(_PARAGRAPH.format(part) for part in paragraphs if part))  # noqa: S308


def unknown_placeholders(text: str) -> list[str]:
    """Return what stands in braces and is no placeholder."""
    found = (match[2] for match in _PLACEHOLDER.finditer(text))
    return [f"{{{name}}}" for name in dict.fromkeys(found) if name not in PLACEHOLDERS]


def _values(context: Mapping[str, Any]) -> dict[str, str]:
    return {
        "first_name": str(context.get("first_name") or ""),
        "plan": str(context.get("plan_name") or ""),
        "end": str(context.get("end") or ""),
        "link": str(context.get("link") or context["sign_in_url"]),
    }


def _with_link(text: str, context: Mapping[str, Any]) -> str:
    return f"{text}\n\n{{link}}" if text and context.get("link") and "{link}" not in text else text


def _filled(text: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        known = values.get(match[2])
        if known is None:
            return match[0]
        return f"{match[1]}{known}" if known else ""  # "Hello {first_name}," is "Hello," for whoever has no name

    replace: Callable[[re.Match[str]], str] = value
    return _PLACEHOLDER.sub(replace, text)
