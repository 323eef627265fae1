"""Replays in the console: the plan comes first, one press starts it, and its page shows how far it is."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.memberships.models import PlanOffer, Subscription
from accounts.people.models import User
from accounts.staff.models import AuditEntry
from config.access import AUDITOR, OPERATOR, SUPPORT
from core.queue import runner
from integrations.inbox.models import InboxEvent, Replay

pytestmark = pytest.mark.django_db
LIST = "/admin/integrations/inboxevent/"
PLAN = f"{LIST}replay/"


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def unmatched(process: Any, relay: Any) -> Callable[[int], list[InboxEvent]]:
    """Returns a function that makes events, unmatched for want of a plan, each of another person."""

    def make(count: int) -> list[InboxEvent]:
        offer = {"id": "off_new", "name": "New"}
        members = [{"id": f"mem_{n}", "email": f"p{n}@example.com", "first_name": "P"} for n in range(count)]
        return [process(relay(event_id=f"evt_{n}", member=member, offer=offer)) for n, member in enumerate(members)]

    return make


def sell_offer(plan: Any) -> None:
    """Map the offer without what that sets off."""
    PlanOffer.objects.bulk_create([PlanOffer(plan=plan, provider="kajabi", external_id="off_new")])


def press(client: Client, url: str, **answers: Any) -> Any:
    """Send the form of a plan's page as a browser does."""
    start = client.get(url).context["start"]
    sent = {name: start[name].value() for name in start.fields} | answers
    return client.post(url, sent, follow=True)


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def actions_of(prefix: str) -> list[tuple[str, Any]]:
    rows = AuditEntry.objects.filter(action__startswith=prefix).order_by("pk")
    return [(row.action, (row.facts or {}).get("filter")) for row in rows]


def colleague(role: str) -> Client:
    user = User.objects.create_user(f"{role}@example.com".lower(), is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_button_on_an_events_page_shows_its_plan_and_one_press_replays_it(
    console: Client, unmatched: Any, plan: Any, drain: Any
) -> None:
    (event,) = unmatched(1)
    sell_offer(plan)
    page = reverse("admin:integrations_inboxevent_change", args=[event.pk])
    (button,) = [one for one in console.get(page).context["row_actions"] if one["name"] == "retry"]
    opened = console.get(button["url"], follow=True)
    text = opened.content.decode()
    assert "1 event would change something." in text
    assert "E-mail: welcome, with the set-up link" in text
    assert 'value="Process again"' in text
    assert f'href="{page}" class="closelink">Back<' in text
    assert "numbers:" not in text
    answer = press(console, opened.redirect_chain[0][0])
    assert (answer.redirect_chain[0][0], said(answer)) == (page, ["1 event was queued again."])
    assert "data-refresh" in answer.content.decode(), "the page follows it"
    drain()
    event.refresh_from_db()
    assert (event.status, Subscription.objects.count()) == ("processed", 1)
    assert "data-refresh" not in console.get(page).content.decode()
    assert not Replay.objects.exists()
    filters = {"ids": str(event.pk)}
    assert actions_of("replay.") == [("replay.plan", filters), ("replay.plan", filters), ("replay.apply", filters)]


def test_selected_events_are_planned_and_replayed(console: Client, unmatched: Any, plan: Any, drain: Any) -> None:
    first, _second, third = unmatched(3)
    sell_offer(plan)
    chosen = console.post(LIST, {"action": "replay", "_selected_action": [first.pk, third.pk]})
    address = urlsplit(chosen["Location"])
    assert parse_qs(address.query) == {"ids": [f"{third.pk},{first.pk}"]}
    answer = press(console, chosen["Location"])
    replay = Replay.objects.get()
    assert answer.redirect_chain[0][0] == reverse("admin:integrations_replay_change", args=[replay.pk])
    drain()
    assert list(InboxEvent.objects.order_by("pk").values_list("status", flat=True)) == [
        "processed",
        "unmatched",
        "processed",
    ]


@pytest.mark.parametrize(
    ("listed", "filters"),
    [
        ({}, {}),
        ({"status__exact": "unmatched", "p": "2"}, {"status": ["unmatched"]}),
        ({"provider": "kajabi", "type": "offer.purchased"}, {"provider": ["kajabi"], "type": ["offer.purchased"]}),
        ({"q": "p0@example.com"}, {"person": ["p0@example.com"]}),
        ({"received_at__gte": "2026-01-01 00:00:00+00:00"}, {"since": ["2026-01-01 00:00:00+00:00"]}),
    ],
)
def test_filter_of_the_list_is_that_of_the_plan(
    listed: dict[str, str], filters: dict[str, list[str]], console: Client, unmatched: Any
) -> None:
    unmatched(1)
    url = console.get(LIST, listed).context["replay_url"]
    assert parse_qs(urlsplit(url).query) == filters
    assert console.get(url).status_code == 200


def test_search_for_an_id_plans_the_events_that_it_found(console: Client, unmatched: Any) -> None:
    _first, second = unmatched(2)
    url = console.get(LIST, {"q": second.external_id}).context["replay_url"]
    assert parse_qs(urlsplit(url).query) == {"ids": [str(second.pk)]}


@pytest.mark.parametrize("listed", [{"waiting": "late"}, {"received_at__isnull": "True"}, {"q": "nobody has this"}])
def test_list_with_a_filter_that_a_plan_does_not_have_offers_none(listed: dict[str, str], console: Client) -> None:
    response = console.get(LIST, listed)
    assert "replay_url" not in response.context
    assert "Replay all that match" not in response.content.decode()


def test_everything_that_matches_is_replayed_at_the_chosen_pace(console: Client, unmatched: Any) -> None:
    unmatched(3)
    answer = press(console, f"{PLAN}?status=unmatched", pace="24")
    replay = Replay.objects.get()
    assert (replay.total, replay.pace, replay.event_status) == (3, 24, "unmatched")
    assert replay.cause == "staff: staff@example.com"
    text = answer.content.decode()
    assert "0 of 3 events" in text
    assert "data-refresh" in text
    assert actions_of("replay.apply") == [("replay.apply", {"status": "unmatched"})]


def test_same_page_pressed_twice_starts_one_replay(console: Client, unmatched: Any) -> None:
    unmatched(2)
    url = f"{PLAN}?status=unmatched"
    start = console.get(url).context["start"]
    sent = {name: start[name].value() for name in start.fields}
    places = {console.post(url, sent)["Location"] for _press in range(2)}
    assert len(places) == Replay.objects.count() == 1
    assert len(actions_of("replay.apply")) == 1


def test_empty_filter_is_refused(console: Client, unmatched: Any) -> None:
    unmatched(1)
    for answer in (console.get(PLAN, {"provider": ""}), console.post(PLAN, {"pace": "120"})):
        assert answer.status_code in (200, 422)
        assert "start" not in answer.context
    refused = console.get(PLAN, {"provider": ""})
    assert refused.status_code == 422
    assert "Narrow the events down: all of them at once are not processed again." in refused.content.decode()
    assert not Replay.objects.exists()


def test_pace_out_of_bounds_is_refused(console: Client, unmatched: Any) -> None:
    unmatched(2)
    answer = press(console, f"{PLAN}?status=unmatched", pace="0")
    assert "Ensure this value is greater than or equal to 1." in answer.content.decode()
    assert not Replay.objects.exists()


def test_filter_whose_events_are_gone_meanwhile_says_so(console: Client, unmatched: Any) -> None:
    unmatched(2)
    url = f"{PLAN}?status=unmatched"
    start = console.get(url).context["start"]
    InboxEvent.objects.update(status="ignored")
    answer = console.post(url, {name: start[name].value() for name in start.fields}, follow=True)
    assert said(answer) == ["No event of this filter can be processed again."]
    assert not Replay.objects.exists()


def test_replay_is_stopped_and_resumed_on_its_page(console: Client, unmatched: Any, drain: Any) -> None:
    unmatched(2)
    press(console, f"{PLAN}?status=unmatched", pace="12")
    replay = Replay.objects.get()
    runner.run(Replay, replay.pk)
    page = reverse("admin:integrations_replay_change", args=[replay.pk])

    def act(name: str) -> str:
        url = reverse("admin:integrations_replay_act", args=[replay.pk, name])
        (message,) = said(console.post(url, follow=True))
        replay.refresh_from_db()
        return message

    assert act("stop") == "1 replay was stopped."
    assert (replay.status, replay.done) == ("stopped", 1)
    assert "data-refresh" not in console.get(page).content.decode()
    assert act("resume") == "1 replay goes on."
    drain()
    replay.refresh_from_db()
    assert (replay.status, replay.done) == ("done", 2)
    assert "2 of 2 events" in console.get(page).content.decode()


@pytest.mark.parametrize(("role", "may_start"), [(OPERATOR, True), (SUPPORT, False), (AUDITOR, False)])
def test_roles_that_may_not_replay_see_the_plan_without_its_button(role: str, may_start: bool, unmatched: Any) -> None:
    unmatched(2)
    client = colleague(role)
    url = f"{PLAN}?status=unmatched"
    page = client.get(url)
    assert page.status_code == 200
    assert ("Replay 2 events" in page.content.decode()) is may_start
    start = page.context["start"]
    answer = client.post(url, {name: start[name].value() for name in start.fields})
    assert answer.status_code == (302 if may_start else 403)
    assert Replay.objects.exists() is may_start


def test_queries_of_the_replays_pages_do_not_grow_with_their_rows(console: Client, unmatched: Any) -> None:
    unmatched(2)
    costs = []
    for _more in range(2):
        press(console, f"{PLAN}?status=unmatched")
        page = reverse("admin:integrations_replay_change", args=[Replay.objects.latest("pk").pk])
        for url in ("/admin/integrations/replay/", page):
            console.get(url)
            with CaptureQueriesContext(connection) as queries:
                assert console.get(url).status_code == 200
            costs.append(len(queries))
    assert costs[:2] == costs[2:]
    assert max(costs) <= 12


def test_plan_of_nothing_costs_few_queries(console: Client, unmatched: Any) -> None:
    unmatched(1)
    url = f"{PLAN}?person=nobody@example.com"
    console.get(url)
    with CaptureQueriesContext(connection) as queries:
        console.get(url)
    assert len(queries) <= 12


def test_replay_with_failures_is_named_on_the_home_page_with_the_way_to_its_events(
    console: Client, unmatched: Any, plan: Any, drain: Any
) -> None:
    events = unmatched(2)
    press(console, f"{PLAN}?status=unmatched", pace="6000")
    drain()
    replay = Replay.objects.get()
    assert (replay.status, replay.unsettled) == ("done", 2)
    (item,) = (one for one in console.get("/admin/").context["attention"] if one.key == "failed_replays")
    assert item.action_url == reverse("admin:integrations_replay_change", args=[replay.pk])
    assert list(console.get(item.url).context["cl"].result_list) == [replay]
    page = console.get(item.action_url).content.decode()
    assert f'<a href="{LIST}?replays={replay.pk}">2</a>' in page
    listed = console.get(LIST, {"replays": replay.pk}).context["cl"].result_list
    assert {event.pk for event in listed} == {event.pk for event in events}
