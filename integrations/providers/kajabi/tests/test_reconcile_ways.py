"""In which way the changed purchases are read: by the answer itself, not by what is promised."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.memberships.models import Subscription
from integrations.providers.kajabi.tests.sales import ago, change, sell, stamp
from integrations.reconcile.models import SyncRun
from tests.fakes.kajabi import FakeKajabi

pytestmark = pytest.mark.django_db


@pytest.fixture
def caught_up(kajabi: FakeKajabi, reconciled: Any) -> FakeKajabi:
    """A first run is done, with 25 members, ten on a page, the newest last."""
    kajabi.largest_page = 10
    for number in range(25):
        sell(kajabi, number, days_ago=100 - number)
    reconciled()
    SyncRun.objects.update(window_to=timezone.now() - timedelta(hours=2))
    kajabi.exchanges.clear()
    return kajabi


def asked(kajabi: FakeKajabi) -> list[tuple[str, ...]]:
    """(sort, page) of the lists of purchases that were asked for."""
    queries = [dict(one.query) for one in kajabi.asked_for("/v1/purchases")]
    return [(query["sort"], query["page[number]"]) for query in queries]


def status(number: int) -> str:
    return Subscription.objects.get(user__email=f"member{number}@example.com").status


def test_order_that_proves_itself_is_read_to_what_is_old(caught_up: Any, reconciled: Any) -> None:
    change(caught_up, 3, deactivated_at=stamp(ago(hours=1)))
    run = reconciled()
    assert (status(3), run.notes) == ("expired", [])
    assert asked(caught_up) == [("-updated_at", "1")]


def test_order_that_proves_nothing_is_checked_by_what_has_ended(caught_up: Any, reconciled: Any) -> None:
    run = reconciled()
    assert [note.split(":")[0] for note in run.notes] == [
        "The order of purchases did not prove that they are sorted by their last change"
    ]
    assert asked(caught_up) == [("-updated_at", "1"), ("-deactivated_at", "1")]


def test_sort_that_is_ignored_is_noticed_and_read_around(caught_up: Any, reconciled: Any) -> None:
    caught_up.ignored_sorts = {"updated_at"}
    change(caught_up, 3, deactivated_at=stamp(ago(hours=1)))
    sell(caught_up, 30, days_ago=0.05)
    run = reconciled()
    assert (status(3), status(30)) == ("expired", "active")
    assert run.notes == [
        "Kajabi did not sort purchases by their last change: new ones and ended ones were read instead."
    ]
    assert asked(caught_up) == [("-updated_at", "1"), ("-created_at", "1"), ("-deactivated_at", "1")]


def test_no_sort_at_all_reads_every_page_and_still_learns(caught_up: Any, reconciled: Any) -> None:
    caught_up.ignored_sorts = {"updated_at", "created_at", "deactivated_at"}
    change(caught_up, 3, deactivated_at=stamp(ago(hours=1)))
    sell(caught_up, 30, days_ago=0.05)
    run = reconciled()
    assert (run.status, status(3), status(30)) == ("done", "expired", "active")
    assert asked(caught_up) == [
        ("-updated_at", "1"),
        *(("-created_at", str(page)) for page in (1, 2, 3)),
        ("-deactivated_at", "1"),
    ]


def test_many_changes_are_followed_over_pages(caught_up: Any, reconciled: Any) -> None:
    for number in range(15):
        change(caught_up, number, at=ago(minutes=50 - number), deactivated_at=stamp(ago(minutes=50 - number)))
    run = reconciled()
    assert run.changed == 15
    assert asked(caught_up) == [("-updated_at", "1"), ("-updated_at", "2")]


def test_what_changes_while_it_is_read_is_seen_by_this_run_or_the_next(caught_up: Any, reconciled: Any) -> None:
    """After page 1 a purchase of page 2 ends: it moves to the top, a page that was read already."""
    for number in range(15):
        change(caught_up, number, at=ago(minutes=50 - number), deactivated_at=stamp(ago(minutes=50 - number)))
    moved = []

    def move(page: int) -> None:
        if page == 1 and not moved:
            moved.append(20)
            change(caught_up, 20, deactivated_at=stamp(timezone.now()))

    caught_up.after_each_page = move
    first = reconciled()
    assert (first.changed, status(20)) == (15, "active")
    second = reconciled()
    assert (second.changed, status(20)) == (1, "expired")


def test_purchase_that_is_shown_twice_is_applied_once(caught_up: Any, reconciled: Any) -> None:
    """A new sale pushes the last one of page 1 onto page 2, where it is read again."""
    for number in range(15):
        change(caught_up, number, at=ago(minutes=50 - number), deactivated_at=stamp(ago(minutes=50 - number)))
    caught_up.after_each_page = lambda page: sell(caught_up, 40, days_ago=0) and None if page == 1 else None
    run = reconciled()
    assert (run.changed, run.errors) == (15, 0)
    assert Subscription.objects.filter(status="expired").count() == 15
