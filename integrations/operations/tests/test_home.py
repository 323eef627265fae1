"""The home page: figures with links to their rows, one strip a connection, bounded however much there is."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import User
from accounts.tests.admin_clients import clerk, signed_in
from integrations import registry
from integrations.contracts.exceptions import Retryable
from integrations.inbox import refusals
from integrations.inbox.models import InboxEvent
from integrations.operations import figures
from integrations.operations.models import Figure
from integrations.reconcile.models import SyncRun

pytestmark = pytest.mark.django_db
HOME = "/admin/"


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def panel(client: Client, name: str) -> Any:
    """Return a panel as the page has it, None where it is not shown."""
    panels = client.get(HOME).context["panels"]
    return next((filled for filled in panels if filled["panel"].name == name), None)


def strip(client: Client, provider: str = "kajabi") -> Any:
    strips = panel(client, "connections")["strips"]
    return next(one for one in strips if one["provider"].key == provider)


def event(number: int = 0, *, ago: timedelta = timedelta(0), provider: str = "kajabi", **columns: Any) -> InboxEvent:
    at = timezone.now() - ago
    values = {"provider": provider, "key": f"k{number}", "body": b"{}", "received_at": at, "status": "processed"}
    return InboxEvent.objects.create(**values | columns)


# Connections ----------------------------------------------------------------------------------------------------------


def test_strip_says_that_a_connection_has_been_silent_and_what_was_refused(console: Client, post: Any) -> None:
    last = event(ago=timedelta(days=3), event_type="offer.purchased")
    assert post(b"{}", sign=False).status_code == 403
    found = strip(console)
    assert (found["event"], found["is_quiet"], found["is_broken"]) == (last, True, True)
    assert found["refusal"].at > timezone.now() - timedelta(minutes=1)
    page = console.get(HOME).content.decode()
    assert "3\xa0days ago" in page
    assert found["refusal"].reason in page


def test_strip_of_a_connection_at_work_is_calm(console: Client) -> None:
    event(ago=timedelta(hours=1))
    found = strip(console)
    assert (found["is_quiet"], found["refusal"], found["are_refusals_known"]) == (False, None, True)
    assert not found["is_broken"]


def test_strip_says_that_nothing_ever_came(console: Client) -> None:
    assert strip(console)["event"] is None
    assert "none ever" in console.get(HOME).content.decode()


def test_refusals_are_not_known_while_the_cache_is_away(console: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def get_many(self, keys: Any) -> None:
            raise ConnectionError

        def set(self, *values: Any) -> None:
            raise ConnectionError

    monkeypatch.setattr(refusals, "cache", Away())
    refusals.note("kajabi", "a wrong token")
    assert strip(console)["are_refusals_known"] is False
    assert "not known: the cache is away" in console.get(HOME).content.decode()


def test_strip_names_the_last_reading_to_those_who_may_see_runs(console: Client, settings: Any) -> None:
    run = SyncRun.objects.create(provider="kajabi", kind="incremental", status="done", cause="test")
    assert strip(console)["run"] == run
    assert strip(clerk("view_inboxevent"))["has_lists"] is False


def test_connection_without_a_secret_is_no_connection_or_says_what_to_set(console: Client, settings: Any) -> None:
    settings.KAJABI_WEBHOOK_SECRET = settings.KAJABI_WEBHOOK_TOKEN = []
    keys = {one["provider"].key for one in panel(console, "connections")["strips"]}
    assert "kajabi" not in keys
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "id", "secret"
    assert "KAJABI_WEBHOOK_SECRET" in strip(console)["hooks_need"]


def test_strip_says_whether_the_hooks_of_a_provider_are_right(
    console: Client, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "id", "secret"
    kajabi = registry.provider("kajabi")

    def says(answer: Any) -> str:
        def missing() -> Any:
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(registry, "all_providers", lambda: {"kajabi": replace(kajabi, missing_hooks=missing)})
        figures.check_hooks()
        return " ".join(console.get(HOME).content.decode().split())

    assert "its hooks are not known" in " ".join(console.get(HOME).content.decode().split()), "nobody asked yet"
    assert "its hooks are right" in says([])
    assert "no hook leads here for purchase" in says(["purchase"])
    assert "none of its hooks leads here" in says(list(kajabi.hooked))
    assert "its hooks are not known: no answer" in says(Retryable("no answer"))


# Events by hour -------------------------------------------------------------------------------------------------------


def arrivals(client: Client, provider: str = "kajabi") -> Any:
    return next(one for one in panel(client, "events")["providers"] if one["provider"].key == provider)


def test_events_are_counted_by_hour_and_outcome_and_each_figure_links_to_its_rows(console: Client) -> None:
    event(1)
    event(2, status="failed")
    event(3, ago=timedelta(hours=5))
    event(4, ago=timedelta(hours=30))
    figures.count()
    found = arrivals(console)
    assert (found["total"], found["is_known"]) == (3, True)
    assert {one["status"]: one["number"] for one in found["sums"]} == {"processed": 2, "failed": 1}
    for one in found["sums"]:
        assert len(console.get(one["url"]).context["cl"].result_list) == one["number"]
    by_hour = [hour for hour in found["hours"] if sum(hour["numbers"].values())]
    assert [sum(hour["numbers"].values()) for hour in by_hour] == [1, 2]
    assert len(console.get(by_hour[-1]["url"]).context["cl"].result_list) == 2


def test_what_was_not_counted_is_not_zero(console: Client) -> None:
    assert arrivals(console)["is_known"] is False
    assert panel(console, "members")["access"] is None
    assert {row["number"] for row in panel(console, "mails")["rows"]} == {None}
    assert panel(console, "queue")["latency"][0]["numbers"] is None
    page = console.get(HOME).content.decode()
    assert "Nothing was counted yet:" in page
    assert page.count("not counted") > 4

    figures.count()
    assert (arrivals(console)["is_known"], arrivals(console)["total"]) == (True, 0)
    Figure.objects.filter(kind="events", at=figures.hour_of(timezone.now()) - timedelta(hours=7)).delete()
    found = arrivals(console)
    assert found["is_known"] is False
    assert [hour["numbers"] is None for hour in found["hours"]].count(True) == 1


def test_old_figures_say_since_when_nothing_was_counted(console: Client, travel: Any) -> None:
    figures.count()
    assert "Nothing was counted since" not in console.get(HOME).content.decode()
    travel(timedelta(minutes=6))
    assert "Nothing was counted since" in console.get(HOME).content.decode()


def test_retry_of_an_older_event_changes_its_hour_within_ten_minutes(
    console: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = event(1, ago=timedelta(hours=5), status="failed")
    figures.count()
    InboxEvent.objects.filter(pk=row.pk).update(status="processed")
    now = timezone.now()
    at = now.replace(minute=now.minute // 10 * 10) + timedelta(minutes=10)
    monkeypatch.setattr(timezone, "now", lambda: at)
    figures.count()
    assert {one["status"] for one in arrivals(console)["sums"]} == {"processed"}


def test_events_are_counted_where_the_hours_of_the_zone_begin_at_half_past(console: Client, settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    event(1)
    figures.count()
    assert sum(one["number"] for one in arrivals(console)["sums"]) == 1


def test_figures_are_counted_twice_at_once_to_the_same(console: Client) -> None:
    event(1)
    figures.count()
    before = list(Figure.objects.order_by("pk").values_list("kind", "subject", "at", "numbers"))
    figures.count()
    assert list(Figure.objects.order_by("pk").values_list("kind", "subject", "at", "numbers")) == before


# Queue, members, mails ------------------------------------------------------------------------------------------------


def test_queue_names_how_many_wait_the_oldest_and_how_long_events_take(console: Client) -> None:
    now = timezone.now()
    oldest = event(1, status="pending", ago=timedelta(minutes=9))
    event(2, status="pending")
    for number, seconds in enumerate([1, 2, 3, 50], start=10):
        event(number, ago=timedelta(minutes=5), finished_at=now - timedelta(minutes=5) + timedelta(seconds=seconds))
    figures.count()
    found = panel(console, "queue")
    assert (found["number"], found["oldest"]) == ("2", oldest)
    (kajabi,) = [one["numbers"] for one in found["latency"] if one["provider"].key == "kajabi"]
    assert (round(kajabi["p50"]), round(kajabi["p95"]), kajabi["sample"]) == (2, 50, 4)


def member(number: int, status: str, *, until: datetime | None = None) -> None:
    plan = Plan.objects.get_or_create(code="gold", defaults={"name": "Gold"})[0]
    user = User.objects.create_user(f"m{number}@example.com")
    columns = {"access_from": timezone.now() - timedelta(days=9), "access_until": until} if until else {}
    Subscription.objects.create(user=user, plan=plan, status=status, **columns)


def test_members_are_counted_by_status_and_day(console: Client) -> None:
    later = timezone.now() + timedelta(days=9)
    member(1, "active", until=later)
    member(2, "canceled", until=later)
    member(3, "expired")
    figures.count()
    found = panel(console, "members")
    assert found["access"] == 2
    assert sorted(one["number"] for one in found["statuses"]) == [1, 1, 1]
    assert [number for _day, number in found["trend"]] == [None] * 30 + [2]
    for one in found["statuses"]:
        assert len(console.get(one["url"]).context["cl"].result_list) == one["number"]


def test_mails_of_the_day_are_counted_with_links_to_them(console: Client) -> None:
    for number, status in enumerate(["sent", "delivered", "bounced"]):
        EmailMessage.objects.create(to="a@example.com", kind="welcome", key=str(number), status=status)
    old = EmailMessage.objects.create(to="a@example.com", kind="welcome", key="old", status="sent")
    EmailMessage.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    figures.count()
    for row in panel(console, "mails")["rows"]:
        assert (row["number"], len(console.get(row["url"]).context["cl"].result_list)) == (1, 1)


# Who sees it, how much it costs ---------------------------------------------------------------------------------------


def test_panels_are_for_those_who_may_see_their_rows(console: Client) -> None:
    assert clerk("view_user").get(HOME).context["panels"] == []
    User.objects.filter(email="clerk@example.com").delete()
    seen = [filled["panel"].name for filled in clerk("view_emailmessage").get(HOME).context["panels"]]
    assert seen == ["mails"]


def test_home_is_in_spanish_where_its_reader_is(console: Client) -> None:
    figures.count()
    page = console.get(HOME, headers={"accept-language": "es"}).content.decode()
    assert "Requiere atención" in page or "Necesita atención" in page
    with translation.override("es"):
        assert "Último evento" in page


def queries(client: Client) -> list[str]:
    client.get(HOME)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(HOME).status_code == 200
    return [query["sql"] for query in captured]


@pytest.mark.parametrize("role", ["operator", "support", "auditor", "superuser"])
def test_home_takes_at_most_twelve_queries_for_every_role(role: str, staff: Any, settings: Any) -> None:
    settings.GHL_API_KEY, settings.GHL_LOCATION_ID = "a-key", "a-location"
    settings.NOWCERTS_USERNAME, settings.NOWCERTS_PASSWORD = "somebody", "secret"
    settings.CONTACT_SYNC = "guided"
    if role != "superuser":
        staff = User.objects.create_user("role@example.com", is_staff=True)
        staff.groups.add(Group.objects.get(name=role))
    for number in range(20):
        event(number, status=["processed", "failed", "unmatched", "pending"][number % 4])
        EmailMessage.objects.create(to="a@example.com", kind="welcome", key=str(number), status="bounced")
    figures.count()
    asked = queries(signed_in(staff))
    assert len(asked) <= 12, "\n".join(sql[:150] for sql in asked)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite explains otherwise")
def test_no_statement_of_home_reads_all_events(staff: Any) -> None:
    """With many rows the planner takes an index for each; a scan of the whole table would be in its plan."""
    now = timezone.now()
    InboxEvent.objects.bulk_create(
        (
            InboxEvent(
                provider=["kajabi", "nowcerts", "gohighlevel", "chatwoot"][number % 4],
                key=str(number),
                body=b"{}",
                received_at=now - timedelta(minutes=number),
                finished_at=now,
                next_attempt_at=None,
                status="failed" if number % 997 == 0 else "processed",
            )
            for number in range(20_000)
        ),
        batch_size=5000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    figures.count()
    client = signed_in(staff)
    client.get(HOME)
    plans = []
    with CaptureQueriesContext(connection) as captured:
        client.get(HOME)
    with connection.cursor() as cursor:
        for query in captured:
            if query["sql"].startswith("SELECT"):
                cursor.execute("EXPLAIN " + query["sql"])
                plans.append("\n".join(row[0] for row in cursor.fetchall()))
    assert any("integrations_inboxevent" in plan for plan in plans)
    assert not [plan for plan in plans if "Seq Scan on integrations_inboxevent" in plan]


def test_page_that_refreshes_itself_keeps_nobody_signed_in(staff: Any, settings: Any, travel: Any) -> None:
    settings.STAFF_IDLE_MINUTES = 30
    client = signed_in(staff)
    travel(timedelta(minutes=20))
    assert client.get(HOME, headers={"x-background": "1"}).status_code == 200
    travel(timedelta(minutes=35))
    assert client.get(HOME).status_code == 302
