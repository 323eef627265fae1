"""Settings that hold secrets are found by name, and those of our choice must be long."""

from typing import Any

import pytest
from django.core import checks

from config.checks import check_secrets
from config.secret_settings import SHORTEST, chosen_secrets, configured_secrets


def test_secrets_of_a_new_provider_are_found() -> None:
    settings = {
        "ACME_WEBHOOK_SECRET": ["one", "two"],
        "ACME_WEBHOOK_TOKEN": "three",
        "ACME_CLIENT_SECRET": "four",
        "ACME_BASE_URL": "https://user:fi%40ve@acme.example/",
        "ANYMAIL": {"ACME_API_KEY": "six", "REQUESTS_TIMEOUT": (5, 10)},
        "ACME_EMPTY_TOKEN": "",
        "ACME_TOKEN_PATH": "/token",
        "ACME_PUBLIC_KEYS": ["public"],
        "PASSWORD_HASHERS": ["a.b"],
        "lower_token": "a variable",
    }
    assert configured_secrets(settings) == {
        "ACME_WEBHOOK_SECRET": ["one", "two"],
        "ACME_WEBHOOK_TOKEN": ["three"],
        "ACME_CLIENT_SECRET": ["four"],
        "ACME_BASE_URL": ["fi%40ve", "fi@ve"],
        "ANYMAIL.ACME_API_KEY": ["six"],
    }
    assert set(chosen_secrets(settings)) == {"ACME_WEBHOOK_SECRET", "ACME_WEBHOOK_TOKEN"}


def test_every_secret_of_a_provider_in_the_settings_is_found(settings: Any) -> None:
    """Take the names from the manifests."""
    from django.conf import settings as effective

    from integrations import registry

    names = {
        verifier.setting
        for provider in registry.all_providers().values()
        for endpoint in provider.endpoints
        for verifier in endpoint.verifiers
        if not verifier.setting.endswith(("_PUBLIC_KEYS", "_ID"))
    }
    assert names
    for name in names:
        setattr(settings, name, ["short"])
    assert names <= set(chosen_secrets(effective))


OURS = [
    ("KAJABI_WEBHOOK_SECRET", ["%s"]),
    ("NOWCERTS_WEBHOOK_TOKEN", ["long enough, so not the culprit", "%s"]),
    ("COMPANY_WEBHOOK_SECRET", ["whsec_%s"]),
    ("METRICS_TOKEN", ["%s"]),
    ("WEBHOOK_CONFIG_PASSWORD", "%s"),
    ("CHATWOOT_EMBED_SECRET", "%s"),
    ("ANYMAIL", {"WEBHOOK_SECRET": ["a-long-user-name:%s"]}),
]


def _filled(shape: Any, value: str) -> Any:
    if isinstance(shape, str):
        return shape.replace("%s", value)
    if isinstance(shape, dict):
        return {key: _filled(item, value) for key, item in shape.items()}
    return [_filled(item, value) for item in shape]


@pytest.mark.parametrize(("name", "shape"), OURS)
def test_short_secret_of_our_choice_is_an_error(settings: Any, name: str, shape: Any) -> None:
    setattr(settings, name, _filled(shape, "x" * (SHORTEST - 1)))
    found = check_secrets()
    assert [(message.id, message.level) for message in found] == [("config.E001", checks.ERROR)]
    assert str(found[0].msg).startswith(name)
    assert "xxx" not in str(found[0]), "the value itself is not printed"
    setattr(settings, name, _filled(shape, "x" * SHORTEST))
    assert check_secrets() == []


@pytest.mark.parametrize(
    "name", ["KAJABI_CLIENT_SECRET", "GHL_API_KEY", "CHATWOOT_PLATFORM_TOKEN", "NOWCERTS_PASSWORD", "SLACK_WEBHOOK_URL"]
)
def test_secret_from_a_vendor_may_have_any_length(settings: Any, name: str) -> None:
    setattr(settings, name, "short")
    assert check_secrets() == []


def test_secret_length_is_part_of_check_deploy(settings: Any) -> None:
    settings.METRICS_TOKEN = ["short"]
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=True)
    assert "config.E001" in {message.id for message in found}
    assert "config.E001" not in {message.id for message in checks.run_checks(tags=[checks.Tags.security])}
