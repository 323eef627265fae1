"""The daily close over stored events: the equation is honest, and staff hear once of a day that does not balance."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.mail.models import EmailMessage
from integrations import registry
from integrations.inbox.models import DeliveryCount, InboxEvent
from integrations.operations import closing
from integrations.operations.models import DailyClose, Notice
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun

pytestmark = pytest.mark.django_db
DAY = date(2026, 6, 10)
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
NEXT_MORNING = datetime(2026, 6, 11, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets the clock; the test begins in the morning after the day."""

    def go(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    go(NEXT_MORNING)
    return go


@pytest.fixture
def counting() -> None:
    """Let deliveries be counted since before the day."""
    DeliveryCount.objects.create(provider="kajabi", day=DAY - timedelta(days=1), began_at=NOON - timedelta(days=1))


@pytest.fixture
def with_list(settings: Any) -> None:
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "id", "secret"
    run(NOON - timedelta(days=9))


def event(number: int, *, at: datetime = NOON, **columns: Any) -> InboxEvent:
    values = {"provider": "kajabi", "key": f"k{number}", "body": b"{}", "received_at": at, "finished_at": at}
    return InboxEvent.objects.create(**values | {"status": "processed"} | columns)


def run(until: datetime, **columns: Any) -> SyncRun:
    values = {"provider": "kajabi", "kind": "incremental", "status": "done", "cause": "test"}
    times = {"window_from": until - timedelta(hours=2), "window_to": until, "started_at": until, "finished_at": until}
    return SyncRun.objects.create(**values | times | columns)


def closed(provider: str = "kajabi", day: date = DAY) -> DailyClose:
    return closing.close(registry.provider(provider), day)


# The equation ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("counting")
def test_received_is_the_sum_of_what_became_of_it() -> None:
    for number, status in enumerate(["processed", "processed", "unmatched", "failed", "pending"]):
        event(number, status=status)
    event(10, status="ignored", reason="a test of the provider")
    event(11, status="ignored", reason="a test of the provider")
    event(12, status="ignored", reason="contradicts event 3: the same id with another body; the first one stands")
    event(13, status="ignored", reason="spam (ana@example.com)", finished_at=NEXT_MORNING)
    DeliveryCount.objects.create(provider="kajabi", day=DAY, repeated=4)
    row = closed()
    parts = (row.processed, row.ignored, row.unmatched, row.failed, row.pending, row.repeated)
    assert parts == (2, 4, 1, 1, 1, 4)
    assert (row.received, row.events, row.lost) == (sum(parts), 9, 0)
    assert row.reasons == [
        ["a test of the provider", 2],
        [closing.CONTRADICTS, 1],
        [closing.SET_ASIDE, 1],
    ], "what staff wrote is not repeated"
    assert row.state == "balanced"


@pytest.mark.usefixtures("counting")
def test_many_reasons_are_added_up() -> None:
    for number in range(closing.REASONS + 3):
        event(number, status="ignored", reason=f"unknown type t{number:02}")
    reasons = closed().reasons
    assert (len(reasons), reasons[-1]) == (closing.REASONS + 1, [closing.OTHER_REASONS, 3])


def test_day_lasts_from_midnight_to_midnight_in_the_time_zone_of_the_business(settings: Any) -> None:
    settings.TIME_ZONE = "America/New_York"
    timezone.get_default_timezone.cache_clear()
    event(1, at=datetime(2026, 6, 10, 3, 59, tzinfo=UTC))
    event(2, at=datetime(2026, 6, 10, 4, 0, tzinfo=UTC))
    event(3, at=datetime(2026, 6, 11, 3, 59, tzinfo=UTC))
    with pytest.raises(closing.NotEnded):
        closed()
    assert closed(day=DAY - timedelta(days=1)).events == 1
    timezone.get_default_timezone.cache_clear()


def test_duplicates_of_a_day_before_they_were_counted_are_not_known_and_not_zero() -> None:
    event(1)
    row = closed()
    assert (row.repeated, row.received, row.events) == (None, None, 1)
    DeliveryCount.objects.create(provider="nowcerts", day=DAY, began_at=NOON)
    assert closed().repeated is None, "counting began in the middle of the day"


@pytest.mark.usefixtures("counting")
def test_repeated_deliveries_are_counted_on_the_day_on_which_they_came(
    post: Any, relay: Any, at: Any, drain: Any
) -> None:
    at(NOON)
    assert post(relay()).status_code == 200
    for _time in range(2):
        post(relay())
    post([relay(), relay(event_id="evt_2"), relay(event_id="evt_2")])
    post(relay(name="Another"))
    assert post(b"{}", sign=False).status_code == 403
    drain()
    at(NOON + timedelta(days=1))
    post(relay())
    at(NEXT_MORNING)
    row = closed()
    # One event, one that contradicts it, and evt_2; two copies by themselves, and two in the array.
    assert (row.events, row.repeated, row.received) == (3, 4, 7)
    at(NEXT_MORNING + timedelta(days=1))
    assert closed(day=DAY + timedelta(days=1)).repeated == 1


# What is lost ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("counting")
def test_rows_that_were_counted_and_vanish_are_lost(at: Any) -> None:
    for number in range(12):
        event(number)
    at(NOON)
    closing.tick()
    InboxEvent.objects.filter(key__in=["k1", "k2"]).delete()
    at(NEXT_MORNING)
    row = closed()
    assert (row.events, row.lost, row.state, row.differences) == (12, 2, "differs", {"lost": 2})
    assert row.differed_at == NEXT_MORNING


@pytest.mark.usefixtures("counting")
def test_rows_that_vanish_after_a_close_are_found_by_the_next() -> None:
    event(1)
    assert closed().state == "balanced"
    InboxEvent.objects.all().delete()
    assert closed().differences == {"lost": 1}


# The provider's own list ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("counting", "with_list")
def test_list_is_awaited_then_compared_and_overdue_after_half_a_day(at: Any) -> None:
    assert (closed().state, closed().compared) == ("unknown", "awaited")
    at(NEXT_MORNING + timedelta(hours=12))
    late = closed()
    assert (late.state, late.differences) == ("differs", {"not_compared": 1})
    run(datetime(2026, 6, 11, 0, 5, tzinfo=UTC))
    assert closed().state == "differs", "a webhook of midnight might still have been on its way"
    reading = run(datetime(2026, 6, 11, 0, 20, tzinfo=UTC))
    row = closed()
    assert (row.state, row.compared, row.run_id) == ("healed", "done", reading.pk)


@pytest.mark.usefixtures("counting")
def test_list_that_nobody_reads_is_not_compared_and_no_difference(settings: Any) -> None:
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "id", "secret"
    assert (closed().state, closed().compared) == ("balanced", "not_read")
    assert closed("chatwoot").compared == "no_list"


@pytest.mark.usefixtures("counting", "with_list")
def test_changes_that_webhooks_missed_are_named_by_their_day() -> None:
    lines = [{"event": "offer.purchased", "happened": moment.isoformat()} for moment in (NOON, NOON, NEXT_MORNING)]
    run(NEXT_MORNING, healed=3, healed_listed=lines)
    row = closed()
    assert (row.state, row.restored) == ("healed", 2)
    SyncRun.objects.filter(healed=3).update(pruned_at=NEXT_MORNING, healed_listed=[])
    assert closed().restored is None, "what was removed is not zero"


@pytest.mark.usefixtures("counting", "with_list")
def test_records_that_were_not_applied_and_open_findings_differ_until_they_are_settled() -> None:
    run(NEXT_MORNING)
    record = ProviderRecord.objects.create(
        provider="kajabi", key="purchase:1", changed_at=NOON, content={"failed": {"run": 1}}
    )
    audit = run(NOON, kind="audit")
    found = SyncFinding.objects.create(run=audit, key="1", kind="status", remedy="look")
    assert closed().differences == {"not_applied": 1, "findings": 1}
    ProviderRecord.objects.filter(pk=record.pk).update(digest="applied")
    SyncFinding.objects.filter(pk=found.pk).update(status="set_aside")
    assert (closed().state, closed().differences) == ("healed", {})


# Mails, the clock, two at once ----------------------------------------------------------------------------------------


def lose_one() -> None:
    DeliveryCount.objects.create(provider="kajabi", day=DAY, events=1)


@pytest.mark.usefixtures("counting")
def test_staff_get_one_mail_for_a_day_that_does_not_balance_and_none_for_one_that_does(settings: Any) -> None:
    settings.SLACK_WEBHOOK_URL = "https://hooks.slack.example/x"
    closed("nowcerts")
    assert not EmailMessage.objects.exists()
    lose_one()
    for _time in range(3):
        row = closed()
    mail = EmailMessage.objects.get()
    assert mail.context["question"] == "unbalanced_day"
    assert mail.context["admin_path"] == f"/admin/integrations/dailyclose/{row.pk}/change/"
    sentence = "Kajabi, 10 Jun 2026: 1 event was received and is not stored any more"
    assert (mail.context["details"], Notice.objects.get().text) == ([sentence], sentence)


@pytest.mark.usefixtures("counting")
def test_mail_says_it_in_a_subject_and_in_both_forms(drain: Any, mailoutbox: Any, at: Any) -> None:
    lose_one()
    closed()
    at(NEXT_MORNING + timedelta(days=999))
    drain()
    (message,) = mailoutbox
    assert message.subject.startswith("A day does not balance: Kajabi")
    assert "Not everything that this provider sent" in message.body
    assert "/admin/integrations/dailyclose/" in message.body


@pytest.mark.usefixtures("counting")
def test_clock_closes_yesterday_and_what_is_open_and_leaves_the_rest(at: Any) -> None:
    event(1)
    event(2, at=NOON - timedelta(days=3))
    at(datetime(2026, 6, 11, 0, 14, tzinfo=UTC))
    closing.tick()
    assert not DailyClose.objects.filter(day=DAY).exists(), "events of midnight may still be processed"
    at(NEXT_MORNING)
    closing.tick()
    days = {(row.provider, row.day) for row in DailyClose.objects.all()}
    assert ("kajabi", DAY) in days
    assert ("kajabi", DAY - timedelta(days=3)) in days
    assert ("kajabi", DAY - timedelta(days=2)) not in days, "nothing came, and nobody closed it then"

    at(NEXT_MORNING + timedelta(hours=1))
    closing.tick()
    assert DailyClose.objects.get(provider="kajabi", day=DAY).counted_at == NEXT_MORNING
    at(NEXT_MORNING + timedelta(hours=7))
    closing.tick()
    assert DailyClose.objects.get(provider="kajabi", day=DAY).counted_at == NEXT_MORNING + timedelta(hours=7)


def test_clock_removes_days_past_their_time() -> None:
    DailyClose.objects.create(provider="kajabi", day=DAY - timedelta(days=500))
    DeliveryCount.objects.create(provider="kajabi", day=DAY - timedelta(days=500))
    closing.tick()
    assert not DailyClose.objects.filter(day__lt=DAY - timedelta(days=400)).exists()
    assert not DeliveryCount.objects.filter(day__lt=DAY - timedelta(days=400)).exists()


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_write_one_close_and_one_mail(at_once: Any) -> None:
    DeliveryCount.objects.create(provider="kajabi", day=DAY, events=1, began_at=NOON - timedelta(days=1))
    results = at_once([closing.tick] * 4)
    assert results == [None] * 4
    assert DailyClose.objects.filter(provider="kajabi", day=DAY).count() == 1
    assert EmailMessage.objects.filter(context__question="unbalanced_day").count() == 1


@pytest.mark.django_db(transaction=True)
def test_repeated_deliveries_at_once_are_all_counted(at_once: Any) -> None:
    at_once([lambda: DeliveryCount.objects.add_repeated("kajabi", 2)] * 10)
    assert DeliveryCount.objects.get().repeated == 20


@pytest.mark.usefixtures("counting", "with_list")
def test_close_of_a_day_takes_few_statements_whatever_came() -> None:
    for number in range(50):
        event(number, status=["processed", "ignored", "failed"][number % 3], reason=f"r{number % 9}")
    run(NEXT_MORNING)
    with CaptureQueriesContext(connection) as captured:
        closed()
    assert len(captured) <= 14, "\n".join(query["sql"][:150] for query in captured)
