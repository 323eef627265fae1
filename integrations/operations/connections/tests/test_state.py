"""State of a connection: its settings, its addresses with masked secrets, and the first thing to do."""

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from integrations import registry
from integrations.contracts.webhook import TEST_EVENT
from integrations.inbox import refusals
from integrations.inbox.models import InboxEvent
from integrations.operations.connections import configured
from integrations.operations.connections.guided import guided
from integrations.operations.connections.next_step import Health, health_of, steps_of
from integrations.operations.connections.state import Connection, of_all
from integrations.operations.models import Figure, Silence
from integrations.outbox.models import Circuit, FirstSync
from integrations.reconcile.models import SyncRun

pytestmark = pytest.mark.django_db
KEYS = ("chatwoot", "gohighlevel", "kajabi", "nowcerts")


def connection(key: str = "kajabi") -> Connection:
    return next(one for one in of_all() if one.provider.key == key)


def codes(key: str = "kajabi") -> list[str]:
    return [step.code for step in steps_of(connection(key), guided())]


def problems(key: str = "kajabi") -> list[str]:
    return [step.code for step in steps_of(connection(key), guided()) if step.is_problem]


def event(key: str = "kajabi", **columns: Any) -> InboxEvent:
    values = {"provider": key, "key": str(InboxEvent.objects.count()), "body": b"{}", "status": "processed"}
    return InboxEvent.objects.create(**values | columns)


# Settings and addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", KEYS)
def test_every_setting_of_a_provider_says_what_it_is_for(key: str) -> None:
    provider = registry.provider(key)
    module = import_module(f"integrations.providers.{key}.settings")
    names = {name for name in vars(module) if name.isupper()} - provider.retired_settings.keys()
    assert provider.purposes.keys() == names
    assert provider.key_at
    assert provider.probes


@pytest.mark.parametrize("key", KEYS)
def test_every_endpoint_says_where_its_address_is_pasted(key: str) -> None:
    assert all(endpoint.paste_at for endpoint in registry.provider(key).endpoints)


def test_provider_without_settings_is_not_used_and_names_the_first_ones() -> None:
    found = connection()
    assert not found.is_used
    assert found.missing == ["KAJABI_CLIENT_ID", "KAJABI_CLIENT_SECRET", "KAJABI_WEBHOOK_TOKEN"]
    (step,) = steps_of(found, None)
    assert (step.code, step.is_problem) == ("not_used", False)
    assert "KAJABI_WEBHOOK_TOKEN" in step.text
    assert connection("chatwoot").missing == ["CHATWOOT_WEBHOOK_TOKEN"], "its API is optional"


def test_secret_is_shown_by_its_last_letters_and_a_short_one_not_at_all(settings: Any) -> None:
    settings.KAJABI_CLIENT_SECRET, settings.KAJABI_CLIENT_ID = "a-long-client-secret-9876", "short-id"
    settings.KAJABI_SITE_ID, settings.NOWCERTS_USERNAME = "77", "agent@agency.example"
    shown = {one.name: one.value for found in of_all() for one in found.settings}
    assert shown["KAJABI_CLIENT_SECRET"] == "•••9876"
    assert shown["KAJABI_CLIENT_ID"] == "•••"
    assert shown["KAJABI_SITE_ID"] == "77"
    assert "agent@" not in shown["NOWCERTS_USERNAME"]


def test_address_ends_with_a_masked_token_and_is_whole_only_on_request(settings: Any) -> None:
    settings.KAJABI_WEBHOOK_TOKEN = ["first/token-of-sixteen-abcd", "second"]
    native = next(one for one in connection().endpoints if one.name == "native")
    assert native.url == "http://testserver/kajabi-webhook/•••abcd"
    endpoint = registry.endpoint_of("kajabi", "native")
    assert configured.whole_url(endpoint) == "http://testserver/kajabi-webhook/first%2Ftoken-of-sixteen-abcd"
    relay = next(one for one in connection().endpoints if one.name == "relay")
    assert (relay.url, relay.has_secret) == ("http://testserver/api/webhook/kajabi", False)
    assert [(one.setting, one.is_set) for one in relay.proofs] == [
        ("KAJABI_WEBHOOK_SECRET", False),
        ("KAJABI_WEBHOOK_TOKEN", True),
    ]


def test_only_secrets_that_senders_need_can_be_had_whole(settings: Any, tokens: None) -> None:
    settings.KAJABI_CLIENT_SECRET, settings.GHL_LOCATION_ID = "a-client-secret", "a-location"
    assert configured.whole_secret(registry.provider("kajabi"), "KAJABI_WEBHOOK_TOKEN").endswith("wxyz")
    for key, name in (
        ("kajabi", "KAJABI_CLIENT_SECRET"),
        ("kajabi", "KAJABI_WEBHOOK_SECRET"),
        ("kajabi", "SECRET_KEY"),
        ("gohighlevel", "GHL_LOCATION_ID"),
        ("nowcerts", "KAJABI_WEBHOOK_TOKEN"),
    ):
        with pytest.raises(KeyError):
            configured.whole_secret(registry.provider(key), name)


# What comes next ------------------------------------------------------------------------------------------------------


def test_set_up_connection_leads_from_the_address_to_nothing(settings: Any, tokens: None) -> None:
    assert codes() == ["no_event", "api_off"]
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "id", "secret"
    event()
    assert codes() == ["never_read"]
    SyncRun.objects.create(provider="kajabi", kind="backfill", status="done", cause="test")
    assert codes() == []


def test_half_set_api_is_a_problem_although_nothing_else_is_set(settings: Any) -> None:
    settings.GHL_API_KEY = "a key"
    found = connection("gohighlevel")
    assert found.is_used
    assert problems("gohighlevel") == ["half_set"]
    assert "GHL_LOCATION_ID" in steps_of(found, None)[0].text


def test_setting_that_does_nothing_is_a_problem(settings: Any) -> None:
    settings.KAJABI_API_KEY = "old"
    assert problems() == ["retired_setting"]


def test_unsigned_deliveries_are_a_problem(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_UNSIGNED = ["kajabi"]
    assert problems() == ["unsigned"]


@pytest.mark.parametrize(
    ("columns", "said", "is_problem"),
    [
        ({"permission": "contacts.write", "resource": "contacts", "trial_at": timezone.now()}, "contacts.write", True),
        ({"permission": "credentials", "trial_at": timezone.now()}, "credentials are refused", True),
        ({"resource": "contacts", "trial_at": timezone.now()}, "after errors (contacts)", True),
        ({"trial_at": None}, "Staff paused writing", False),
    ],
)
def test_open_circuit_is_named_with_a_link(
    settings: Any, tokens: None, columns: dict[str, Any], said: str, is_problem: bool
) -> None:
    circuit = Circuit.objects.create(provider="gohighlevel", opened_at=timezone.now(), **columns)
    first, *_others = steps_of(connection("gohighlevel"), None)
    assert said in first.text
    assert first.is_problem is is_problem
    assert first.url == f"/admin/integrations/circuit/{circuit.pk}/change/"
    assert "paused" not in codes("nowcerts")


def test_failed_reading_and_missing_hooks_are_problems(settings: Any, tokens: None) -> None:
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "id", "secret"
    SyncRun.objects.create(provider="kajabi", kind="incremental", status="failed", cause="test")
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    Figure.objects.create(kind="hooks", subject="kajabi", at=hour, numbers={"missing": ["purchase"], "all": 6})
    assert problems() == ["reading_failed", "hooks"]
    assert steps_of(connection(), None)[1].url == "/admin/hooks/kajabi/"


def test_audit_is_no_reading_that_applied_the_lists(settings: Any, tokens: None) -> None:
    settings.KAJABI_CLIENT_ID, settings.KAJABI_CLIENT_SECRET = "id", "secret"
    SyncRun.objects.create(provider="kajabi", kind="audit", status="failed", cause="test")
    assert "never_read" in codes()
    assert problems() == []


def test_refusal_is_a_problem_until_something_is_accepted(tokens: None) -> None:
    event(received_at=timezone.now() - timedelta(hours=1))
    refusals.note("kajabi", "token mismatch")
    assert problems() == ["refused"]
    assert health_of(connection(), steps_of(connection(), None)) is Health.BROKEN
    event()
    assert "refused" not in codes()


def test_silence_is_a_problem_with_a_link_until_it_ends(tokens: None) -> None:
    last = event(received_at=timezone.now() - timedelta(days=2))
    row = Silence.objects.create(provider="kajabi", since=last.received_at)
    assert problems() == ["silent"]
    assert steps_of(connection(), None)[0].url == f"/admin/integrations/silence/{row.pk}/change/"
    assert "silent" not in codes("nowcerts")
    Silence.objects.update(ended_at=timezone.now())
    assert problems() == []


def test_our_own_test_event_is_not_the_last_event(tokens: None) -> None:
    sent = event(event_type=TEST_EVENT, status="ignored")
    found = connection()
    assert (found.event, found.tested) == (None, sent)
    real = event(event_type="offer.purchased")
    assert connection().event == real


def test_first_sync_is_guided_until_writing_has_started(settings: Any, fakes: SimpleNamespace) -> None:
    settings.CONTACT_SYNC = "guided"
    row = None
    for columns, stage in (
        (None, "unread"),
        ({"status": "pending"}, "reading"),
        ({"status": "failed", "last_error": "away"}, "failed"),
        ({"status": "ready", "finished_at": timezone.now()}, "ready"),
        ({"status": "ready", "finished_at": timezone.now() - timedelta(days=8)}, "unread"),
        ({"status": "started", "started_at": timezone.now(), "read_at": timezone.now()}, "writing"),
    ):
        if columns and row is None:
            row = FirstSync.objects.create(**columns)
        elif columns:
            FirstSync.objects.update(**columns)
        found = guided()
        assert found is not None
        assert found.stage == stage
        assert ("first_sync" in codes("nowcerts")) is (stage != "writing")
        assert "first_sync" not in codes("kajabi")
    settings.CONTACT_SYNC = False
    assert guided() is None
