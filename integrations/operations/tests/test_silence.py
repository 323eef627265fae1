"""Silences over stored events: noticed once, told once, ended by the next event; and what home says of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from accounts.mail.models import EmailMessage
from accounts.tests.admin_clients import signed_in
from integrations.contracts.webhook import TEST_EVENT
from integrations.inbox.models import InboxEvent
from integrations.operations import clock, silence, silence_texts
from integrations.operations.models import Figure, Notice, Silence

pytestmark = pytest.mark.django_db
LAST = datetime(2026, 6, 10, 14, tzinfo=UTC)  # a Wednesday
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    def go(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    go(LAST)
    return go


def event(moment: datetime, **columns: Any) -> None:
    number = InboxEvent.objects.count()
    values = {"provider": "kajabi", "key": f"k{number}", "body": b"{}", "status": "processed", "finished_at": moment}
    InboxEvent.objects.create(**values | {"received_at": moment} | columns)


@pytest.fixture
def hourly() -> None:
    """Store an event an hour for three weeks, until LAST."""
    InboxEvent.objects.bulk_create(
        InboxEvent(
            provider="kajabi",
            key=f"h{number}",
            body=b"{}",
            status="processed",
            received_at=LAST - number * HOUR,
            finished_at=LAST,
        )
        for number in reversed(range(500))
    )


@pytest.mark.usefixtures("hourly")
def test_silence_is_noticed_once_told_once_and_ended_by_the_next_event(at: Any, settings: Any) -> None:
    settings.SLACK_WEBHOOK_URL = "https://hooks.slack.example/x"
    silence.check()
    assert not Silence.objects.exists()
    run_clock(at, LAST, LAST + 26 * HOUR)
    for _time in range(3):
        silence.check()
    row = Silence.objects.get()
    assert (row.since, row.noticed_at, row.ended_at) == (LAST, LAST + 26 * HOUR, None)
    mail = EmailMessage.objects.get()
    assert (mail.context["question"], mail.context["admin_path"].endswith(f"/{row.pk}/change/")) == ("silence", True)
    (sentence,) = mail.context["details"]
    assert sentence.startswith(
        "Kajabi has sent nothing for 26 hours; on Thursdays at this time it is never longer than"
    )
    assert Notice.objects.get().text == sentence

    event(LAST + 27 * HOUR)
    at(LAST + 27 * HOUR)
    silence.check()
    row.refresh_from_db()
    assert row.ended_at == LAST + 27 * HOUR
    run_clock(at, LAST + 27 * HOUR, LAST + 60 * HOUR)
    silence.check()
    assert (Silence.objects.count(), EmailMessage.objects.count()) == (2, 2), "the next silence is another one"


@pytest.mark.usefixtures("hourly")
def test_our_own_test_event_neither_ends_a_silence_nor_is_learnt(at: Any) -> None:
    at(LAST + 26 * HOUR)
    event(LAST + 25 * HOUR, event_type=TEST_EVENT)
    silence.check()
    assert Silence.objects.get().since == LAST


@pytest.mark.usefixtures("hourly")
def test_provider_that_is_not_set_up_any_more_is_not_silent(at: Any, settings: Any) -> None:
    at(LAST + 26 * HOUR)
    silence.check()
    settings.KAJABI_WEBHOOK_SECRET = settings.KAJABI_WEBHOOK_TOKEN = []
    silence.check()
    assert Silence.objects.get().ended_at is not None


def test_provider_with_too_few_events_is_still_learnt_and_never_told_of(at: Any, staff: Any) -> None:
    for number in range(40):
        event(LAST - number * 12 * HOUR)
    at(LAST + timedelta(days=30))
    silence.check()
    assert not Silence.objects.exists()
    assert "its rhythm is still being learnt" in signed_in(staff).get("/admin/").content.decode()
    assert "Kajabi" in signed_in(staff).get("/admin/integrations/silence/").context["learning"]
    assert "Still learning" in signed_in(staff).get("/admin/integrations/silence/").content.decode()


@pytest.mark.usefixtures("hourly")
def test_provider_whose_rhythm_is_known_is_not_named_as_still_learnt(at: Any, staff: Any) -> None:
    silence.check()
    assert "Kajabi" not in signed_in(staff).get("/admin/integrations/silence/").context["learning"]


@pytest.mark.usefixtures("hourly")
def test_home_says_within_what_time_the_next_event_is_usual(at: Any, staff: Any) -> None:
    silence.check()
    page = signed_in(staff).get("/admin/")
    assert "usually within" in page.content.decode()
    (strip,) = [one for one in page.context["panels"][0]["strips"] if one["provider"].key == "kajabi"]
    assert strip["is_quiet"] is False


@pytest.mark.usefixtures("hourly")
def test_rhythm_is_learnt_once_a_day_and_checks_are_cheap(at: Any) -> None:
    silence.check()
    assert Figure.objects.get(kind="rhythm", subject="kajabi").numbers["events"] == 500
    with CaptureQueriesContext(connection) as captured:
        silence.check()
    assert len(captured) <= 4, [query["sql"][:120] for query in captured]
    at(LAST + 11 * HOUR)
    silence.check()
    assert Figure.objects.filter(kind="rhythm", subject="kajabi").count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_at_once_notice_one_silence_and_send_one_mail(hourly: None, at: Any, at_once: Any) -> None:
    at(LAST + 26 * HOUR)
    assert at_once([silence.check] * 4) == [None] * 4
    assert (Silence.objects.count(), EmailMessage.objects.count()) == (1, 1)


def test_lengths_are_hours_then_days_in_the_readers_language() -> None:
    lengths = [timedelta(minutes=20), HOUR, 26 * HOUR, 71 * HOUR, timedelta(days=5)]
    assert [silence_texts.length(one) for one in lengths] == ["1 hour", "1 hour", "26 hours", "71 hours", "5 days"]
    row = Silence(provider="kajabi", since=LAST, noticed_at=LAST + 26 * HOUR, usual_seconds=5 * 3600)
    with translation.override("es"):
        assert silence_texts.sentence(row, "Kajabi") == (
            "Kajabi no ha enviado nada desde hace 26 horas; los jueves a esta hora nunca tarda más de 5 horas"
        )


# Enlace's own downtime ------------------------------------------------------------------------------------------------


def run_clock(at: Any, begin: datetime, end: datetime) -> None:
    moment = begin
    while moment <= end:
        at(moment)
        clock.note_run(moment)
        moment += timedelta(minutes=10)


def test_stretches_of_the_clock_are_one_row_each(at: Any) -> None:
    run_clock(at, LAST, LAST + 5 * HOUR)
    run_clock(at, LAST + 8 * HOUR, LAST + 9 * HOUR)
    assert Figure.objects.filter(kind=Figure.Kind.CLOCK).count() == 2
    assert clock.note_run(LAST + 9 * HOUR) == [(LAST + 5 * HOUR, LAST + 8 * HOUR)]
    stretches = Figure.objects.filter(kind=Figure.Kind.CLOCK)
    now = LAST + 11 * HOUR
    assert clock.pauses_between(stretches, now)[-1] == (LAST + 9 * HOUR, now), "it does not run now"


@pytest.mark.usefixtures("hourly")
def test_time_in_which_enlace_did_not_run_is_no_silence_of_a_provider(at: Any) -> None:
    silence.check()
    for hours in (26, 27):  # it was down for a day, then it is awaited anew
        at(LAST + hours * HOUR)
        silence.check()
        assert not Silence.objects.exists()
    run_clock(at, LAST + 27 * HOUR, LAST + 60 * HOUR)
    silence.check()
    assert Silence.objects.get().provider == "kajabi"


@pytest.mark.usefixtures("hourly")
def test_provider_that_is_silent_while_enlace_runs_is_noticed(at: Any) -> None:
    silence.check()
    run_clock(at, LAST, LAST + 26 * HOUR)
    silence.check()
    assert Silence.objects.get().provider == "kajabi"
