"""Page *Connections*: masks for everybody, actions for who may change connections, few statements."""

import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.people.models import User
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import signed_in
from integrations.inbox import refusals
from integrations.inbox.models import InboxEvent
from integrations.operations.connections import page as page_module
from integrations.outbox.models import Circuit
from integrations.reconcile.models import SyncRun

pytestmark = pytest.mark.django_db
PAGE = "/admin/connections/"
WHOLE = "kajabi-token-that-only-tests-know-wxyz"


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


def of_role(name: str) -> Client:
    user = User.objects.create_user(f"{name}@example.com", is_staff=True)
    user.groups.set(Group.objects.filter(name=name))
    return signed_in(user)


def text(client: Client, **posted: str) -> str:
    answer = client.post(PAGE, posted) if posted else client.get(PAGE)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def card(client: Client, key: str = "kajabi") -> str:
    found = re.search(rf'<section class="connection" id="{key}".*?</section>', text(client))
    assert found
    return found.group()


# What everybody sees --------------------------------------------------------------------------------------------------


def test_set_up_is_open_until_it_is_done_and_folded_where_the_provider_is_not_used(
    console: Client, settings: Any, fakes: SimpleNamespace
) -> None:
    settings.KAJABI_WEBHOOK_TOKEN, settings.NOWCERTS_USERNAME, settings.NOWCERTS_PASSWORD = [WHOLE], "", ""
    assert "<details open>" in card(console)
    assert "Nothing ever came" in card(console)
    InboxEvent.objects.create(provider="kajabi", key="k", body=b"{}", status="processed")
    assert "<details open>" not in card(console)
    assert "<details>" in card(console, "nowcerts")
    assert "not used" in card(console, "nowcerts")


def test_card_shows_what_came_and_what_is_paused(console: Client, tokens: None, fakes: SimpleNamespace) -> None:
    event = InboxEvent.objects.create(
        provider="gohighlevel", key="k", body=b"{}", event_type="ContactCreate", status="processed"
    )
    refusals.note("gohighlevel", "token mismatch")
    circuit = Circuit.objects.create(
        provider="gohighlevel", resource="contacts", opened_at=timezone.now(), trial_at=timezone.now(), last_error="500"
    )
    shown = card(console, "gohighlevel")
    assert f"/admin/integrations/inboxevent/{event.pk}/change/" in shown
    assert "token mismatch" in shown
    assert f"/admin/integrations/circuit/{circuit.pk}/change/" in shown
    assert "needs repair" in shown


def test_failed_test_of_a_connection_changes_how_it_is_shown(
    console: Client, tokens: None, fakes: SimpleNamespace, settings: Any
) -> None:
    assert "not finished" in card(console)
    settings.KAJABI_CLIENT_SECRET = "wrong-of-tests"
    assert "needs repair" in text(console, step="test", provider="kajabi")


def test_calls_that_are_left_are_shown_once_the_provider_said_so(console: Client, fakes: SimpleNamespace) -> None:
    assert "Calls left" not in card(console, "gohighlevel")
    text(console, step="test", provider="gohighlevel")
    assert re.search(r"Calls left</dt> <dd>\d+ in ten seconds, \d+ today", card(console, "gohighlevel"))


def test_first_sync_stands_above_as_steps_with_numbers(console: Client, settings: Any, fakes: SimpleNamespace) -> None:
    settings.CONTACT_SYNC = "guided"
    shown = text(console)
    assert '<li aria-current="step">Read both sides</li>' in shown
    assert "NowCerts: 0 to create, 0 to change, 0 opportunities" in shown
    assert 'href="/admin/first-sync/"' in shown


def test_page_needs_few_statements_however_much_there_is(
    console: Client, settings: Any, tokens: None, fakes: SimpleNamespace
) -> None:
    settings.CONTACT_SYNC = "guided"
    for key in ("kajabi", "nowcerts", "gohighlevel", "chatwoot"):
        for number in range(3):
            InboxEvent.objects.create(provider=key, key=str(number), body=b"{}", status="processed")
            Circuit.objects.create(provider=key, resource=str(number), opened_at=timezone.now())
        SyncRun.objects.create(provider=key, kind="incremental", status="done", cause="test")
    console.get(PAGE)
    with CaptureQueriesContext(connection) as statements:
        console.get(PAGE)
    assert len(statements) <= 12, [one["sql"] for one in statements.captured_queries]


# Who may do what ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["support", "auditor"])
def test_readers_see_masks_and_no_buttons(role: str, tokens: None, fakes: SimpleNamespace) -> None:
    client = of_role(role)
    shown = text(client)
    assert "•••wxyz" in shown
    assert WHOLE not in shown
    assert not {"Test connection", "Send a test event", ">Show<"} & set(re.findall(r"[^<>]+|>Show<", shown))
    for step in ("test", "send", "reveal"):
        posted = {"step": step, "provider": "kajabi", "endpoint": "native"}
        answer = client.post(PAGE, posted)
        assert answer.status_code == 403
        assert WHOLE.encode() not in answer.content
    assert not InboxEvent.objects.exists()
    assert fakes.kajabi.exchanges == []


def test_support_is_not_led_to_pages_that_it_may_not_open(settings: Any, tokens: None) -> None:
    Circuit.objects.create(provider="kajabi", opened_at=timezone.now(), trial_at=timezone.now())
    assert "/admin/integrations/circuit/" not in text(of_role("support"))
    assert "/admin/integrations/circuit/" in text(of_role("auditor"))


def test_operator_has_a_secret_shown_or_copied_and_the_log_says_so(tokens: None) -> None:
    client = of_role("operator")
    assert WHOLE not in text(client)
    posted = {"step": "reveal", "provider": "kajabi", "endpoint": "native"}
    assert f'value="http://testserver/kajabi-webhook/{WHOLE}"' in text(client, **posted)
    answer = client.post(PAGE, posted, headers={"Accept": "application/json"})
    assert answer.json() == {"value": f"http://testserver/kajabi-webhook/{WHOLE}"}
    assert "no-store" in answer["Cache-Control"]
    posted = {"step": "reveal", "provider": "kajabi", "setting": "KAJABI_WEBHOOK_TOKEN"}
    assert WHOLE in text(client, **posted)
    entries = AuditEntry.objects.filter(action="connection.secret_shown")
    assert [entry.facts["what"] for entry in entries.order_by("pk")] == ["native", "native", "KAJABI_WEBHOOK_TOKEN"]
    assert WHOLE not in str(list(entries.values()))


@pytest.mark.parametrize(
    "posted",
    [
        {"step": "reveal", "provider": "kajabi", "setting": "KAJABI_CLIENT_SECRET"},
        {"step": "reveal", "provider": "kajabi", "setting": "SECRET_KEY"},
        {"step": "reveal", "provider": "nowhere", "endpoint": "native"},
        {"step": "send", "provider": "kajabi", "endpoint": "nowhere"},
        {"step": "anything", "provider": "kajabi"},
        {},
    ],
)
def test_what_makes_no_sense_leads_back_to_the_page(
    console: Client, fakes: SimpleNamespace, posted: dict[str, str]
) -> None:
    answer = console.post(PAGE, posted)
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert not AuditEntry.objects.filter(action__startswith="connection.").exists()


# Actions --------------------------------------------------------------------------------------------------------------


def test_connection_is_tested_and_the_answer_explained(console: Client, fakes: SimpleNamespace) -> None:
    shown = text(console, step="test", provider="kajabi")
    assert "It works (site 1)" in shown
    entry = AuditEntry.objects.get(action="connection.tested")
    assert (entry.target_id, entry.facts) == ("kajabi", {"verdicts": ["ok"]})


def test_refused_credentials_are_explained_with_the_setting(
    console: Client, fakes: SimpleNamespace, settings: Any
) -> None:
    settings.GHL_API_KEY = "wrong-key-of-tests"
    shown = text(console, step="test", provider="gohighlevel")
    assert "The credentials are refused" in shown
    assert "GHL_API_KEY" in shown
    assert "wrong-key-of-tests" not in shown


def test_tries_are_bounded_for_each_provider(
    console: Client, fakes: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "TRIES", 1)
    text(console, step="test", provider="kajabi")
    asked = len(fakes.kajabi.exchanges)
    assert "It was tried often enough" in text(console, step="test", provider="kajabi")
    assert len(fakes.kajabi.exchanges) == asked
    assert "It works" in text(console, step="test", provider="nowcerts")


@pytest.mark.django_db(transaction=True)
def test_test_event_is_sent_and_its_row_linked(
    staff: Any, settings: Any, tokens: None, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    settings.FRONTEND_URL = live_server.url
    client = signed_in(staff)
    shown = text(client, step="send", provider="kajabi", endpoint="native")
    event = InboxEvent.objects.get()
    assert f"/admin/integrations/inboxevent/{event.pk}/change/" in shown
    assert "proved by <code>KAJABI_WEBHOOK_TOKEN</code>" in shown
    entry = AuditEntry.objects.get(action="connection.test_event")
    assert (entry.target_id, entry.facts["result"]) == (str(event.pk), "stored")
