"""Small pieces of HTML that several pages show. Everything that comes from outside is escaped by `format_html`."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

# The page of the inbox is another app's; without that app its ids are shown as text.
EVENTS = "admin:integrations_inboxevent"
NOTHING = "–"


def badge(status: str, text: Any) -> SafeString:
    """Return a status as a word with a colour and a mark: never the colour alone."""
    return format_html('<span class="badge badge--{}">{}</span>', status, text)


def list_url(name: str, **query: Any) -> str:
    """Return the address of a list ("admin:accounts_user") with filters."""
    return f"{reverse(f'{name}_changelist')}?{urlencode(query)}"


def list_link(name: str, text: Any, **query: Any) -> SafeString:
    """Return a link to a filtered list; the text alone where that list does not exist."""
    try:
        return format_html('<a href="{}">{}</a>', list_url(name, **query), text)
    except NoReverseMatch:
        return format_html("{}", text)


def row_link(name: str, key: Any, text: Any) -> SafeString:
    """Return a link to a row's page; the text alone where there is no such page."""
    try:
        return format_html('<a href="{}">{}</a>', reverse(f"{name}_change", args=[key]), text)
    except NoReverseMatch:
        return format_html("{}", text)


def source_of(row: Any) -> SafeString | str:
    """Return where a fact or a change of status comes from, with a link to its event."""
    return row_link(EVENTS, row.event_id, row.cause) if row.event_id else row.cause


def moment(when: datetime | None) -> SafeString | str:
    """Return a time to the second, in few letters and the same in every language; times are UTC."""
    if when is None:
        return NOTHING
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), f"{when:%Y-%m-%d %H:%M:%S}")


def shortened(text: str, length: int = 80) -> str:
    """One line of at most `length` characters; the whole of it stands on the row's page."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
