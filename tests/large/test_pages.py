"""Every page of the console reads few rows with few statements, however many events and people there are.

`make test` has a tenth of the rows, and counts the values of filters to a tenth; the long form, part of `make chaos`,
has a million events and 200,000 people. In both PostgreSQL believes in an SSD, as docs/deployment.md advises: else it
would rather read the whole of a table that is not long than leap in it.
"""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from accounts.people.models import User
from accounts.tests.admin_clients import signed_in
from core.console import facets
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
# Statements and rows of a page that may have more.
EXCEPTIONS = {
    "/admin/metrics/": (18, MOST_ROWS + PEOPLE // 2),  # one for each rule of alerts; completions of its days
    # Of an unmatched one: who has a similar address is found by comparing all of them (candidates.COMPARED).
    "/admin/accounts/completion/": (16, 2 * PEOPLE),
    "/admin/auth/group/": (60, MOST_ROWS),  # each table that a role opens, by its name
}


def test_every_page_reads_few_rows_with_few_statements(staff: User, monkeypatch: pytest.MonkeyPatch) -> None:
    tables.fill(events=EVENTS, people=PEOPLE)
    figures.count()
    ContentType.objects.get_for_models(*apps.get_models())  # else the first page that needs one asks
    if not IS_LONG:
        monkeypatch.setattr(facets, "MOST", 100)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL random_page_cost = 1.1")
    console = signed_in(User.objects.create_superuser("reader@example.com"))
    opened, too_much = 0, []

    def visit(address: str) -> Any:
        nonlocal opened
        with counted() as statements:
            answer = console.get(address)
        opened += 1
        exceptions = (most for page, most in EXCEPTIONS.items() if address.startswith(page) and "?" not in address)
        most, most_rows = next(exceptions, (MOST_STATEMENTS, MOST_ROWS))
        if answer.status_code not in (200, 302) or len(statements) > most or statements.rows > most_rows:
            too_much.append(f"{address}: {answer.status_code}, {statements}")
        return visit(answer.url) if answer.status_code == 302 else answer

    pages.opened(visit)
    assert not too_much, "\n".join(too_much)
    assert opened > 200
