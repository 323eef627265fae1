"""`manage.py check --deploy`: what leaves this machine unencrypted."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

# Settings that name an address to which secrets or personal data go, beside every *_BASE_URL.
ADDRESSES = ("COMPANY_WEBHOOK_URL", "SLACK_WEBHOOK_URL", "BREACHED_PASSWORDS_URL")
ENCRYPTED_MODES = frozenset({"require", "verify-ca", "verify-full"})


def register() -> None:
    checks.register(check_transport, checks.Tags.security, deploy=True)


def check_transport(**kwargs: Any) -> list[checks.CheckMessage]:
    """Return a warning for each connection to another machine that is not encrypted."""
    return [
        checks.Warning(f"{name}: {where} is reached without encryption.", hint=hint, id="config.W010")
        for name, where, hint in [*_web(), *_database(), *_redis(), *_mail()]
    ]


def _web() -> list[tuple[str, str, str]]:
    names = [*sorted({name for name in dir(settings) if name.endswith("_BASE_URL")}), *ADDRESSES]
    found = [(name, urlsplit(str(getattr(settings, name, "") or ""))) for name in names]
    return [
        (name, str(parts.hostname), "Begin the address with https://.")
        for name, parts in found
        if parts.scheme == "http" and not _is_near(parts.hostname)
    ]


def _database() -> list[tuple[str, str, str]]:
    database = settings.DATABASES["default"]
    host, options = str(database.get("HOST") or ""), database.get("OPTIONS") or {}
    if database["ENGINE"].endswith("sqlite3") or host.startswith("/") or _is_near(host):
        return []
    is_encrypted = options.get("sslmode") in ENCRYPTED_MODES
    return [] if is_encrypted else [("DATABASE_URL", host, "Add ?sslmode=verify-full, or at least require.")]


def _redis() -> list[tuple[str, str, str]]:
    found = [(name, urlsplit(str(getattr(settings, name, "") or ""))) for name in ("REDIS_URL", "CELERY_BROKER_URL")]
    return [
        (name, str(parts.hostname), "Begin the address with rediss://.")
        for name, parts in found
        if parts.scheme in ("redis", "amqp") and not _is_near(parts.hostname)
    ]


def _mail() -> list[tuple[str, str, str]]:
    by_smtp = settings.EMAIL_BACKEND == "django.core.mail.backends.smtp.EmailBackend"
    is_encrypted = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
    if not by_smtp or is_encrypted or _is_near(settings.EMAIL_HOST):
        return []
    return [("EMAIL_HOST", settings.EMAIL_HOST, "Set EMAIL_USE_TLS=true.")]


def _is_near(host: str | None) -> bool:
    """Return whether `host` is this machine, or a name without a dot, as containers of one network call each other."""
    if not host or host == "localhost" or ("." not in host and ":" not in host):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
