"""Runs as rows of the queue: they resume, run once, fail loudly once, and survive Kajabi's bad days."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription, SubscriptionFact
from accounts.people.models import User
from accounts.tests.admin_clients import clerk, signed_in
from core.cause import SCHEDULE
from core.queue import runner
from core.queue.delivery import LEASE
from integrations import registry
from integrations.providers.kajabi.tests.sales import ago, change, sell, stamp
from integrations.reconcile import lookups, pages, runs
from integrations.reconcile.models import ProviderRecord, SyncRun
from tests.fakes.kajabi import FakeKajabi, Reset, html, too_many

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("impatient", "plan")]


def started(**options: Any) -> SyncRun:
    return runs.start(registry.provider("kajabi"), cause=SCHEDULE, **options)


@pytest.fixture
def five(kajabi: FakeKajabi) -> FakeKajabi:
    """Five sales, two on a page."""
    kajabi.largest_page = 2
    for number in range(5):
        sell(kajabi, number, days_ago=50 - number)
    return kajabi


def pages_asked(kajabi: FakeKajabi, kind: str) -> list[str]:
    return [dict(one.query)["page[number]"] for one in kajabi.asked_for(f"/v1/{kind}")]


def test_run_whose_worker_died_goes_on_at_its_page(five: Any, reconciled: Any, travel: Any) -> None:
    run = started()
    for _page in range(4):
        assert runner.run(SyncRun, run.pk)
    assert SyncRun.objects.claim(run.pk) is not None, "a worker takes page 2 of the purchases, and dies"
    assert not runner.run(SyncRun, run.pk)
    travel(LEASE + timedelta(seconds=1))
    run = reconciled(run)
    assert (run.status, run.pages, run.changed) == ("done", 7, 5)
    assert pages_asked(five, "purchases") == ["1", "2", "3"]
    assert SubscriptionFact.objects.count() == 5


def test_page_that_kills_its_worker_three_times_fails_the_run(kajabi: Any, travel: Any) -> None:
    run = started()
    for death in range(3):
        travel(death * LEASE + timedelta(seconds=death + 1))
        assert SyncRun.objects.claim(run.pk) is not None
    travel(3 * LEASE + timedelta(seconds=9))
    runner.run(SyncRun, run.pk)
    run.refresh_from_db()
    assert (run.status, "worker died 3 times" in run.last_error) == ("failed", True)


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_apply_a_page_once(five: Any, plan: Any, at_once: Any) -> None:
    run = started()
    while SyncRun.objects.get(pk=run.pk).status == "pending":
        at_once([lambda: runner.run(SyncRun, run.pk)] * 3)
    run.refresh_from_db()
    assert (run.status, run.pages, run.seen, run.changed) == ("done", 7, 5, 5)
    assert Subscription.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_two_who_start_at_once_open_one_run(kajabi: Any, plan: Any, at_once: Any) -> None:
    results = at_once([started] * 3)
    assert sorted(type(one).__name__ for one in results) == ["AlreadyOpen", "AlreadyOpen", "SyncRun"]
    assert SyncRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_run_that_is_stopped_while_a_page_is_read_does_not_apply_it(five: Any, plan: Any) -> None:
    def stop(page: int) -> None:
        runs.stop(run)
        connection.close()

    run = started()
    for _page in range(3):
        runner.run(SyncRun, run.pk)
    five.after_each_page = stop
    assert runner.run(SyncRun, run.pk)
    run.refresh_from_db()
    assert (run.status, run.stage, run.page, run.changed) == ("stopped", "purchases", 1, 0)
    assert User.objects.count() == 0


def test_each_page_rings_a_worker_for_the_next(
    five: Any, wakeups: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = started()
        runner.run(SyncRun, run.pk)
    assert wakeups == [("syncrun", run.pk)] * 2


BAD_DAYS = {
    "429 without Retry-After": [too_many()],
    "a web page": [html(502)],
    "the connection is lost": [Reset()],
    "an answer of nothing": [html(200)],
}


@pytest.mark.parametrize("trouble", BAD_DAYS.values(), ids=BAD_DAYS.keys())
@pytest.mark.parametrize("path", ["/v1/customers", "/v1/purchases", "/v1/transactions"])
def test_bad_moment_is_repeated_and_changes_nothing(five: Any, reconciled: Any, trouble: Any, path: str) -> None:
    five.misbehave(*trouble, on=path)
    run = reconciled()
    assert (run.status, run.changed, run.errors, Subscription.objects.count()) == ("done", 5, 0, 5)


@pytest.mark.parametrize("trouble", BAD_DAYS.values(), ids=BAD_DAYS.keys())
def test_bad_hour_pushes_the_run_back_and_it_goes_on_at_its_page(
    five: Any, reconciled: Any, travel: Any, trouble: Any
) -> None:
    run = started()
    for _page in range(4):
        runner.run(SyncRun, run.pk)
    five.misbehave(*trouble * 2, on="/v1/purchases")
    assert runner.run(SyncRun, run.pk)
    run.refresh_from_db()
    assert (run.status, run.failures, run.stage, run.page) == ("pending", 1, "purchases", 2)
    assert run.next_attempt_at > timezone.now()
    travel(timedelta(minutes=1))
    run = reconciled(run)
    assert (run.status, run.failures, run.changed, run.last_error) == ("done", 0, 5, "")


def test_token_that_ends_in_the_middle_is_renewed(five: Any, reconciled: Any) -> None:
    five.expire_tokens(after=3)
    run = reconciled()
    assert (run.status, run.changed, five.token_calls) == ("done", 5, 2)


@pytest.mark.parametrize("last_link", [None, "missing"])
def test_pages_without_meta_are_read_to_the_last(five: Any, reconciled: Any, last_link: str | None) -> None:
    five.with_meta, five.last_link_is, five.next_link_is = False, last_link, "relative"
    run = reconciled()
    assert (run.status, run.changed, run.pages) == ("done", 5, 7)


def test_refusal_fails_the_run_and_staff_hear_of_it_once_until_one_succeeds(
    five: Any, reconciled: Any, travel: Any
) -> None:
    def told() -> int:
        return EmailMessage.objects.filter(kind="staff_run_failed").count()

    five.misbehave(html(403), on="/v1/purchases")
    run = reconciled()
    assert (run.status, told()) == ("failed", 1)
    travel(timedelta(hours=2))
    five.misbehave(html(403), on="/v1/purchases")
    (again,) = runs.start_due()
    assert again.pk == run.pk, "it goes on where it failed"
    assert (reconciled(again).status, told()) == ("failed", 1)
    travel(timedelta(hours=4))
    (again,) = runs.start_due()
    assert (reconciled(again).status, Subscription.objects.count()) == ("done", 5)
    five.misbehave(html(403), on="/v1/purchases")
    assert (reconciled().status, told()) == ("failed", 2)


def test_many_unknown_people_are_asked_for_in_parts_of_an_attempt(
    kajabi: Any, reconciled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is over at once here: each attempt asks for one person and keeps the answer; none is asked for twice."""
    reconciled()
    SyncRun.objects.update(window_to=ago(1))
    for number in range(4):
        sell(kajabi, number, days_ago=0.1)
    monkeypatch.setattr(pages, "time_left", lambda seconds: lambda: False)
    run = reconciled()
    assert (run.status, run.changed, run.errors) == ("done", 4, 0)
    asked = [one.asked.path for one in kajabi.exchanges if one.asked.path.startswith("/v1/customers/")]
    assert sorted(asked) == [f"/v1/customers/{number}" for number in range(4)]
    assert ProviderRecord.objects.filter(key__startswith=lookups.PERSON).count() == 4


def test_page_of_purchases_left_in_the_middle_counts_each_of_them_once(
    kajabi: Any, reconciled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is over at once here: each attempt applies one purchase, and what failed is not tried again by this run."""
    for number in range(4):
        sell(kajabi, number, offer_id="999" if number == 2 else "off_456")
    del kajabi.records["purchases"]["4001"]["relationships"]["customer"]
    monkeypatch.setattr(pages, "time_left", lambda seconds: lambda: False)
    run = reconciled()
    assert (run.status, run.seen, run.changed, run.unmatched, run.errors) == ("done", 4, 2, 1, 1)
    assert pages_asked(kajabi, "purchases") == ["1"] * 4


# By the clock ---------------------------------------------------------------------------------------------------------


def test_runs_begin_by_the_clock_one_after_the_other(kajabi: Any, reconciled: Any, travel: Any) -> None:
    (first,) = runs.start_due()
    assert (first.kind, runs.start_due()) == ("backfill", [])
    reconciled(first)
    assert runs.start_due() == []
    travel(timedelta(minutes=61))
    (second,) = runs.start_due()
    assert (second.kind, second.window_from) == ("incremental", first.window_to - runs.OVERLAP)


@pytest.mark.parametrize(("name", "value"), [("KAJABI_RECONCILE_MINUTES", 0), ("KAJABI_CLIENT_ID", "")])
def test_nothing_begins_where_it_is_off(kajabi: Any, settings: Any, name: str, value: Any) -> None:
    setattr(settings, name, value)
    assert runs.start_due() == []
    assert SyncRun.objects.count() == 0


def test_audit_moves_no_watermark(kajabi: Any, reconciled: Any) -> None:
    first = reconciled()
    reconciled(kind=runs.RunKind.AUDIT)
    assert reconciled().window_from == first.window_to - runs.OVERLAP


# In the console -------------------------------------------------------------------------------------------------------


def act(browser: Client, run: SyncRun, name: str) -> int:
    return browser.post(reverse("admin:integrations_syncrun_act", args=[run.pk, name])).status_code


def test_staff_stop_a_run_and_let_it_go_on(five: Any, staff: Any, reconciled: Any) -> None:
    browser, run = signed_in(staff), started()
    assert act(clerk("view_syncrun"), run, "stop") == 403
    assert act(browser, run, "stop") == 302
    assert not runner.run(SyncRun, run.pk)
    waiting = {item.key: item.count for item in browser.get(reverse("admin:index")).context["attention"]}
    assert waiting == {"stopped_runs": 1}
    assert act(browser, run, "resume") == 302
    assert reconciled(run).status == "done"
    assert act(browser, run, "resume") == 302
    run.refresh_from_db()
    assert run.status == "done"


def test_failed_run_waits_for_staff_until_a_newer_one_is_done(five: Any, staff: Any, reconciled: Any) -> None:
    def waiting() -> dict[str, int]:
        return {item.key: item.count for item in signed_in(staff).get(reverse("admin:index")).context["attention"]}

    reconciled()
    five.misbehave(html(403), on="/v1/transactions")
    failed = reconciled()
    assert waiting()["failed_runs"] == 1
    change(five, 1, deactivated_at=stamp(ago(hours=1)))
    assert act(signed_in(staff), failed, "resume") == 302
    assert reconciled(failed).status == "done"
    assert "failed_runs" not in waiting()
