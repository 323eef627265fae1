"""The page of an event in the console: its values and actions."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.mail.models import EmailMessage
from accounts.memberships.models import PlanOffer, Subscription
from accounts.people.models import Contact, User
from accounts.tests.admin_clients import link_to
from integrations.inbox.models import InboxEvent

LIST = "/admin/integrations/inboxevent/"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "{{ 7*7 }}{% debug %}",
    "javascript:alert(1)",
    "</pre></textarea></script><svg onload=alert(1)>",
    "\u202egnp.exe",
    "%s%d{0}{name}",
]


@pytest.fixture
def console(staff: Any, client: Client) -> Client:
    client.force_login(staff)
    return client


def page_of(event: InboxEvent) -> str:
    return reverse("admin:integrations_inboxevent_change", args=[event.pk])


def press(client: Client, event: InboxEvent, act: str, **answers: str) -> list[str]:
    url = reverse("admin:integrations_inboxevent_act", args=[event.pk, act])
    response = client.post(url, answers | {"answered": "1"} if answers else {}, follow=True)
    assert response.redirect_chain, response.content.decode()
    return [str(message) for message in response.context["messages"]]


def replay(client: Client, event: InboxEvent, act: str) -> list[str]:
    """Open the plan by a button of the event's page, and start it."""
    opened = client.get(reverse("admin:integrations_inboxevent_act", args=[event.pk, act]), follow=True)
    start = opened.context["start"]
    sent = {name: start[name].value() for name in start.fields}
    response = client.post(opened.redirect_chain[0][0], sent, follow=True)
    return [str(message) for message in response.context["messages"]]


def logged(event: InboxEvent) -> list[str]:
    return [entry.change_message for entry in LogEntry.objects.filter(object_id=str(event.pk)).order_by("pk")]


def test_event_page_shows_every_known_value(console: Client, process: Any, relay: Any) -> None:
    event = process(relay())
    page = console.get(page_of(event)).content.decode()
    member, subscription = User.objects.get(email="jane@example.com"), Subscription.objects.get()
    welcome = EmailMessage.objects.get(kind="welcome")
    assert "&quot;email&quot;: &quot;jane@example.com&quot;" in page
    assert link_to(member) in page
    assert reverse("admin:accounts_subscription_change", args=[subscription.pk]) in page
    assert reverse("admin:accounts_emailmessage_change", args=[welcome.pk]) in page
    assert "x-kajabi-signature: •••" in page
    assert "nssa:evt_1" in page
    assert "Member created" in page
    assert "done" in page


def test_address_on_an_events_page_leads_to_the_person(console: Client, process: Any, relay: Any) -> None:
    event = process(relay())
    search = reverse("admin:search", query={"q": event.person_email})
    assert f'<a href="{search}">{event.person_email}</a>' in console.get(page_of(event)).content.decode()
    assert console.get(search)["Location"] == link_to(Contact.objects.get(email=event.person_email))


def test_failed_attempt_shows_its_traceback_folded(console: Client, process: Any, relay: Any, monkeypatch: Any) -> None:
    def break_down(*arguments: Any, **keywords: Any) -> None:
        raise ZeroDivisionError("<b>broken</b>")

    monkeypatch.setattr("integrations.inbox.process.handle", break_down)
    page = console.get(page_of(process(relay()))).content.decode()
    assert "<details><summary>Traceback</summary>" in page
    assert "ZeroDivisionError: &lt;b&gt;broken&lt;/b&gt;" in page


def test_event_is_never_written_by_hand(console: Client, process: Any, relay: Any) -> None:
    event = process(relay())
    assert console.get(f"{LIST}add/").status_code == 403
    assert console.post(page_of(event), {"status": "failed"}).status_code == 403
    assert (
        console.post(reverse("admin:integrations_inboxevent_delete", args=[event.pk]), {"post": "y"}).status_code == 403
    )
    assert "delete_selected" not in console.get(LIST).content.decode()
    assert 'type="text"' not in console.get(page_of(event)).content.decode().split('id="content-main"')[1]
    event.refresh_from_db()
    assert event.status == "processed"


def test_unmatched_event_is_retried_after_its_offer_was_mapped(
    console: Client, process: Any, relay: Any, plan: Any, drain: Any
) -> None:
    event = process(relay(offer={"id": "off_new", "name": "New"}))
    assert event.status == "unmatched"
    PlanOffer.objects.create(plan=plan, provider="kajabi", external_id="off_new")
    assert replay(console, event, "retry") == ["1 event was queued again."]
    drain()
    event.refresh_from_db()
    assert (event.status, Subscription.objects.count()) == ("processed", 1)
    assert logged(event) == ["replay"]


def test_event_that_waits_for_its_next_attempt_is_retried_now(
    console: Client, process: Any, relay: Any, drain: Any, monkeypatch: Any
) -> None:
    def broken(*arguments: Any) -> None:
        raise RuntimeError("not today")

    with monkeypatch.context() as patch:
        patch.setattr("integrations.inbox.process.handle", broken)
        event = process(relay())
    assert (event.status, event.failures) == ("pending", 1)

    assert replay(console, event, "retry") == ["1 event was queued again."]
    drain()
    event.refresh_from_db()
    assert (event.status, event.attempts, event.failures) == ("processed", 2, 0)


def test_replay_of_a_processed_event_changes_nothing(console: Client, process: Any, relay: Any, drain: Any) -> None:
    event = process(relay())
    before = (Subscription.objects.values().get(), EmailMessage.objects.count(), User.objects.count())
    assert replay(console, event, "replay") == ["1 event was queued again."]
    drain()
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("processed", 2)
    assert (Subscription.objects.values().get(), EmailMessage.objects.count(), User.objects.count()) == before
    assert logged(event) == ["replay"]


def test_event_is_ignored_with_a_reason(console: Client, process: Any, relay: Any, staff: Any) -> None:
    event = process(relay(offer={"id": "off_new", "name": "New"}))
    url = reverse("admin:integrations_inboxevent_act", args=[event.pk, "ignore"])
    assert console.get(url).status_code == 200
    assert console.post(url, {"answered": "1", "reason": ""}).status_code == 422
    assert press(console, event, "ignore", reason="a test of ours") == ["1 event was set aside."]
    event.refresh_from_db()
    assert (event.status, event.reason) == ("ignored", f"a test of ours (staff: {staff.email})")
    assert logged(event) == ["ignore: a test of ours"]


@pytest.mark.parametrize("act", ["retry", "replay"])
def test_event_of_an_unhandled_type_is_not_queued(act: str, console: Client, process: Any, drain: Any) -> None:
    event = process({"type": "test", "id": "123"})
    page = console.get(reverse("admin:integrations_inboxevent_act", args=[event.pk, act]), follow=True)
    assert "No event of this filter can be processed again." in page.content.decode()
    assert replay(console, event, act) == ["No event of this filter can be processed again."]
    drain()
    event.refresh_from_db()
    assert (event.status, event.attempts, logged(event)) == ("ignored", 0, [])


def test_list_actions_show_how_many_they_changed(console: Client, process: Any, relay: Any, drain: Any) -> None:
    events = [process(relay(event_id=f"evt_{n}", email=f"p{n}@example.com", offer={"id": "off_new"})) for n in range(3)]
    done = process(relay(event_id="evt_done", member={"id": "mem_9", "email": "done@example.com"}))
    chosen = {"action": "ignore", "_selected_action": [event.pk for event in [*events, done]], "index": 0}
    question = console.post(LIST, chosen).content.decode()
    assert question.count('name="_selected_action"') == 4
    del chosen["index"]
    with CaptureQueriesContext(connection) as queries:
        response = console.post(LIST, chosen | {"answered": "1", "reason": "cleaning up"})
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "3 events were set aside.",
        "1 row was left as it is: this does not apply to it.",
    ]
    assert [logged(event) for event in [*events, done]] == [["ignore: cleaning up"]] * 3 + [[]]
    assert len(queries) < 40
    assert InboxEvent.objects.filter(status="ignored").count() == 3


def test_staff_with_view_permission_alone_have_no_actions(db: None, process: Any, relay: Any) -> None:
    event = process(relay(offer={"id": "off_new"}))
    clerk = User.objects.create_user("clerk@example.com", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename="view_inboxevent"))
    client = Client()
    client.force_login(clerk)
    assert "/act/" not in client.get(page_of(event)).content.decode()
    assert 'name="action"' not in client.get(LIST).content.decode()
    for act in ("retry", "ignore"):
        url = reverse("admin:integrations_inboxevent_act", args=[event.pk, act])
        assert client.post(url, {"answered": "1", "reason": "x"}).status_code == 403
    assert client.get(f"{LIST}{event.pk}/body/").status_code == 200
    event.refresh_from_db()
    assert event.status == "unmatched"


def test_raw_body_comes_as_a_file_and_needs_the_permission(console: Client, receive: Any, relay: Any) -> None:
    event = receive(relay())
    response = console.get(f"{LIST}{event.pk}/body/")
    assert response.content == bytes(event.body)
    assert response["Content-Type"] == "application/octet-stream"
    assert response["Content-Disposition"].startswith("attachment")
    nobody = Client()
    nobody.force_login(User.objects.create_user("clerk@example.com", is_staff=True))
    assert nobody.get(f"{LIST}{event.pk}/body/").status_code == 403


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text_on_every_page(text: str, console: Client, process: Any, relay: Any, post: Any) -> None:
    member = {"id": text, "email": "jane@example.com", "first_name": text, "last_name": text}
    events = [
        process(relay(member=member)),
        process(relay(event_id=text, offer={"id": text, "name": text})),
        process(relay(event_type=text, event_id="2")),
    ]
    post(text.encode(), headers={"User-Agent": text.encode("ascii", "replace").decode()})
    unreadable = InboxEvent.objects.latest("pk")
    jane = User.objects.get(email="jane@example.com")
    pages = [LIST, "/admin/", "/admin/accounts/user/", reverse("admin:accounts_user_change", args=[jane.pk])]
    pages += [page_of(event) for event in [*events, unreadable]]
    pages += [reverse("admin:accounts_subscription_change", args=[Subscription.objects.get().pk])]
    pages += [reverse("admin:accounts_emailmessage_change", args=[row.pk]) for row in EmailMessage.objects.all()]
    pages += [reverse("admin:integrations_inboxevent_act", args=[events[1].pk, "ignore"])]
    for url in pages:
        response = console.get(url)
        page = response.content.decode()
        assert response.status_code == 200, url
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<svg onload" not in page
        assert 'href="javascript:' not in page


def test_body_that_is_not_text_is_shown_as_hex(console: Client, post: Any) -> None:
    post(b"\xff\xfe<script>")
    page = console.get(page_of(InboxEvent.objects.get())).content.decode()
    assert "00000000  ff fe 3c 73 63 72 69 70 74 3e" in page
    assert "could not be read" in page


def test_huge_payload_is_cut_on_the_page_and_whole_in_the_file(console: Client, receive: Any, relay: Any) -> None:
    event = receive(relay(note="x" * 900_000))
    assert len(console.get(page_of(event)).content) < 200_000
    assert len(console.get(f"{LIST}{event.pk}/body/").content) > 900_000
