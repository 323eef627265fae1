"""The search of the event list for contents: by text and by path, with an index, and gone with the contents."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.inbox import body_index, body_search
from integrations.inbox.body_text import needle_of, text_of
from integrations.inbox.models import EventText, InboxEvent
from integrations.inbox.tests.test_admin_event_list import made

LIST = "/admin/integrations/inboxevent/"
JANE = {
    "id": "evt_1",
    "payload": {
        "member": {"id": 77, "email": "Jane@Example.com", "name": "Jane\n  Gómez"},
        "offers": [{"id": "off_1"}, {"id": "purchase_99", "is_free": False, "note": None}],
    },
}
JOE = {"id": "evt_2", "member": {"email": "joe@example.com", "id": 770}, "note": "paid by jane@example.com"}


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def stored(db: None) -> dict[str, InboxEvent]:
    """Events about Jane and Joe, indexed."""
    events = {name: made(1, external_id=name, key=name, payload=what)[0] for name, what in (("a", JANE), ("b", JOE))}
    made(1, external_id="c", key="c", payload=None, body=b'{"broken": "\xff purchase_99')
    body_index.index_events()
    return {name: InboxEvent.objects.get(key=event.key) for name, event in events.items()}


def found(console: Client, searched: str, **filters: str) -> list[str]:
    rows = console.get(LIST, {"q": searched, **filters}).context["cl"].result_list
    return sorted(event.external_id for event in rows)


@pytest.mark.parametrize(
    ("searched", "expected"),
    [
        ("purchase_99", ["a", "c"]),
        ("PURCHASE_99", ["a", "c"]),
        ("purchaseX99", []),
        ("jane@example.com", ["a", "b"]),
        ("jane   gómez", ["a"]),
        ("member.email=jane@example.com", ["a"]),
        ("payload.member.email=jane@example.com", ["a"]),
        ("$.payload.member.email=JANE@example.com", ["a"]),
        ("member.email=j*", ["a", "b"]),
        ("member.email=jane@example", []),
        ("ember.email=jane@example.com", []),
        ("member.id=77", ["a"]),
        ("member.id=77*", ["a", "b"]),
        ("offers.id=purchase_99", ["a"]),
        ("payload.offers[1].id=purchase_99", ["a"]),
        ("is_free=false", ["a"]),
        ("offers.note=null", ["a"]),
        ('"id=77"', ["a", "b"]),
        ('"broken": "', ["c"]),
        ("100%", []),
        ("' OR 1=1 --", []),
        ('"" OR text:*', []),
    ],
)
def test_events_are_found_by_text_and_by_path(
    searched: str, expected: list[str], console: Client, stored: dict[str, InboxEvent]
) -> None:
    assert found(console, searched) == expected


def test_search_for_contents_is_narrowed_by_the_filters(console: Client, stored: dict[str, InboxEvent]) -> None:
    InboxEvent.objects.filter(key="c").update(status="failed")
    assert found(console, "purchase_99", status__exact="failed") == ["c"]


def test_short_text_is_explained(console: Client, stored: dict[str, InboxEvent]) -> None:
    response = console.get(LIST, {"q": "77"})
    assert list(response.context["cl"].result_list) == []
    assert "Contents are searched from 3 letters on." in response.content.decode()


def test_page_says_how_far_contents_are_indexed(console: Client, stored: dict[str, InboxEvent]) -> None:
    note = "Contents are indexed up to events received at"
    assert note not in console.get(LIST, {"q": "purchase_99"}).content.decode()
    made(1, external_id="d", key="d", payload={"id": "purchase_99"})
    page = console.get(LIST, {"q": "purchase_99"})
    assert note in page.content.decode()
    assert "d" not in [event.external_id for event in page.context["cl"].result_list]
    body_index.index_events()
    assert found(console, "purchase_99") == ["a", "c", "d"]


def test_page_says_that_it_looks_at_the_newest_matches_only(
    console: Client, monkeypatch: pytest.MonkeyPatch, db: None
) -> None:
    monkeypatch.setattr("integrations.inbox.admin.find.SEARCH_LIMIT", 2)
    made(3, payload={"who": "somebody"})
    body_index.index_events()
    assert found(console, "somebody") == ["evt_1", "evt_2"]
    text = console.get(LIST, {"q": "somebody"}).content.decode()
    assert "Only the newest 2 events that contain this are looked at." in text


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite stops at the limit")
def test_search_that_takes_too_long_is_done_among_the_newest(
    console: Client, monkeypatch: pytest.MonkeyPatch, stored: dict[str, InboxEvent]
) -> None:
    real = body_search._keys

    def slow(needle: str, limit: int, *, among: int | None = None) -> list[int]:
        if among is None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = 1")
                cursor.execute("SELECT pg_sleep(5)")
        return real(needle, limit, among=among)

    monkeypatch.setattr(body_search, "_keys", slow)
    monkeypatch.setattr(body_search, "NEWEST", 2)
    page = console.get(LIST, {"q": "jane@example.com"})
    assert [event.external_id for event in page.context["cl"].result_list] == ["b"]
    assert "only the newest 2 were searched" in page.content.decode()


def test_page_says_that_this_database_cannot_search(
    console: Client, monkeypatch: pytest.MonkeyPatch, stored: dict[str, InboxEvent]
) -> None:
    monkeypatch.setattr(body_index, "is_there", lambda: False)
    text = console.get(LIST, {"q": "purchase_99"}).content.decode()
    assert "Contents cannot be searched" in text


def test_event_is_not_found_by_what_was_removed_from_it(console: Client, stored: dict[str, InboxEvent]) -> None:
    InboxEvent.objects.filter(key="a").update(body=b"", payload=None)
    assert found(console, "purchase_99") == ["c"]
    body_index.index_events()
    assert found(console, "purchase_99") == ["c"]
    assert "purchase_99" not in EventText.objects.get(event__key="a").text


def test_event_whose_contents_changed_is_found_by_the_new_ones(console: Client, stored: dict[str, InboxEvent]) -> None:
    InboxEvent.objects.filter(key="a").update(payload={"id": "purchase_100"})
    assert found(console, "purchase_100") == []
    body_index.index_events()
    assert found(console, "purchase_100") == ["a"]
    assert found(console, "purchase_99") == ["c"]


def test_event_that_is_deleted_leaves_nothing_in_the_index(stored: dict[str, InboxEvent]) -> None:
    InboxEvent.objects.all().delete()
    assert not EventText.objects.exists()
    assert body_search.find("purchase_99", limit=9).keys == frozenset()


@pytest.mark.django_db(transaction=True)
def test_forgotten_person_is_not_found_by_contents(process: Any, relay: Any) -> None:
    process(relay(member={"email": "gone@example.com"}))
    body_index.index_events()
    assert len(body_search.find("gone@example.com", limit=9).keys) == 1
    call_command("forget", "gone@example.com", "--yes", verbosity=0)
    assert body_search.find("gone@example.com", limit=9).keys == frozenset()
    body_index.index_events()
    assert not EventText.objects.filter(text__contains="gone@example.com").exists()


def test_status_of_an_event_changes_without_indexing_it_again(stored: dict[str, InboxEvent]) -> None:
    before = EventText.objects.get(event__key="a").text
    InboxEvent.objects.filter(key="a").update(status="failed", attempts=3, reason="x")
    assert EventText.objects.get(event__key="a").text == before != ""


def test_event_that_becomes_visible_after_a_later_one_is_indexed(stored: dict[str, InboxEvent]) -> None:
    EventText.objects.filter(event__key="a").delete()
    assert body_index.index_events() == 1
    assert EventText.objects.filter(event__key="a").exists()


def test_search_for_contents_uses_the_index(stored: dict[str, InboxEvent]) -> None:
    EventText.objects.all().delete()
    InboxEvent.objects.bulk_create(
        InboxEvent(provider="kajabi", endpoint="x", key=f"many:{n}", body=b"", body_digest="") for n in range(3000)
    )
    keys = InboxEvent.objects.filter(key__startswith="many:").values_list("pk", flat=True)
    EventText.objects.bulk_create(
        EventText(pk=key, text=f"\n.member.id={key * 7919}x{key}\n" + "x" * 900) for key in keys
    )
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # what the vacuum does by itself
            cursor.execute(f"SELECT gin_clean_pending_list('{body_index.INDEX}')")
        cursor.execute("ANALYZE integrations_eventtext")
    with CaptureQueriesContext(connection) as queries:
        body_search.find("7919x1", limit=1000)
    [sql] = [query["sql"] for query in queries if "7919x1" in query["sql"]]
    explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}")
        plan = "\n".join(str(line) for line in cursor.fetchall())
    if connection.vendor == "sqlite":
        assert "VIRTUAL TABLE INDEX" in plan
        assert "SCAN integrations_eventtext\n" not in plan
    else:
        assert f"Bitmap Index Scan on {body_index.INDEX}" in plan


def test_search_for_contents_costs_few_queries(console: Client, stored: dict[str, InboxEvent]) -> None:
    console.get(LIST, {"q": "purchase_99"})
    with CaptureQueriesContext(connection) as queries:
        console.get(LIST, {"q": "purchase_99"})
    assert len([query for query in queries if "SAVEPOINT" not in query["sql"]]) <= 12


def test_statement_that_stores_an_event_has_no_trigger(db: None) -> None:
    if connection.vendor == "sqlite":
        sql = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'integrations_inboxevent'"
        sql += " AND sql LIKE '%INSERT ON%'"
    else:
        sql = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'integrations_inboxevent'::regclass"
        sql += " AND NOT tgisinternal AND tgtype & 4 > 0"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert cursor.fetchall() == []


def test_triggers_that_follow_the_contents_are_there(db: None) -> None:
    """SQLite drops a table's triggers where a migration rebuilds the table."""
    names = {"integrations_eventtext_outdate"}
    if connection.vendor == "sqlite":
        names |= {f"{body_index.INDEX}_{verb}" for verb in ("insert", "delete", "update")}
        sql = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        sql = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    with connection.cursor() as cursor:
        cursor.execute(sql)
        assert names <= {name for (name,) in cursor.fetchall()}


def test_text_of_a_deep_and_of_a_long_payload_is_bounded() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = [deep]
    assert text_of({"a": deep}, b"") == "\n.a=bottom\n"
    assert len(text_of({"a": ["x" * 1000] * 1000}, b"")) < 210_000


@pytest.mark.parametrize(
    ("searched", "needle"),
    [
        ("a.b=c", ".a.b=c\n"),
        ("a[0].b=C d", ".a.b=c d\n"),
        ("a=x*", ".a=x"),
        ('"a=x"', "a=x"),
        ("a = x", "a = x"),
        ("=x", "=x"),
        ("a.b=", "a.b="),
    ],
)
def test_what_is_searched_for(searched: str, needle: str) -> None:
    assert needle_of(searched) == needle
