"""Messages of `manage.py check` and the console about providers that are off, wholly or in part."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client
from django.utils import translation

from accounts.tests.admin_clients import clerk, signed_in
from integrations import registry, setup_state
from integrations.checks import check_metrics_token, check_providers
from integrations.providers.kajabi.checks import check_operators_password

NAMES = {
    *("KAJABI_WEBHOOK_SECRET", "KAJABI_WEBHOOK_TOKEN", "NOWCERTS_WEBHOOK_SECRET", "NOWCERTS_WEBHOOK_TOKEN"),
    *("GHL_WEBHOOK_SECRET", "GHL_WEBHOOK_TOKEN", "CHATWOOT_WEBHOOK_SECRET", "CHATWOOT_RELAY_SECRET"),
    *("CHATWOOT_WEBHOOK_TOKEN", "WEBHOOKS_ALLOW_UNSIGNED"),
}
TEXTS = {
    *("KAJABI_CLIENT_ID", "KAJABI_CLIENT_SECRET", "KAJABI_API_KEY", "NOWCERTS_USERNAME", "NOWCERTS_PASSWORD"),
    *("GHL_API_KEY", "GHL_LOCATION_ID", "CHATWOOT_BASE_URL", "CHATWOOT_PLATFORM_TOKEN"),
}
OFF = {"I001", "I003"}


@pytest.fixture(autouse=True)
def _nothing_is_set(settings: Any) -> None:
    for name in NAMES:
        setattr(settings, name, [])
    for name in TEXTS:
        setattr(settings, name, "")


def configure(settings: Any, *names: str) -> None:
    for name in names:
        setattr(settings, name, ["value"] if name in NAMES else "value")


def said_of(title: str) -> dict[str, str]:
    """The short ids of what check says of a provider, with their hints."""
    found = [message for message in check_providers() if title in str(message.msg)]
    assert len({message.id for message in found}) == len(found), "each once"
    return {str(message.id).removeprefix("integrations."): str(message.hint) for message in found}


@pytest.mark.parametrize(
    ("title", "names", "expected"),
    [
        ("Kajabi", [], OFF),
        ("Kajabi", ["KAJABI_WEBHOOK_SECRET"], {"I003"}),
        ("Kajabi", ["KAJABI_WEBHOOK_TOKEN"], {"I003"}),
        ("Kajabi", ["KAJABI_CLIENT_ID", "KAJABI_CLIENT_SECRET"], {"I001"}),
        ("Kajabi", ["KAJABI_WEBHOOK_TOKEN", "KAJABI_CLIENT_ID", "KAJABI_CLIENT_SECRET"], set()),
        ("Kajabi", ["KAJABI_CLIENT_ID"], {"I001", "W002"}),
        ("Kajabi", ["KAJABI_CLIENT_SECRET"], {"I001", "W002"}),
        ("Kajabi", ["KAJABI_API_KEY"], {"I001", "W003"}),
        ("Kajabi", ["KAJABI_API_KEY", "KAJABI_CLIENT_ID"], {"I001", "W002"}),
        ("Kajabi", ["KAJABI_API_KEY", "KAJABI_CLIENT_ID", "KAJABI_CLIENT_SECRET"], {"I001"}),
        ("NowCerts", [], OFF),
        ("NowCerts", ["NOWCERTS_USERNAME"], {"I001", "W002"}),
        ("NowCerts", ["NOWCERTS_PASSWORD", "NOWCERTS_WEBHOOK_TOKEN"], {"W002"}),
        ("NowCerts", ["NOWCERTS_USERNAME", "NOWCERTS_PASSWORD", "NOWCERTS_WEBHOOK_TOKEN"], set()),
        ("GoHighLevel", [], OFF),
        ("GoHighLevel", ["GHL_API_KEY", "GHL_WEBHOOK_TOKEN"], {"W002"}),
        ("GoHighLevel", ["GHL_LOCATION_ID"], {"I003"}),  # it proves the webhooks of apps
        ("GoHighLevel", ["GHL_API_KEY", "GHL_LOCATION_ID"], set()),
        ("Chatwoot", [], OFF),
        ("Chatwoot", ["CHATWOOT_BASE_URL"], OFF),  # it says whose frames may show our pages
        ("Chatwoot", ["CHATWOOT_PLATFORM_TOKEN", "CHATWOOT_RELAY_SECRET"], {"W002"}),
        ("Chatwoot", ["CHATWOOT_PLATFORM_TOKEN", "CHATWOOT_BASE_URL", "CHATWOOT_WEBHOOK_SECRET"], set()),
    ],
)
def test_check_says_what_is_off_and_what_is_set_in_part(
    settings: Any, title: str, names: list[str], expected: set[str]
) -> None:
    configure(settings, *names)
    assert set(said_of(title)) == expected
    assert registry.provider(title.lower()).is_connected() or title == "Chatwoot" or expected & {"I003", "W002", "W003"}


@pytest.mark.parametrize("key", ["kajabi", "nowcerts", "gohighlevel", "chatwoot"])
def test_unsigned_webhooks_are_warned_of_and_not_called_refused(settings: Any, key: str) -> None:
    settings.WEBHOOKS_ALLOW_UNSIGNED = [key]
    assert set(said_of(registry.provider(key).title)) == {"W001", "I003"}
    others = [message.id for message in check_providers() if registry.provider(key).title not in str(message.msg)]
    assert others.count("integrations.I001") == len(registry.all_providers()) - 1


def test_hints_name_the_settings_that_are_missing(settings: Any) -> None:
    configure(settings, "KAJABI_CLIENT_ID")
    assert said_of("Kajabi") == {
        "I001": "Set KAJABI_WEBHOOK_SECRET or KAJABI_WEBHOOK_TOKEN.",
        "W002": "Set KAJABI_CLIENT_SECRET.",
    }
    assert said_of("NowCerts")["I003"] == "Set NOWCERTS_USERNAME and NOWCERTS_PASSWORD."


def test_key_of_the_older_api_is_explained(settings: Any) -> None:
    configure(settings, "KAJABI_API_KEY")
    hint = said_of("Kajabi")["W003"]
    assert "older API" in hint
    assert "KAJABI_CLIENT_ID and KAJABI_CLIENT_SECRET" in hint
    assert "integrations.W003" in {message.id for message in run_checks()}


@pytest.mark.parametrize("key", ["kajabi", "nowcerts", "gohighlevel"])
def test_every_api_is_on_with_the_settings_that_its_manifest_names(settings: Any, key: str) -> None:
    provider = registry.provider(key)
    names = [*provider.credentials, *provider.api_settings]
    configure(settings, *names)
    assert provider.is_connected()
    for name in names:
        setattr(settings, name, "")
        assert not provider.is_connected(), name
        assert setup_state.of(provider).api_lacks == [name]
        setattr(settings, name, "value")


# In the console -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/admin/hooks/kajabi/", "/admin/reading-lists/"])
def test_console_explains_a_key_of_the_older_api_where_it_shows_the_provider(
    settings: Any, staff: Any, page: str
) -> None:
    browser: Client = signed_in(staff)
    notice = "The API of Kajabi is off: KAJABI_API_KEY does nothing here."
    assert notice not in browser.get(page).content.decode()
    configure(settings, "KAJABI_API_KEY")
    assert notice in browser.get(page).content.decode()
    configure(settings, "KAJABI_CLIENT_ID")
    assert "The API of Kajabi is off: KAJABI_CLIENT_SECRET is missing." in browser.get(page).content.decode()


@pytest.mark.django_db
def test_start_page_leads_to_the_notice(settings: Any, staff: Any) -> None:
    text = "Providers whose API is off, though something is set for it"
    assert text not in signed_in(staff).get("/admin/").content.decode()
    configure(settings, "KAJABI_API_KEY", "GHL_API_KEY")
    page = signed_in(staff).get("/admin/").content.decode()
    assert text in page
    assert "/admin/reading-lists/" in page
    assert text not in clerk("view_user").get("/admin/").content.decode()


@pytest.mark.django_db
def test_reading_page_shows_every_half_set_up_api(settings: Any, staff: Any) -> None:
    configure(settings, "GHL_API_KEY", "NOWCERTS_PASSWORD", "CHATWOOT_PLATFORM_TOKEN")
    with translation.override("en"):
        page = signed_in(staff).get("/admin/reading-lists/").content.decode()
    for name in ("GHL_LOCATION_ID", "NOWCERTS_USERNAME", "CHATWOOT_BASE_URL"):
        assert f"{name} is missing." in page


# Addresses that nobody can open --------------------------------------------------------------------------------------


def closed() -> list[Any]:
    return [*check_operators_password(), *check_metrics_token()]


def test_addresses_without_a_password_or_token_are_named_with_the_setting(settings: Any) -> None:
    settings.WEBHOOK_CONFIG_PASSWORD, settings.METRICS_TOKEN = " ", [""]
    found = {message.msg.split()[0]: message.hint for message in closed()}
    assert found == {
        "/configurar-webhooks-kajabi": "Set WEBHOOK_CONFIG_PASSWORD.",
        "/gestionar-webhooks-kajabi": "Set WEBHOOK_CONFIG_PASSWORD.",
        "/metrics": "Set METRICS_TOKEN.",
    }


def test_with_both_set_nothing_is_said(settings: Any) -> None:
    settings.WEBHOOK_CONFIG_PASSWORD, settings.METRICS_TOKEN = "a-password", ["a-token"]
    assert closed() == []
