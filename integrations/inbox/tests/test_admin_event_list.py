"""The list of events in the console: exact search, filters by an index, and constant costs for a million rows."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from integrations.inbox.models import InboxEvent
from tests.harness.statements import counts_a_table

LIST = "/admin/integrations/inboxevent/"


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


def made(count: int, **columns: Any) -> list[InboxEvent]:
    """Finished events without any handling, numbered from 0."""
    return InboxEvent.objects.bulk_create(
        InboxEvent(
            **{
                "provider": "kajabi",
                "endpoint": "relay",
                "event_type": "offer.purchased",
                "external_id": f"evt_{number}",
                "key": f"nssa:evt_{number}",
                "body": b"{}",
                "body_digest": "0",
                "payload": {},
                "status": "processed",
                "person_email": f"p{number}@example.com",
                **columns,
            }
        )
        for number in range(count)
    )


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("p3@example.com", ["evt_3"]),
        (" P3@Example.COM ", ["evt_3"]),
        ("evt_4", ["evt_4"]),
        ("nssa:evt_5", ["evt_5"]),
        ("p3@example", []),
        ("evt", []),
        ("' OR 1=1 --", []),
    ],
)
def test_events_are_found_by_their_exact_ids_keys_and_addresses(search: str, found: list[str], console: Client) -> None:
    made(10)
    response = console.get(LIST, {"q": search})
    assert [event.external_id for event in response.context["cl"].result_list] == found


def test_event_is_found_by_our_number(console: Client) -> None:
    event = made(3)[1]
    event = InboxEvent.objects.get(key=event.key)
    assert list(console.get(LIST, {"q": str(event.pk)}).context["cl"].result_list) == [event]
    assert list(console.get(LIST, {"q": "9" * 40}).context["cl"].result_list) == []


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"status__exact": "failed"}, 2),
        ({"type": "offer.purchased"}, 3),
        ({"type": "test"}, 2),
        ({"provider": "kajabi"}, 5),
        ({"provider": "other"}, 0),
        ({"waiting": "late"}, 0),
        ({"waiting": "retried"}, 0),
    ],
)
def test_filters_show_the_matching_events(filters: dict[str, str], count: int, console: Client) -> None:
    made(3)
    InboxEvent.objects.bulk_create(
        InboxEvent(
            provider="kajabi",
            endpoint="relay",
            event_type="test",
            key=f"t{n}",
            body=b"",
            body_digest="",
            status="failed",
        )
        for n in range(2)
    )
    assert len(console.get(LIST, filters).context["cl"].result_list) == count


def test_list_costs_the_same_for_5_and_for_50_rows_and_counts_no_further_than_its_facets(console: Client) -> None:
    costs = []
    made(5)
    for _ in range(2):
        console.get(LIST)  # content types and the like are asked for once
        with CaptureQueriesContext(connection) as queries:
            assert console.get(LIST).status_code == 200
        costs.append(len(queries))
        assert [query["sql"] for query in queries if counts_a_table(query["sql"])] == []
        if len(costs) == 1:
            InboxEvent.objects.all().delete()
            made(50)
    assert costs[0] == costs[1] <= 8


def test_list_never_reads_the_bodies(console: Client) -> None:
    made(5)
    with CaptureQueriesContext(connection) as queries:
        console.get(LIST)
    assert [query["sql"] for query in queries if '"integrations_inboxevent"."body"' in query["sql"]] == []


def test_pages_go_on_as_long_as_there_are_rows(console: Client) -> None:
    made(120)
    seen: list[str] = []
    for page in (1, 2, 3):
        changelist = console.get(LIST, {"p": page}).context["cl"]
        seen += [event.external_id for event in changelist.result_list]
        assert changelist.paginator.num_pages == min(page + 1, 3)
    assert seen == [f"evt_{number}" for number in reversed(range(120))]
    assert console.get(LIST, {"p": 9}).status_code == 302


def test_start_page_names_the_events_that_need_attention(console: Client, process: Any, relay: Any) -> None:
    process(relay(offer={"id": "off_new"}))
    items = {item.key: (item.count, item.url) for item in console.get("/admin/").context["attention"]}
    assert items == {"unmatched_events": (1, f"{LIST}?asks=rest")}
