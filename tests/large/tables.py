"""As many events and people as a business has after years.

Tables are emptied first: in a transaction that is rolled back all is as before, and the tests that follow read no dead
rows. Login n belongs to contact 2n and has membership n. Event 1 is the oldest.
"""

from tests.large import messages, people, sales
from tests.large.filling import Rows

ADDED = (
    people.add_people,
    sales.add_memberships,
    sales.add_sales,
    people.add_courses,
    messages.add_events,
    messages.add_sync,
    messages.add_reports,
)


def fill(*, events: int, people: int) -> None:
    """Fill the tables. Needs a superuser of PostgreSQL: keys of other tables are not looked up."""
    rows = Rows()
    for add in ADDED:
        add(rows, events=events, people=people)
    rows.fill()
