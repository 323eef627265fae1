"""Effects of a FRONTEND_URL with https: names of cookies, HSTS."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as effective
from django.test import Client

NAMES = (
    "SESSION_COOKIE_NAME",
    "CSRF_COOKIE_NAME",
    "LANGUAGE_COOKIE_NAME",
    "SECURE_HSTS_SECONDS",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
)


def settings_with(var_dir: Path, **variables: str) -> dict[str, Any]:
    """Return the settings of a process with these variables."""
    program = "import json; from config import settings; print(json.dumps([getattr(settings, n, None) for n in %r]))"
    environment = {"PATH": "/usr/bin:/bin", "ENV_FILE": "", "SECRET_KEY": "x", "VAR_DIR": str(var_dir)} | variables
    done = subprocess.run(
        [sys.executable, "-c", program % (NAMES,)],
        env=environment, cwd=effective.BASE_DIR, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(zip(NAMES, json.loads(done.stdout), strict=True))


def test_https_has_cookies_of_this_host_and_hsts_for_it_alone(tmp_path: Path) -> None:
    found = settings_with(tmp_path, FRONTEND_URL="https://hub.example.com")
    assert [found[name] for name in NAMES[:3]] == ["__Host-sessionid", "__Host-csrftoken", "__Host-django_language"]
    assert [found[name] for name in NAMES[3:]] == [365 * 24 * 3600, False, False]
    assert settings_with(tmp_path)["SESSION_COOKIE_NAME"] is None, "Django's own name: browsers refuse the prefix there"


def test_hsts_for_subdomains_and_preload_are_the_owners_choice(tmp_path: Path) -> None:
    variables = {"FRONTEND_URL": "https://hub.example.com", "HSTS_INCLUDE_SUBDOMAINS": "true", "HSTS_PRELOAD": "true"}
    assert [settings_with(tmp_path, **variables)[name] for name in NAMES[3:]] == [365 * 24 * 3600, True, True]


@pytest.mark.django_db
def test_cookies_of_this_host_keep_the_rules_of_their_prefix(user: Any, settings: Any) -> None:
    for kind, name in (("SESSION", "sessionid"), ("CSRF", "csrftoken"), ("LANGUAGE", "django_language")):
        setattr(settings, f"{kind}_COOKIE_NAME", f"__Host-{name}")
        setattr(settings, f"{kind}_COOKIE_SECURE", True)
    browser = Client()
    browser.post("/language", {"language": "es"}, secure=True)
    browser.get("/sign-in", secure=True)
    browser.post("/sign-in", {"username": user.email, "password": "violet kettle under the stairs"}, secure=True)
    names = {"__Host-sessionid", "__Host-csrftoken", "__Host-django_language"}
    assert names <= set(browser.cookies)
    for name in names:
        cookie = browser.cookies[name]
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
