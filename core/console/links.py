"""Small pieces of HTML that several pages show. Everything that comes from outside is escaped by `format_html`."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString

from core import phrases

# The page of the inbox is another app's; without that app its ids are shown as text.
EVENTS = "admin:integrations_inboxevent"
NOTHING = "–"
BACK = "back"  # the name, in the address of an action, of the page to which it leads back


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


_pages: dict[str, str] = {}


def show_on(name: str, page: str) -> None:
    """Let rows of a model ("admin:accounts_user") be shown by another page than Django's, which takes their key."""
    _pages[name] = page


def other_page(name: str, key: Any) -> str:
    """Return the page that shows a row in place of Django's; "" where there is none."""
    return reverse(_pages[name], args=[key]) if name in _pages else ""


def row_url(name: str, key: Any) -> str:
    """Return the address of the page that shows a row."""
    return other_page(name, key) or reverse(f"{name}_change", args=[key])


def row_link(name: str, key: Any, text: Any) -> SafeString:
    """Return a link to a row's page; the text alone where there is no such page."""
    try:
        return format_html('<a href="{}">{}</a>', row_url(name, key), text)
    except NoReverseMatch:
        return format_html("{}", text)


def search_link(text: str) -> SafeString:
    """Return an address or id as a link to whatever the console's search finds by it: the person, if there is one."""
    return format_html('<a href="{}">{}</a>', reverse("admin:search", query={"q": text}), text)


def source_of(row: Any) -> SafeString | str:
    """Return where a fact or a change of status comes from, with a link to its event."""
    return caused(row.cause, row.event_id)


def caused(cause: str, event_id: Any) -> SafeString | str:
    """Return a stored cause in the reader's language, with a link to its event where there is one."""
    text = phrases.shown(cause)
    return row_link(EVENTS, event_id, text) if event_id else text


def moment(when: datetime | None) -> SafeString | str:
    """Return a time to the minute in the reader's language; seconds and zone stand in the title."""
    if when is None:
        return NOTHING
    local = timezone.localtime(when)
    shown = date_format(local, "SHORT_DATETIME_FORMAT")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', when.isoformat(), f"{local:%Y-%m-%d %H:%M:%S %Z}", shown
    )


def shortened(text: str, length: int = 80) -> str:
    """One line of at most `length` characters; the whole of it stands on the row's page."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def leading_back(url: str, back: str) -> str:
    """Return the address of an action or a page of ours that leads back to `back`; as it is where that is ""."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode({BACK: back})}" if back else url


def back_of(request: HttpRequest) -> str:
    """Return the page of this site to which an action's address says that it leads back; "" for none."""
    page = request.GET.get(BACK, "")
    hosts, is_secure = {request.get_host()}, request.is_secure()
    return page if url_has_allowed_host_and_scheme(page, allowed_hosts=hosts, require_https=is_secure) else ""
