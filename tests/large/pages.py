"""The pages of the console that are opened on large tables: every list, with each of its filters and a row of it, every
tool, the person's page, and searches."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from config.navigation import SECTIONS
from core.console.tools import registered

EVENTS = "/admin/integrations/inboxevent/"
PEOPLE = "/admin/accounts/contact/"
SEARCHES = {
    "/admin/search/": (
        *("person77@example.com", "person77", "jane", "jane doe", "+1 305 000 0077", "remote-77", "evt_77", "ord_77"),
    ),
    PEOPLE: ("person77@example.com", "person77", "jane doe", "+13050000077"),
    EVENTS: ("person77@example.com", "member.email=person77@example.com", "evt_777"),
}
# What a list is never opened without.
NARROWED = {"integrations.historyrow": "?history__id__exact=1"}


def opened(visit: Callable[[str], Any], *, with_filters: bool = True) -> None:
    """Open every page by `visit`, which returns the answer to an address."""
    for address in ("/admin/", *(reverse(f"admin:{tool.name}") for tool in registered())):
        visit(address)
    for address, texts in SEARCHES.items():
        for text in texts:
            visit(f"{address}?{urlencode({'q': text})}")
    for key in (77, 78):
        visit(f"{PEOPLE}{key}/person/")
    for page in (page for section in SECTIONS for page in section.pages if "." in page):
        address = reverse(f"admin:{page.replace('.', '_')}_changelist")
        changelist = visit(f"{address}{NARROWED.get(page, '')}").context["cl"]
        if with_filters:
            for query in _filters(changelist):
                visit(f"{address}{query}")
        if changelist.result_list:
            visit(changelist.url_for_result(changelist.result_list[0]))


def _filters(changelist: Any) -> Iterator[str]:
    """Yield a query for the first and the last choice of each filter of a list."""
    for spec in changelist.filter_specs:
        _every, *choices = spec.choices(changelist)
        yield from dict.fromkeys(choice["query_string"] for choice in (*choices[:1], *choices[-1:]))
