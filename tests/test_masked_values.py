"""Every configured secret is masked in each of its forms; ordinary words are not."""

import base64
import json
import os
import re
import subprocess
import sys
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from django.conf import settings as effective

from config.logs import Redactor
from config.masked_values import values_to_mask

SECRET = 'blue/horse+4711 "staple"\\ñ'
# Names with such a word that hold no secret; whoever adds a setting decides here what it is.
NO_SECRETS = {
    "API_TOKEN_DAYS", "AUTH_PASSWORD_VALIDATORS", "BREACHED_PASSWORDS_URL", "CACHE_MIDDLEWARE_KEY_PREFIX",
    "CSRF_COOKIE_NAME", "EMAIL_SSL_KEYFILE", "GHL_PUBLIC_KEYS", "KNOX_TOKEN_MODEL", "NOWCERTS_TOKEN_PATH",
    "PASSWORD_CONTEXT_WORDS", "PASSWORD_HASHERS", "PASSWORD_RESET_TIMEOUT",
}  # fmt: skip


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET).lower(),
        json.dumps({"a": SECRET}),
        json.dumps({"a": SECRET}, ensure_ascii=False),
        repr({"a": SECRET}),
        str({"nested": [SECRET]}),
        *(base64.b64encode(f"{name}:{SECRET}".encode()).decode() for name in ("u", "us", "use", "user")),
        *(base64.urlsafe_b64encode(f"{name}{SECRET}\n".encode()).decode() for name in ("", "u", "us")),
    ],
)
def test_secret_is_masked_in_each_form(written: str) -> None:
    shown = Redactor([SECRET]).value("note", f"called {written} twice")
    for part in (SECRET, "staple", "4711", "NDcxM", "Q3MTE", "0NzEx"):  # the number, and as base64 at each place
        assert part not in shown
    assert shown.startswith("called ")
    assert shown.endswith(" twice")


def test_each_line_of_a_private_key_is_masked() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v", "VpguoROwXvbT8mXrqT2uTk9dQ1g0aa=="]
    redact = Redactor(["\n".join(lines)])
    for line in lines[1:]:
        assert line not in redact.value("note", f"one line: {line}")
    assert "BEGIN" in redact.value("note", lines[0])


def test_secrets_are_found_by_their_names_in_settings_and_environment() -> None:
    settings = {
        "ACME_API_KEY": "key-of-acme-0001",
        "ACME_WEBHOOK_SECRET": ["whsec_first-of-acme", "second-of-acme"],
        "ACME_WEBHOOK_URL": "https://hooks.acme.example/in/T0001/B0001/posts-for-acme",
        "ACME_BASE_URL": "https://api.acme.example/v1",
        "ACME_TOKEN": "required",
        "ACME_SHORT_TOKEN": "short",
        "ACME_ID": "an-id-of-acme",
        "SENTRY_DSN": "https://0123456789abcdef0123@sentry.example/5",
        "CACHES": {"default": {"LOCATION": "redis://:redis-password@127.0.0.1/0"}},
        "DATABASES": {"default": {"PASSWORD": "database-password", "HOST": "127.0.0.1"}},
        "ANYMAIL": {"WEBHOOK_SECRET": ["name:anymail-password"], "REQUESTS_TIMEOUT": (5, 10)},
    }
    environ = {
        "https_proxy": "http://me:proxy%2Dpassword@proxy.example:3128",
        "CLOUD_ACCESS_KEY": "key-of-the-cloud",
        "OTHER_TOKENS": "first-of-other, second-of-other",
        "PATH": "/usr/bin:/usr/local/bin",
    }
    assert values_to_mask(settings, environ) == {
        "key-of-acme-0001", "whsec_first-of-acme", "first-of-acme", "second-of-acme",
        "https://hooks.acme.example/in/T0001/B0001/posts-for-acme", "in/T0001/B0001/posts-for-acme",
        "https://0123456789abcdef0123@sentry.example/5", "0123456789abcdef0123", "redis-password",
        "database-password", "name:anymail-password", "anymail-password", "proxy%2Dpassword", "proxy-password",
        "key-of-the-cloud", "first-of-other, second-of-other", "first-of-other", "second-of-other",
    }  # fmt: skip


def test_every_setting_with_a_secret_name_is_masked() -> None:
    """Require that each setting with a secret's name would be masked if it were set."""
    word = re.compile(r"SECRET|TOKEN|PASSWORD|PASSPHRASE|KEY|CREDENTIAL|DSN|WEBHOOK_URL")
    names = [name for name in dir(effective) if name.isupper() and word.search(name)]
    assert {"SECRET_KEY", "GHL_API_KEY", "SENTRY_DSN", "SLACK_WEBHOOK_URL", "METRICS_TOKEN"} <= set(names)
    values = {name: f"value-of-{name.lower()}-4711" for name in names if name not in NO_SECRETS}
    assert values_to_mask(values, {}) >= set(values.values())


def test_every_variable_of_the_example_with_a_secret_name_is_masked() -> None:
    """Include variables that only a library reads."""
    text = (effective.BASE_DIR / ".env.example").read_text()
    names = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)) - NO_SECRETS
    secret = {name for name in names if re.search(r"SECRET|TOKEN|PASSWORD|KEY|DSN|WEBHOOK_URL", name)}
    assert len(secret) > 15
    environ = {name: f"value-of-{name.lower()}-4711" for name in secret}
    assert values_to_mask({}, environ) >= set(environ.values())


def test_new_variable_with_a_secret_name_is_masked_in_the_log(tmp_path: Any) -> None:
    """Start a real process with a variable that no setting names."""
    script = (
        "import django, logging; django.setup(); "
        "logging.getLogger('acme').warning('refused: a-key-that-acme-gave-us and key2 for https://api.acme.example')"
    )
    environ = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings", "ENV_FILE": "", "SECRET_KEY": "x" * 50, "VAR_DIR": str(tmp_path),
        "ACME_API_KEY": "a-key-that-acme-gave-us",
    }  # fmt: skip
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert "refused: ••• and key2 for https://api.acme.example" in done.stderr
