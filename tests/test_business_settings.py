"""TIME_ZONE and LANGUAGE_CODE: taken from the environment, shown, and a start that names what cannot be used."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people.models import User
from tests.test_empty_settings import settings_with


@pytest.mark.parametrize(
    ("line", "expected"),
    [("TIME_ZONE=America/Bogota", "America/Bogota"), ("LANGUAGE_CODE=es", "es"), ("LANGUAGE_CODE= ES ", "es")],
)
def test_value_of_the_environment_is_used(line: str, expected: str, tmp_path: Path) -> None:
    assert settings_with(f"{line}\n", tmp_path)[line.partition("=")[0]] == expected


@pytest.mark.parametrize("name", ["America/Bogotá", "bogota", "America", "../etc/passwd", "/etc/localtime", "GMT-5"])
def test_unknown_time_zone_stops_the_start(name: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"ImproperlyConfigured: TIME_ZONE is the name of a time zone, such as"):
        settings_with(f"TIME_ZONE={name}\n", tmp_path)


def test_other_language_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match='LANGUAGE_CODE is "en" or "es", not \'fr\''):
        settings_with("LANGUAGE_CODE=fr\n", tmp_path)


def test_pages_name_the_time_zone(user: Any, staff: Any, settings: Any) -> None:
    settings.TIME_ZONE = "America/Bogota"
    member, console = Client(), Client()
    member.force_login(user)
    console.force_login(staff)
    assert "time zone America/Bogota" in member.get("/dashboard").content.decode()
    assert "Times are in America/Bogota" in console.get("/admin/").content.decode()
    page = console.get("/admin/presentation/").content.decode()
    assert "LANGUAGE_CODE" in page
    assert "TIME_ZONE" in page


def test_mail_of_somebody_whose_language_is_unknown_is_in_that_of_the_installation(
    user: User, settings: Any, drain: Any, mailoutbox: Any
) -> None:
    settings.LANGUAGE_CODE = "es"
    emails.enqueue(EmailMessage.Kind.PASSWORD_CHANGED, key="one", to=user.email, user=user)
    User.objects.filter(pk=user.pk).update(language="en")
    emails.enqueue(EmailMessage.Kind.PASSWORD_CHANGED, key="two", to=user.email, user=User.objects.get(pk=user.pk))
    drain()
    assert ["contraseña" in mail.body for mail in mailoutbox] == [True, False]
