"""Every page of the console reads few rows with few statements, however many events and people there are.

`make test` has a tenth of the rows, and counts the values of filters to a tenth; the long form, part of `make chaos`,
has a million events and 200,000 people. In both PostgreSQL believes in an SSD, as docs/deployment.md advises: else it
would rather read the whole of a table that is not long than leap in it.
"""

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from accounts.people.models import User
from accounts.tests.admin_clients import signed_in
from core.console import counting
from integrations.operations import figures
from tests.harness.environment import IS_LONG
from tests.large import pages, tables
from tests.large.rows_read import counted

pytestmark = [pytest.mark.django_db, pytest.mark.skipif(connection.vendor != "postgresql", reason="its plans tell")]
if IS_LONG:
    pytestmark.append(pytest.mark.chaos)  # `make chaos` runs what has this mark
EVENTS, PEOPLE = (1_000_000, 200_000) if IS_LONG else (100_000, 20_000)
MOST_ROWS = 60_000 if IS_LONG else 8_000
MOST_STATEMENTS = 12
# Rows of a page that may read more.
MORE_ROWS = {
    "/admin/metrics/": PEOPLE // 2,  # completions of its days
    # Of an unmatched one: who has a similar address is found by comparing all of them (candidates.COMPARED).
    "/admin/accounts/completion/": 2 * PEOPLE,
    "/admin/review/waiting_completions/": 2 * PEOPLE,
}
# Addresses that are no page: another method's, files, pictures, and what leads elsewhere at once.
NO_PAGE = {
    *("login", "logout", "jsi18n", "second_factor", "second_factor_picture", "autocomplete", "view_on_site", "dismiss"),
    *(
        "saved_filter",
        "saved_filter_delete",
        "accounts_completion_process_import",
        "integrations_historyimport_columns",
    ),
    *("integrations_historyimport_offers", "review_decide", None),
}

# Those of one model, which `pages` opens where it has a row; the file of a list is no page.
OF_A_ROW = re.compile("_(add|change|delete|history|act|csv)$")


def test_every_page_reads_few_rows_with_few_statements(staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    tables.fill(events=EVENTS, people=PEOPLE)
    figures.count()
    ContentType.objects.get_for_models(*apps.get_models())  # else the first page that needs one asks
    if not IS_LONG:
        monkeypatch.setattr(counting, "MOST", 100)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL random_page_cost = 1.1")
    console = signed_in(User.objects.create_superuser("reader@example.com"))
    opened, too_much = set(), []

    def visit(address: str) -> Any:
        with counted() as statements:
            answer = console.get(address)
        opened.add(answer.resolver_match.url_name)
        more = 0 if "?" in address else next((more for page, more in MORE_ROWS.items() if address.startswith(page)), 0)
        # Refused to everybody: no such row is added or deleted by hand.
        is_wrong = answer.status_code not in (200, 302, 403)
        if is_wrong or len(statements) > MOST_STATEMENTS or statements.rows > MOST_ROWS + more:
            too_much.append(f"{address}: {answer.status_code}, {statements}")
        return visit(answer.url) if answer.status_code == 302 else answer

    pages.opened(visit)
    assert not too_much, "\n".join(too_much)
    assert {name for name in _addresses() if name not in NO_PAGE and not OF_A_ROW.search(str(name))} <= opened


def _addresses() -> set[str | None]:
    """Return the names of all addresses of the console."""
    inner = [pattern for urls in site.urls[0] for pattern in getattr(urls, "url_patterns", [urls])]
    return {pattern.name for pattern in inner}
