"""Test of a connection over real HTTP against fakes of the vendors: what each answer means."""

from types import SimpleNamespace
from typing import Any

import pytest

from integrations import registry
from integrations.operations.connections import probing
from integrations.operations.connections.probing import Verdict, probe
from tests.fakes.http_server import Answer, Hang

pytestmark = pytest.mark.django_db
KEYS = ("chatwoot", "gohighlevel", "kajabi", "nowcerts")
WRONG = {
    "chatwoot": "CHATWOOT_PLATFORM_TOKEN",
    "gohighlevel": "GHL_API_KEY",
    "kajabi": "KAJABI_CLIENT_SECRET",
    "nowcerts": "NOWCERTS_PASSWORD",
}
BASE = {
    "chatwoot": "CHATWOOT_BASE_URL",
    "gohighlevel": "GHL_BASE_URL",
    "kajabi": "KAJABI_API_BASE_URL",
    "nowcerts": "NOWCERTS_BASE_URL",
}


def verdicts(key: str) -> list[Verdict]:
    return [one.verdict for one in probe(registry.provider(key))]


@pytest.mark.parametrize("key", KEYS)
def test_every_call_of_a_connected_provider_is_answered_and_nothing_is_written(
    fakes: SimpleNamespace, key: str
) -> None:
    assert set(verdicts(key)) == {Verdict.OK}
    asked = [exchange.asked for exchange in getattr(fakes, key).exchanges]
    assert asked
    assert {one.method for one in asked if "token" not in one.path} == {"GET"}


@pytest.mark.parametrize("key", KEYS)
def test_wrong_credentials_are_named_and_end_the_test(fakes: SimpleNamespace, settings: Any, key: str) -> None:
    setattr(settings, WRONG[key], "a-wrong-secret-of-tests")
    first, *others = probe(registry.provider(key))
    assert first.verdict is Verdict.CREDENTIALS
    assert WRONG[key] in first.error, "it says what to check"
    assert "a-wrong-secret-of-tests" not in first.error
    assert {one.verdict for one in others} <= {Verdict.NOT_TRIED}


@pytest.mark.parametrize("key", KEYS)
def test_provider_that_cannot_be_reached_is_named(fakes: SimpleNamespace, settings: Any, key: str) -> None:
    setattr(settings, BASE[key], "http://127.0.0.1:9")
    assert verdicts(key)[0] is Verdict.UNREACHABLE


@pytest.mark.parametrize("key", KEYS)
def test_provider_that_is_not_set_up_is_not_called(key: str) -> None:
    assert verdicts(key)[0] is Verdict.NOT_CONFIGURED


def test_missing_scope_is_named_and_the_other_calls_go_on(fakes: SimpleNamespace) -> None:
    fakes.gohighlevel.without_scope = ["/opportunities"]
    contacts, pipelines, fields = probe(registry.provider("gohighlevel"))
    assert (contacts.verdict, pipelines.verdict, fields.verdict) == (Verdict.OK, Verdict.PERMISSION, Verdict.OK)
    assert "opportunities.readonly" in pipelines.explanation


def test_refusal_of_one_call_without_the_name_of_a_permission(fakes: SimpleNamespace) -> None:
    fakes.kajabi.misbehave(Answer(status=403, body=b'{"errors": []}'), on="/v1/purchases")
    assert verdicts("kajabi") == [Verdict.OK, Verdict.PERMISSION, Verdict.OK, Verdict.OK]


def test_too_many_calls_end_the_test(fakes: SimpleNamespace) -> None:
    fakes.kajabi.misbehave(Answer(status=429, body=b"{}"), on="/v1/purchases")
    assert verdicts("kajabi") == [Verdict.OK, Verdict.BUSY, Verdict.NOT_TRIED, Verdict.NOT_TRIED]


def test_account_of_another_platform_app_proves_the_token_of_ours(fakes: SimpleNamespace) -> None:
    fakes.chatwoot.not_permissible.add("1")
    (one,) = probe(registry.provider("chatwoot"))
    assert one.is_ok
    fakes.chatwoot.add(1, "Acme")
    fakes.chatwoot.not_permissible.clear()
    assert verdicts("chatwoot") == [Verdict.OK]


def test_server_that_hangs_is_left_after_the_time_of_the_whole_test(
    fakes: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "PATIENCE", 1.0)
    fakes.gohighlevel.misbehave(Hang(), on="/contacts")
    assert verdicts("gohighlevel") == [Verdict.UNREACHABLE, Verdict.NOT_TRIED, Verdict.NOT_TRIED]


def test_hooks_that_do_not_lead_here_are_named(fakes: SimpleNamespace) -> None:
    *_others, hooks = probe(registry.provider("kajabi"))
    assert hooks.is_ok
    assert "no hook leads here for purchase" in hooks.explanation
