"""S17: Django's own check of a deployment finds nothing in an installation as docs/deployment.md describes it."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.transport_checks import check_transport
from tests.harness.process import ROOT

PSYCOPG = "django.db.backends.postgresql"
SMTP = "django.core.mail.backends.smtp.EmailBackend"

# The least that production needs, as the section Settings of docs/deployment.md names it.
PRODUCTION = {
    "FRONTEND_URL": "https://hub.example.com",
    "TRUSTED_PROXY_COUNT": "1",
    "ADMIN_2FA": "required",
    "DATABASE_URL": "postgres://enlace:password@127.0.0.1:5432/enlace",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
    "ADMIN_EMAIL": "you@example.com",
    "DEFAULT_FROM_EMAIL": "Example <hello@example.com>",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "EMAIL_HOST": "email-smtp.eu-west-1.amazonaws.com",
    "EMAIL_PORT": "587",
    "EMAIL_USE_TLS": "true",
    "NSSA_KAJABI_PRODUCT_ID": "off_1",
}
SECRETS = {
    "SECRET_KEY": "a-key-of-many-letters-that-only-tests-know-" + "0123456789" * 3,
    "KAJABI_WEBHOOK_SECRET": "a-webhook-secret-that-only-tests-know",
    "ANYMAIL_WEBHOOK_SECRET": "anymail:a-mail-secret-that-only-tests-know",
}


def deploy_check(directory: Path, **changes: str) -> tuple[int, str]:
    """Return the exit code and the output of `check --deploy` with these settings."""
    env = {"PATH": os.environ["PATH"], "ENV_FILE": "", "VAR_DIR": str(directory), **PRODUCTION, **SECRETS, **changes}
    command = [sys.executable, str(ROOT / "manage.py"), "check", "--deploy", "--fail-level", "WARNING"]
    ended = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_deploy_check_of_a_production_environment_is_clean(tmp_path: Path) -> None:
    code, output = deploy_check(tmp_path)
    assert code == 0, output
    assert "WARNING" not in output


def test_deploy_check_of_careless_settings_names_each(tmp_path: Path) -> None:
    code, output = deploy_check(tmp_path, ADMIN_2FA="optional", DEBUG="true", SECRET_KEY="short")
    assert code == 1
    assert {name for name in ("accounts.W001", "security.W009", "security.W018") if name in output} == {
        "accounts.W001",
        "security.W009",
        "security.W018",
    }


def warnings_of(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> list[str]:
    """Return the check's output for production's settings with these changes."""
    production = {
        "KAJABI_API_BASE_URL": "https://api.kajabi.com",
        "COMPANY_WEBHOOK_URL": "",
        "DATABASES": {"default": {"ENGINE": PSYCOPG, "HOST": "127.0.0.1"}},
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "CELERY_BROKER_URL": "redis://127.0.0.1:6379/0",
        "EMAIL_BACKEND": SMTP,
        "EMAIL_HOST": "smtp.example.com",
        "EMAIL_USE_TLS": True,
        "EMAIL_USE_SSL": False,
    }
    monkeypatch.setattr("config.transport_checks.settings", SimpleNamespace(**{**production, **changes}))
    found = check_transport()
    assert {message.id for message in found} <= {"config.W010"}
    return [message.msg.partition(":")[0] for message in found]


def database(host: str, **options: str) -> dict[str, Any]:
    return {"DATABASES": {"default": {"ENGINE": PSYCOPG, "HOST": host, "OPTIONS": options}}}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"KAJABI_API_BASE_URL": "http://api.kajabi.com"}, "KAJABI_API_BASE_URL"),
        ({"COMPANY_WEBHOOK_URL": "http://backend.example.com/x"}, "COMPANY_WEBHOOK_URL"),
        (database("db.example.com"), "DATABASE_URL"),
        (database("10.0.0.5", sslmode="prefer"), "DATABASE_URL"),
        ({"REDIS_URL": "redis://cache.example.com:6379/0"}, "REDIS_URL"),
        ({"CELERY_BROKER_URL": "amqp://broker.example.com/"}, "CELERY_BROKER_URL"),
        ({"EMAIL_USE_TLS": False}, "EMAIL_HOST"),
    ],
)
def test_unencrypted_connection_to_another_machine_is_named(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], named: str
) -> None:
    assert warnings_of(monkeypatch, changes) == [named]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"CHATWOOT_BASE_URL": "http://chatwoot:3000", "GHL_BASE_URL": "http://127.0.0.1:9"},
        database("db.example.com", sslmode="verify-full"),
        database("postgres"),
        database("/run/postgresql"),
        {"REDIS_URL": "rediss://:x@cache.example.com:6379/0"},
        {"EMAIL_HOST": "localhost", "EMAIL_USE_TLS": False},
        {"EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend", "EMAIL_USE_TLS": False},
    ],
)
def test_encrypted_or_local_connection_is_not_named(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    assert warnings_of(monkeypatch, changes) == []
