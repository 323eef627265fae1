"""Measures and alerts: staff are notified of each change once."""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from math import inf, nan
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.courses.models import Activity, Completion
from accounts.mail.models import EmailMessage
from accounts.staff.audit import record
from accounts.tests.admin_clients import clerk, signed_in
from integrations.inbox.models import InboxEvent
from integrations.operations import alerts, measures
from integrations.operations.alerts import RULES, Rule, Verdict
from integrations.operations.measures import Measured, Reader
from integrations.operations.models import AlertState, Notice
from integrations.toolkit import quota
from tests.fakes.http_server import Answer, FakeServer

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def event(number: int, status: str = "processed", *, seconds: float = 1, ago: float = 60, **columns: Any) -> InboxEvent:
    """Make an event received `ago` seconds before now, that ended `seconds` later."""
    received = timezone.now() - timedelta(seconds=ago)
    ended = None if status == "pending" else received + timedelta(seconds=seconds)
    return InboxEvent.objects.create(
        provider="kajabi", endpoint="relay", key=f"k{number}:{InboxEvent.objects.count()}", body=b"{}", body_digest="",
        received_at=received, finished_at=ended, status=status, **({"attempts": 1} | columns),
    )  # fmt: skip


def completion(number: int, **columns: Any) -> Completion:
    values = {"channel": "kajabi", "completed_on": date(2026, 3, 1), "activity": Activity.objects.get()} | columns
    return Completion.objects.create(source=f"kajabi:{number}", **values)


@pytest.fixture
def slack(settings: Any) -> Iterator[FakeServer]:
    with FakeServer(lambda asked: Answer(status=200, body=b"ok", content_type="text/plain")) as server:
        settings.SLACK_WEBHOOK_URL = f"{server.url}/services/T0/B0/a-secret-of-slack"
        yield server


def posted(slack: FakeServer) -> list[str]:
    return [json.loads(exchange.asked.body)["text"] for exchange in slack.exchanges]


# Measures -------------------------------------------------------------------------------------------------------------


def test_delivery_success_is_the_share_of_finished_events_that_did_not_fail() -> None:
    for number in range(8):
        event(number)
    event(8, "failed")
    event(9, "ignored")
    event(10, "pending")
    event(11, "failed", ago=4000)
    assert measures.delivery_success(Reader(), HOUR) == [Measured(subject="kajabi", value=0.9, sample=10)]


def test_failed_processing_counts_failures_whenever_events_were_received() -> None:
    event(1, "failed", ago=50_000, seconds=49_000)
    event(2, "failed", ago=50_000, seconds=1)
    assert measures.failed_processing(Reader(), HOUR) == [Measured(subject="kajabi", value=1, sample=1)]


def test_events_matched_is_the_share_that_staff_did_not_match() -> None:
    for number, status in enumerate(["processed", "processed", "processed", "unmatched", "ignored", "pending"]):
        event(number, status)
    assert measures.events_matched(Reader(), HOUR) == [Measured(subject="kajabi", value=0.75, sample=4)]


def test_completions_matched_is_the_share_matched_without_staff(user: Any, staff: Any) -> None:
    for number in range(3):
        completion(number, user=user, state="awarded", course_key=str(number))
    completion(3)
    completion(4, user=user, state="awarded", course_key="4", staff=staff)
    completion(5, channel="mail")
    completion(6, channel="staff", user=user, state="awarded", course_key="6")
    completion(7, received_at=timezone.now() - 2 * HOUR)
    assert measures.completions_matched(Reader(), HOUR) == [Measured(subject="kajabi completions", value=0.6, sample=5)]


def test_latency_is_the_95th_percentile_of_first_attempts_and_pending_events() -> None:
    for number in range(95):
        event(number, seconds=0.5)
    for number in range(5):
        event(100 + number, seconds=50)
    event(200, seconds=40, attempts=2)
    (measured,) = measures.latency(Reader(), HOUR)
    assert (measured.value, measured.sample) == (0.5, 100)
    for number in range(6):
        event(300 + number, "pending", ago=120, attempts=0)
    (measured,) = measures.latency(Reader(), HOUR)
    assert (50 <= measured.value < 125, measured.sample) == (True, 106)


def test_duplicates_is_the_share_of_repeated_deliveries() -> None:
    event(1, duplicates=3)
    event(2)
    assert measures.duplicates(Reader(), HOUR) == [Measured(subject="kajabi", value=0.6, sample=5)]


def test_refused_calls_counts_429s_of_known_providers() -> None:
    assert measures.refused_calls(Reader(), HOUR) == []
    for _call in range(7):
        quota.note_refusal("Kajabi")
    quota.note_refusal("Another")
    assert measures.refused_calls(Reader(), HOUR) == [Measured(subject="kajabi", value=7, sample=7)]


@pytest.mark.parametrize(("rank", "value"), [(95, 95), (50, 50), (100, 100), (0, 1)])
def test_percentile_returns_the_smallest_value_not_exceeded(rank: int, value: int) -> None:
    assert measures.percentile(range(100, 0, -1), rank) == value
    assert measures.percentile([7], rank) == 7


# Rules ----------------------------------------------------------------------------------------------------------------


AT_LEAST = Rule(name="r", title="R", measure=lambda window: [], least=0.95, sample=20, unit="%")
AT_MOST = Rule(name="r", title="R", measure=lambda window: [], most=60, sample=5, unit="s")
NONE_AT_ALL = Rule(name="r", title="R", measure=lambda window: [], most=0)
SOME = Rule(name="r", title="R", measure=lambda window: [], least=1)


def measured(value: float, sample: int) -> Measured:
    return Measured(subject="x", value=value, sample=sample)


@pytest.mark.parametrize(
    ("rule", "found", "verdict"),
    [
        (AT_LEAST, None, Verdict.UNKNOWN),
        (AT_LEAST, measured(0.5, 0), Verdict.UNKNOWN),
        (AT_LEAST, measured(0.5, 19), Verdict.UNKNOWN),
        (AT_LEAST, measured(1.0, 19), Verdict.UNKNOWN),
        (AT_LEAST, measured(0.5, 20), Verdict.BAD),
        (AT_LEAST, measured(0.9499999, 20), Verdict.BAD),
        (AT_LEAST, measured(0.95, 20), Verdict.GOOD),
        (AT_LEAST, measured(0.9500001, 20), Verdict.GOOD),
        (AT_LEAST, measured(nan, 20), Verdict.UNKNOWN),
        (AT_LEAST, measured(-inf, 20), Verdict.BAD),
        (AT_MOST, None, Verdict.UNKNOWN),
        (AT_MOST, measured(61, 4), Verdict.UNKNOWN),
        (AT_MOST, measured(60, 5), Verdict.GOOD),
        (AT_MOST, measured(60.0001, 5), Verdict.BAD),
        (AT_MOST, measured(inf, 5), Verdict.BAD),
        (AT_MOST, measured(nan, 5), Verdict.UNKNOWN),
        (NONE_AT_ALL, None, Verdict.GOOD),
        (NONE_AT_ALL, measured(1, 1), Verdict.BAD),
        (SOME, None, Verdict.BAD),
    ],
)
def test_verdict_is_good_within_the_limit_and_unknown_without_enough_rows(
    rule: Rule, found: Measured | None, verdict: Verdict
) -> None:
    assert rule.verdict(found) is verdict


@pytest.mark.parametrize(
    ("rule", "value", "text"),
    [
        (AT_LEAST, 0.95, "95.0%"),
        (AT_LEAST, 0.9499, "94.99%"),
        (AT_LEAST, 0.94996, "94.996%"),
        (AT_LEAST, 0.5, "50.0%"),
        (AT_MOST, 60, "60.0 s"),
        (AT_MOST, 60.04, "60.04 s"),
        (AT_MOST, nan, "–"),
        (AT_MOST, None, "–"),
        (NONE_AT_ALL, 0, "0"),
        (NONE_AT_ALL, 1234, "1234"),
    ],
)
def test_value_outside_its_limit_is_never_shown_as_the_limit(rule: Rule, value: float | None, text: str) -> None:
    assert rule.format_value(value) == text


def test_rules_have_unique_names_and_one_limit_each() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert (rule.least is None) != (rule.most is None)


# Notifying ------------------------------------------------------------------------------------------------------------


def test_staff_are_notified_once_when_an_alert_is_raised_and_once_when_it_clears(
    drain: Any, mailoutbox: Any, slack: FakeServer, travel: Any
) -> None:
    assert alerts.evaluate() == []
    event(1, "failed", ago=10)
    assert [str(state) for state in alerts.evaluate()] == ["failed: kajabi"]
    event(2, "failed", ago=10)
    assert alerts.evaluate() == []
    drain()
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["staff@example.com"], "Alert: Failed processing (Kajabi)")
    assert "Should be: ≤ 0" in mail.body
    assert "/admin/metrics/" in mail.body
    assert posted(slack) == ["ALERT: Failed processing (Kajabi): 1, should be ≤ 0"]

    travel(2 * HOUR)
    assert [state.is_raised for state in alerts.evaluate()] == [False]
    assert alerts.evaluate() == []
    drain()
    assert mailoutbox[1].subject == "Cleared: Failed processing (Kajabi)"
    assert posted(slack)[1] == "Cleared: Failed processing (Kajabi): –, should be ≤ 0"
    assert (len(mailoutbox), len(slack.exchanges)) == (2, 2)

    event(3, "failed", ago=10)
    assert len(alerts.evaluate()) == 1
    drain()
    assert len(mailoutbox) == 3


def test_too_few_rows_leave_an_alert_unchanged() -> None:
    for number in range(20):
        event(number, "unmatched")
    assert {state.rule for state in alerts.evaluate()} == {"events_matched"}
    InboxEvent.objects.filter(pk__gt=InboxEvent.objects.order_by("pk")[4].pk).delete()
    assert alerts.evaluate() == []
    assert AlertState.objects.get(rule="events_matched").is_raised
    InboxEvent.objects.all().delete()
    assert [(state.rule, state.is_raised) for state in alerts.evaluate()] == [("events_matched", False)]


@pytest.mark.django_db(transaction=True)
def test_concurrent_evaluations_notify_once(at_once: Any, settings: Any) -> None:
    settings.SLACK_WEBHOOK_URL = "http://127.0.0.1:9/x"
    event(1, "failed", ago=10)
    changed = at_once([lambda: len(alerts.evaluate())] * 4)
    assert sorted(changed) == [0, 0, 0, 1]
    assert (EmailMessage.objects.filter(kind="staff_alert").count(), Notice.objects.count()) == (1, 1)


def test_without_slack_no_notice_is_enqueued(drain: Any, mailoutbox: Any) -> None:
    event(1, "failed", ago=10)
    alerts.evaluate()
    drain()
    assert (Notice.objects.count(), len(mailoutbox)) == (0, 1)


@pytest.mark.parametrize(
    ("status", "ends", "error"),
    [
        (500, "pending", "answered with 500"),
        (429, "pending", "answered with 429"),
        (302, "failed", "answered with 302; check SLACK_WEBHOOK_URL"),
        (404, "failed", "answered with 404; check SLACK_WEBHOOK_URL"),
    ],
)
def test_refusal_by_slack_is_stored_on_the_notice(
    slack: FakeServer, drain: Any, status: int, ends: str, error: str, caplog: Any
) -> None:
    slack.misbehave(Answer(status=status))
    event(1, "failed", ago=10)
    alerts.evaluate()
    drain()
    notice = Notice.objects.get()
    assert (notice.status, notice.last_error) == (ends, error)
    assert "a-secret-of-slack" not in caplog.text


def test_notice_waits_while_slack_is_away_and_its_address_stays_secret(settings: Any, drain: Any, caplog: Any) -> None:
    settings.SLACK_WEBHOOK_URL = "http://127.0.0.1:9/services/a-secret-of-slack"
    event(1, "failed", ago=10)
    alerts.evaluate()
    drain()
    notice = Notice.objects.get()
    assert (notice.status, notice.failures, notice.last_error) == (
        "pending",
        1,
        "no answer (ConnectionError)",
    )
    assert "a-secret-of-slack" not in caplog.text


def test_slack_markup_in_a_message_is_escaped(slack: FakeServer, drain: Any) -> None:
    from integrations.operations import notices

    notices.enqueue(lambda: "<!channel> & <https://evil.example|x>", key="k")
    assert notices.enqueue(lambda: "again", key="k") is None
    drain()
    assert posted(slack) == ["&lt;!channel&gt; &amp; &lt;https://evil.example|x&gt;"]
    assert Notice.objects.get().status == "sent"


# The console ----------------------------------------------------------------------------------------------------------


def test_metrics_page_shows_every_measure_and_its_state(staff: Any) -> None:
    event(1, "failed", ago=10)
    alerts.evaluate()
    client = signed_in(staff)
    page = client.get("/admin/metrics/").content.decode()
    for rule in RULES:
        assert str(rule.title) in page
    assert "≤ 60.0 s" in page
    assert "badge--failed" in page
    assert "/admin/metrics/" in client.get("/admin/").content.decode()
    assert "/admin/integrations/alertstate/?is_raised__exact=1" in client.get("/admin/").content.decode()
    assert client.get("/admin/integrations/alertstate/").status_code == 200
    assert client.post("/admin/metrics/").status_code == 405


def test_metrics_page_reads_what_several_rules_count_once(staff: Any) -> None:
    client = signed_in(staff)
    event(1, "failed", ago=10)
    with CaptureQueriesContext(connection) as statements:
        client.get("/admin/metrics/")
    tables = [re.findall(r'FROM "(\w+)"', query["sql"])[0] for query in statements]
    assert tables.count("accounts_auditentry") == 1
    assert tables.count("integrations_inboxevent") == 3  # what was received, what failed, the latency


def states_on(client: Client, path: str) -> dict[str, str]:
    """Return the text of the last column, by the first and second cell of each row."""
    page = client.get(path).content.decode()
    rows = re.findall(r"<tr[^>]*>\s*<th scope=\"row\">(.*?)</tr>", page, re.DOTALL)
    cells = [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.split(r"</t[hd]>", row)] for row in rows]
    return {f"{row[0]} {row[1]}": row[6] for row in cells}


def test_metrics_page_says_good_only_within_the_limit(staff: Any) -> None:
    client = signed_in(staff)
    assert states_on(client, "/admin/metrics/") == {
        f"{rule.title} –": "not enough data" if rule.unit else "as it should be" for rule in RULES
    }
    for number in range(9):
        event(number, "unmatched")
    assert states_on(client, "/admin/metrics/")["Matched events Kajabi"] == "not enough data"
    alerts.evaluate()
    assert states_on(client, "/admin/metrics/")["Matched events Kajabi"] == "not enough data"
    event(9, "unmatched")
    assert states_on(client, "/admin/metrics/")["Matched events Kajabi"] == "outside its limit"
    alerts.evaluate()
    assert states_on(client, "/admin/metrics/")["Matched events Kajabi"] == "alert"
    InboxEvent.objects.order_by("pk")[0].delete()
    alerts.evaluate()
    assert states_on(client, "/admin/metrics/")["Matched events Kajabi"] == "not enough data alert"


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"value": 0.2, "sample": 9}, ["not enough data"]),
        ({"value": None, "sample": 20}, ["not enough data"]),
        ({"value": None, "sample": 0}, ["not enough data"]),
        ({"value": 0.2, "sample": 10}, ["outside its limit"]),
        ({"value": 0.8, "sample": 10}, ["as it should be"]),
        ({"value": 0.2, "sample": 10, "is_raised": True}, ["alert"]),
        ({"value": 0.9, "sample": 10, "is_raised": True}, ["as it should be", "alert"]),
    ],
)
def test_alert_list_shows_the_same_verdicts_as_the_metrics_page(
    staff: Any, columns: dict[str, Any], words: list[str]
) -> None:
    AlertState.objects.create(rule="events_matched", subject="kajabi", **columns)
    page = signed_in(staff).get("/admin/integrations/alertstate/").content.decode()
    assert re.findall(r'class="badge badge--\w+">([^<]*)', page) == words


def test_metrics_page_is_for_superusers(db: None) -> None:
    assert clerk("view_alertstate").get("/admin/metrics/").status_code == 403
    assert Client().get("/admin/metrics/").status_code == 302


def test_failed_notice_is_posted_again(staff: Any, slack: FakeServer, drain: Any) -> None:
    slack.misbehave(Answer(status=404))
    event(1, "failed", ago=10)
    alerts.evaluate()
    drain()
    notice = Notice.objects.get()
    signed_in(staff).post(f"/admin/integrations/notice/{notice.pk}/act/post-again/")
    drain()
    notice.refresh_from_db()
    assert (notice.status, len(slack.exchanges)) == ("sent", 2)


def test_client_counts_429s_of_an_api() -> None:
    from integrations.toolkit.client import JsonClient
    from integrations.toolkit.failures import TemporaryFailure
    from integrations.toolkit.retries import Retries

    with FakeServer(lambda asked: Answer(status=429)) as server:
        once = Retries(number=0, initial_delay=1, backoff_factor=1)
        client = JsonClient(server.url, title="Kajabi", retries=once)
        with pytest.raises(TemporaryFailure):
            client.call("GET", "/x")
        assert (quota.refusals("Kajabi"), len(server.exchanges)) == (1, 1)


# The audit log --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "action", "outcome", "most"),
    [
        ("failed_sign_ins", "sign_in.failed", "failed", 20),
        ("lock_outs", "sign_in.locked", "denied", 3),
        ("lock_outs", "set_up.locked", "denied", 3),
        ("denials", "permission.denied", "denied", 20),
        ("exports", "data.exported", "done", 5),
    ],
)
def test_burst_in_the_audit_log_is_notified_once_and_clears_by_itself(
    rule: str, action: str, outcome: str, most: int, travel: Any
) -> None:
    def raised() -> list[bool]:
        return [state.is_raised for state in alerts.evaluate() if state.rule == rule]

    for _number in range(most):
        record(action, outcome=outcome)
    record("thing.done")
    assert raised() == []
    record(action, outcome=outcome)
    assert (raised(), raised()) == ([True], [])
    travel(timedelta(minutes=11))
    assert (raised(), raised()) == ([False], [])
    mails = EmailMessage.objects.filter(kind=EmailMessage.Kind.STAFF_ALERT, key__contains=f":{rule}:")
    assert mails.count() == 2
