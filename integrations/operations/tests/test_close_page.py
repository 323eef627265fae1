"""The console's page of daily closes: every figure is a link to its rows, and whoever may repairs."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import clerk, page_of, signed_in
from core.days import day_of, span_of
from integrations import registry
from integrations.inbox.models import DeliveryCount, InboxEvent
from integrations.operations import closing
from integrations.operations.models import DailyClose
from integrations.reconcile.models import SyncFinding, SyncRun

pytestmark = pytest.mark.django_db
LIST = "/admin/integrations/dailyclose/"


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def row() -> DailyClose:
    """Return the close of yesterday, with events of each status and an open finding."""
    yesterday = day_of(timezone.now()) - timedelta(days=1)
    begin, _end = span_of(yesterday)
    noon = begin + timedelta(hours=12)
    DeliveryCount.objects.create(provider="kajabi", day=yesterday - timedelta(days=1), began_at=begin)
    DeliveryCount.objects.create(provider="kajabi", day=yesterday, events=9, repeated=1)
    statuses = ["processed", "processed", "ignored", "unmatched", "failed", "pending", "pending", "pending"]
    for number, status in enumerate(statuses):
        InboxEvent.objects.create(
            provider="kajabi",
            key=f"k{number}",
            body=b"{}",
            payload={},
            received_at=noon,
            finished_at=noon,
            status=status,
            reason="a test" if status == "ignored" else "",
            last_duplicate_at=noon if number == 0 else None,
        )
    run = SyncRun.objects.create(provider="kajabi", kind="audit", status="done", cause="t", started_at=noon)
    SyncFinding.objects.create(run=run, key="1", kind="status", remedy="look")
    return closing.close(registry.provider("kajabi"), yesterday)


def links(page: str) -> dict[str, str]:
    """Return the addresses in the equation by the label behind them."""
    found = re.search(r'<span class="equation">(.*?)</span>', page, re.DOTALL)
    assert found is not None
    return {
        label: unescape(url) for url, label in re.findall(r'<a href="([^"]+)">\d+</a> ([a-z ]+?)(?= \+| =|$)', found[1])
    }


def test_each_figure_is_a_link_to_just_its_rows(console: Client, row: DailyClose) -> None:
    page = console.get(LIST).content.decode()
    found = links(page)
    numbers = {label: len(console.get(url).context["cl"].result_list) for label, url in found.items()}
    assert numbers == {
        "received": 8,
        "processed": 2,
        "ignored": 1,
        "duplicates": 1,
        "unmatched": 1,
        "failed": 1,
        "pending": 3,
    }
    assert "<strong>1</strong> not stored any more" in page
    difference = re.search(r'<a href="([^"]*syncfinding[^"]*)">1 difference from', page)
    assert difference is not None
    assert len(console.get(unescape(difference[1])).context["cl"].result_list) == 1


def test_figures_that_were_not_counted_say_so(console: Client, row: DailyClose) -> None:
    DailyClose.objects.update(repeated=None)
    page = console.get(LIST).content.decode()
    assert "not counted duplicates" in re.sub(r"<[^>]+>", "", page)
    assert "not known" in page


def test_page_of_a_day_explains_it(console: Client, row: DailyClose) -> None:
    page = console.get(page_of(row)).content.decode()
    assert "1 a test" in re.sub(r"</?a[^>]*>", "", page)
    assert "1 event was received and is not stored any more" in page
    assert "<summary>How this is counted</summary>" in page


def test_number_of_a_reason_is_a_link_to_its_events(console: Client, row: DailyClose) -> None:
    page = console.get(page_of(row)).content.decode()
    (url,) = re.findall(r'<a href="([^"]+)">1</a> a test', page)
    (event,) = console.get(unescape(url)).context["cl"].result_list
    assert (event.status, event.reason) == ("ignored", "a test")


def test_list_is_narrowed_by_provider_and_by_whether_days_balance(console: Client, row: DailyClose) -> None:
    for query, number in [("state__exact=differs", 1), ("state__exact=balanced", 0), ("provider=kajabi", 1)]:
        assert len(console.get(f"{LIST}?{query}").context["cl"].result_list) == number, query


def test_heal_asks_first_then_repairs_and_is_audited(console: Client, row: DailyClose) -> None:
    url = reverse("admin:integrations_dailyclose_act", args=[row.pk, "heal"])
    assert url in console.get(LIST).content.decode()
    assert "is read again from the beginning of the day" in console.get(url).content.decode()
    assert InboxEvent.objects.filter(status="failed").count() == 1, "a GET repairs nothing"
    answer = console.post(url, {"answered": "1"}, follow=True)
    assert "1 failed event is tried again." in answer.content.decode()
    assert not InboxEvent.objects.filter(status="failed").exists()
    assert AuditEntry.objects.filter(action="dailyclose.heal").count() == 1


def test_heal_without_anything_to_do_says_so(console: Client, row: DailyClose) -> None:
    InboxEvent.objects.filter(status="failed").delete()
    url = reverse("admin:integrations_dailyclose_act", args=[row.pk, "heal"])
    answer = console.post(url, {"answered": "1"}, follow=True)
    assert "Nothing here can be repaired automatically." in answer.content.decode()


def test_count_again_replaces_the_figures(console: Client, row: DailyClose) -> None:
    InboxEvent.objects.filter(status="pending").update(status="processed")
    console.post(reverse("admin:integrations_dailyclose_act", args=[row.pk, "count-again"]))
    row.refresh_from_db()
    assert (row.processed, row.pending) == (5, 0)


def test_whoever_only_looks_sees_no_button(row: DailyClose) -> None:
    client = clerk("view_dailyclose", "view_inboxevent")
    url = reverse("admin:integrations_dailyclose_act", args=[row.pk, "heal"])
    assert url not in client.get(LIST).content.decode()
    assert client.post(url, {"answered": "1"}).status_code == 403


def test_home_shows_the_last_close_of_each_connection(console: Client, row: DailyClose) -> None:
    page = console.get("/admin/").content.decode()
    assert page_of(row) in page
    assert "differs" in page
    row.delete()
    assert "not counted yet" in console.get("/admin/").content.decode()


def test_list_takes_few_statements(console: Client, row: DailyClose) -> None:
    for number in range(2, 40):
        DailyClose.objects.create(provider="kajabi", day=row.day - timedelta(days=number), state="differs")
    console.get(LIST)
    with CaptureQueriesContext(connection) as captured:
        assert console.get(LIST).status_code == 200
    assert len(captured) <= 12, "\n".join(query["sql"][:150] for query in captured)


def test_page_is_in_spanish_where_its_reader_is(console: Client, row: DailyClose) -> None:
    page = console.get(LIST, headers={"accept-language": "es"}).content.decode()
    assert "Cómo se cuenta" in page
    assert "no cuadra" in page
