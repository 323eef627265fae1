"""S17: Django's own check of a deployment finds nothing in an installation as docs/deployment.md describes it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.harness.process import ROOT

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
    """The exit code and the words of `check --deploy` with these settings."""
    env = {"PATH": os.environ["PATH"], "ENV_FILE": "", "VAR_DIR": str(directory), **PRODUCTION, **SECRETS, **changes}
    command = [sys.executable, str(ROOT / "manage.py"), "check", "--deploy", "--fail-level", "WARNING"]
    ended = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_deploy_check_of_a_production_environment_is_clean(tmp_path: Path) -> None:
    code, said = deploy_check(tmp_path)
    assert code == 0, said
    assert "WARNING" not in said


def test_deploy_check_of_careless_settings_names_each(tmp_path: Path) -> None:
    code, said = deploy_check(tmp_path, ADMIN_2FA="optional", DEBUG="true", SECRET_KEY="short")
    assert code == 1
    assert {name for name in ("accounts.W001", "security.W009", "security.W018") if name in said} == {
        "accounts.W001",
        "security.W009",
        "security.W018",
    }
