"""The pages of the console that are opened on large tables: every list with each of its filters, a row of it with its
history, its deletion and the forms of its actions, an empty form, every tool, a question of each kind, the person's
page, and searches."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.contrib.admin import site
from django.urls import reverse

from core.console import review
from core.console.navigation import every_page
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
SINGLE = ("index", "review_decided", "second_factor_new", "password_change", "password_change_done",
          "accounts_completion_import", "accounts_completion_export", "integrations_inboxevent_replay")  # fmt: skip
# Looks through every text that there is for the person's name: not for a page, but for a decision.
FORGET = "forget"
# Further pages of a row, by its model.
OF_ROW = {
    "accounts.contact": ("accounts_contact_merge",),
    "accounts.user": ("auth_user_password_change",),
    "integrations.inboxevent": ("integrations_inboxevent_body",),
    "integrations.historyimport": ("integrations_historyimport_results",),
}


def opened(visit: Callable[[str], Any], *, in_full: bool = True) -> None:
    """Open every page by `visit`, which returns the answer to an address; without `in_full`, what is opened daily."""
    for name in (*SINGLE, *(tool.name for tool in registered())):
        visit(reverse(f"admin:{name}"))
    for app in dict.fromkeys(model._meta.app_label for model in site._registry):
        visit(reverse("admin:app_list", args=[app]))
    for address, texts in SEARCHES.items():
        for text in texts:
            visit(f"{address}?{urlencode({'q': text})}")
    for key in (77, 78):
        visit(f"{PEOPLE}{key}/person/")
        visit(reverse("admin:accounts_user_person", args=[key]))
    for kind in review.kinds():
        if row := kind.rows().first():
            visit(reverse("admin:review_question", args=[kind.key, row.pk]))
    for page in (page for page in every_page() if "." in page):
        address = reverse(f"admin:{page.replace('.', '_')}_changelist")
        changelist = visit(f"{address}{NARROWED.get(page, '')}").context["cl"]
        if in_full:
            for query in _filters(changelist):
                visit(f"{address}{query}")
        if changelist.result_list:
            row = changelist.result_list[0]
            visit(changelist.url_for_result(row))
            for further in _of_row(page, row) if in_full else ():
                visit(further)


def _of_row(page: str, row: Any) -> Iterator[str]:
    """Yield the addresses of a row's own pages, and of the empty form of its model."""
    names = page.replace(".", "_")
    for name in (f"{names}_change", f"{names}_history", f"{names}_delete", *OF_ROW.get(page, ())):
        yield reverse(f"admin:{name}", args=[row.pk])
    yield reverse(f"admin:{names}_add")
    for action in getattr(site._registry[apps.get_model(page)], "all_row_actions", list)():
        if action.form is not None and action.name != FORGET and action.applies_to(row):
            yield reverse(f"admin:{names}_act", args=[row.pk, action.name])


def _filters(changelist: Any) -> Iterator[str]:
    """Yield a query for the first and the last choice of each filter of a list."""
    for spec in changelist.filter_specs:
        _every, *choices = spec.choices(changelist)
        yield from dict.fromkeys(choice["query_string"] for choice in (*choices[:1], *choices[-1:]))
