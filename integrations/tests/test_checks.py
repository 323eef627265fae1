"""What `manage.py check` says of addresses that nobody can open."""

from typing import Any

from integrations.checks import check_passwords


def test_addresses_without_a_password_or_token_are_named_with_the_setting(settings: Any) -> None:
    settings.WEBHOOK_CONFIG_PASSWORD, settings.METRICS_TOKEN = " ", [""]
    found = {message.msg.split()[0]: message.hint for message in check_passwords()}
    assert found == {
        "/configurar-webhooks-kajabi": "Set WEBHOOK_CONFIG_PASSWORD.",
        "/gestionar-webhooks-kajabi": "Set WEBHOOK_CONFIG_PASSWORD.",
        "/metrics": "Set METRICS_TOKEN.",
    }


def test_with_both_set_nothing_is_said(settings: Any) -> None:
    settings.WEBHOOK_CONFIG_PASSWORD, settings.METRICS_TOKEN = "a-password", ["a-token"]
    assert check_passwords() == []
