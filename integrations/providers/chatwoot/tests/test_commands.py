"""`simulate chatwoot …` and `check_chatwoot`, against a server that really runs."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.people.models import Company, Contact
from integrations.providers.chatwoot.tests.conftest import TOKEN

pytestmark = pytest.mark.django_db(transaction=True)


def said(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, no_color=True, **options)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")


def test_account_is_simulated(live_server: Any) -> None:
    text = said("simulate", "chatwoot", "account_created", "--account", "999", "--name", "Test Company S.A.",
                "--url", live_server.url)  # fmt: skip
    assert "→ 200" in text
    company = Company.objects.get()
    assert (company.company_id, company.name) == ("chatwoot_999", "Test Company S.A.")


@pytest.mark.parametrize("case", ["wrapped", "with_account"])
def test_each_shape_is_simulated_for_any_account(live_server: Any, case: str) -> None:
    said("simulate", "chatwoot", "account_created", "--case", case, "--account", "7", "--url", live_server.url)
    assert Company.objects.get().company_id == "chatwoot_7"


def test_contact_is_simulated(live_server: Any, drain: Any) -> None:
    said("simulate", "chatwoot", "contact_created", "--account", "7", "--email", "john@example.com", "--name",
         "John Doe", "--contact-id", "12", "--url", live_server.url)  # fmt: skip
    drain()
    contact = Contact.objects.get()
    assert (contact.email, contact.name, contact.company.company_id) == ("john@example.com", "John Doe", "chatwoot_7")


def test_check_prints_its_report(live_server: Any, settings: Any) -> None:
    settings.METRICS_TOKEN = ["a-monitor-that-only-tests-know"]
    text = said("check_chatwoot", "--url", live_server.url)
    for line in (
        "CHATWOOT WEBHOOK TEST SUITE",
        f"ℹ Backend URL: {live_server.url}",
        "TEST: Account Created Webhook",
        f"ℹ Enviando webhook a: {live_server.url}/api/chatwoot/webhooks/account-created",
        "ℹ Account ID: 999",
        "ℹ Company Name: Test Company S.A.",
        "Status Code: 200",
        "✓ Webhook recibido correctamente",
        '"message": "Company created and services initialized"',
        "✓ Empresa creada: chatwoot_999",
        "ℹ Redis prefix: chatwoot_999:",
        "ℹ Vectorstore: chatwoot_999_documents",
        "ℹ Created: True",
        "✓ Empresa encontrada: chatwoot_999",
        "✓ Total syncs: 1",
    ):
        assert line in text
    assert TOKEN not in text
    assert settings.METRICS_TOKEN[0] not in text
    assert "✓ Empresa ya existente: chatwoot_999" in said("check_chatwoot", "--url", live_server.url)


def test_asking_for_one_company_fails_where_it_is_not_there(live_server: Any) -> None:
    with pytest.raises(CommandError, match="no existe"):
        said("check_chatwoot", "--url", live_server.url, "--get", "123")
    said("simulate", "chatwoot", "account_created", "--url", live_server.url)
    assert "✓ Empresa encontrada: chatwoot_123" in said("check_chatwoot", "--url", live_server.url, "--get", "123")
    assert Company.objects.count() == 1


def test_check_fails_where_the_server_refuses(live_server: Any, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        "integrations.providers.chatwoot.management.commands.check_chatwoot._proof", lambda endpoint, body: {}
    )
    with pytest.raises(CommandError, match="Invalid webhook signature"):
        said("check_chatwoot", "--url", live_server.url)
    with pytest.raises(CommandError, match="401"):
        said("check_chatwoot", "--url", live_server.url, "--metrics")
    assert Company.objects.count() == 0


def test_check_fails_where_nothing_answers() -> None:
    with pytest.raises(CommandError, match="Nada responde"):
        said("check_chatwoot", "--url", "http://127.0.0.1:1")
