"""`manage.py check`: which providers are off because nothing is configured for them."""

from typing import Any

from django.conf import settings
from django.core import checks

from core.web.cross_origin import problem_of
from integrations import registry
from integrations.toolkit.signatures import secrets_in


def register() -> None:
    checks.register(check_providers)
    checks.register(check_origins)
    checks.register(check_company_pages)


def check_origins(**kwargs: Any) -> list[checks.CheckMessage]:
    """An origin is a scheme and a host: with a path or a wildcard it would match nothing, or everybody."""
    return [
        checks.Error(
            f"{name} holds {origin!r}, which no browser sends as an origin.", hint=hint, id="integrations.E001"
        )
        for name in ("FRONTEND_ORIGINS", "CHATWOOT_EMBED_ORIGINS", "CHATWOOT_FRAME_ORIGINS")
        for origin in getattr(settings, name)
        if (hint := problem_of(origin))
    ]


def check_providers(**kwargs: Any) -> list[checks.CheckMessage]:
    """An endpoint without secrets is off and says so; one that takes unsigned requests is warned of."""
    found: list[checks.CheckMessage] = []
    for provider in registry.all_providers().values():
        names = sorted({verifier.setting for endpoint in provider.endpoints for verifier in endpoint.verifiers})
        if not any(secrets_in(name) for name in names):
            found.append(
                checks.Info(
                    f"{provider.title} is off: its webhooks are refused.",
                    hint=f"Set {' or '.join(names)}.",
                    id="integrations.I001",
                )
            )
        if provider.key in settings.WEBHOOKS_ALLOW_UNSIGNED:
            found.append(
                checks.Warning(
                    f"{provider.title} accepts unsigned webhooks: anybody can post them.",
                    hint="WEBHOOKS_ALLOW_UNSIGNED is for local trials only.",
                    id="integrations.W001",
                )
            )
    return found


def check_company_pages(**kwargs: Any) -> list[checks.CheckMessage]:
    """Warn of companies that everybody may ask for who counts up the accounts' ids."""
    found: list[checks.CheckMessage] = []
    for provider in registry.all_providers().values():
        pages = provider.company_pages
        if pages is None or secrets_in(pages.signed_by):
            continue
        names = {verifier.setting for endpoint in provider.endpoints for verifier in endpoint.verifiers}
        if pages.is_connected() or any(secrets_in(name) for name in names):
            found.append(
                checks.Warning(
                    f"Everybody may ask for the company of any {provider.title} account.",
                    hint=f"Set {pages.signed_by}, and let your front ends sign the account ids.",
                    id="integrations.W010",
                )
            )
    return found
