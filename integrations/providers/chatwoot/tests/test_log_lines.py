"""Chatwoot's lines in the log, as the document of the company sync has them."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType

from tests.rendered import Lines

pytestmark = pytest.mark.django_db(transaction=True)


def test_new_account_has_the_lines_of_the_document_in_their_order(install: Any, account: Any, lines: Lines) -> None:
    install(account(123, "Test Company S.A."))
    assert lines.events() == [
        "[Chatwoot Webhook] Account created: 123 - Test Company S.A.",
        "[Chatwoot Sync] Creating company: chatwoot_123",
        "[Chatwoot Sync] Company created successfully: chatwoot_123",
        "[Chatwoot Webhook] Event account_created processed successfully",
    ]
    assert [line for line in lines.text.splitlines() if "chatwoot_account_id:123" not in line] == []


def test_repetition_creates_nothing(install: Any, account: Any, lines: Lines) -> None:
    install(account(123))
    install(account(123, "Another name"))
    assert sum("Creating company" in said for said in lines.events()) == 1
    assert lines.events()[-1] == "[Chatwoot Webhook] Event account_created processed successfully"
    assert lines.of("webhooks")[-1]["changes"].startswith("company changed: name")


def test_company_that_is_undone_was_never_created(
    install: Any, account: Any, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(type(ContentType.objects), "get_for_models", broken)  # after the handler, before the end
    install(account(123))
    assert lines.events() == [
        "[Chatwoot Webhook] Account created: 123 - Test Company S.A.",
        "[Chatwoot Sync] Creating company: chatwoot_123",
        "[Chatwoot Sync] Error: RuntimeError: the disk is full",
    ]


def test_account_without_a_number_is_an_error(install: Any, account: Any, lines: Lines) -> None:
    install(account("one"))
    assert lines.events()[-1].startswith("[Chatwoot Sync] Error: account_created: ")


def test_name_of_an_account_forges_no_line(install: Any, account: Any, lines: Lines) -> None:
    install(account(123, 'Acme\n[Chatwoot Sync] Company created successfully: chatwoot_9 "x"' + "y" * 2000))
    assert lines.events()[0].startswith("[Chatwoot Webhook] Account created: 123 - Acme (Chatwoot Sync) Company")
    assert len(lines.events()[0]) < 200
    assert len(lines.events()) == 4


def test_webhook_about_a_contact_names_its_account_and_no_person(
    tell: Any, fixture: Any, drain: Any, lines: Lines
) -> None:
    payload = fixture("contact_created__account_webhook")
    tell(payload)
    drain()
    assert lines.events()[0] == "[Chatwoot Webhook] Event received: contact_created"
    about = f"chatwoot_account_id:{payload['account']['id']}"
    assert {line["about"] for line in lines.of("webhooks")} == {about}
    assert [
        value for value in (payload["name"], payload["email"], payload["phone_number"]) if value in lines.text
    ] == []
