"""Pages and mails show the business: its name, logo, colour and address; what cannot be used is named and left out."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core import checks, mail
from django.test import Client

from accounts.mail.models import EmailMessage
from accounts.people.models import User
from core.queue import runner
from core.web import branding, refusals

pytestmark = pytest.mark.django_db
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


@pytest.fixture
def shop(settings: Any, tmp_path: Path) -> Any:
    picture = tmp_path / "logo.png"
    picture.write_bytes(PNG)
    settings.SITE_NAME, settings.SITE_LOGO = "Harbor & Sons", str(picture)
    settings.SITE_COLOR, settings.SUPPORT_EMAIL = "#ffcc00", "help@example.com"
    return settings


def found() -> dict[str, str]:
    return dict(branding.problems())


def test_member_page_shows_the_business_and_not_the_software(shop: Any, client: Client) -> None:
    page = client.get("/sign-in").content.decode()
    assert "Harbor &amp; Sons" in page
    assert "Enlace" not in page
    assert 'href="mailto:help@example.com"' in page
    assert "/site/colours.css?v=ffcc00" in page
    logo = re.search(r'src="(/site/logo\?v=\w+)"', page)
    assert logo is not None
    answer = client.get(logo.group(1))
    assert (answer.content, answer["Content-Type"], answer["Cache-Control"]) == (
        PNG,
        "image/png",
        "public, max-age=3600",
    )


def test_style_sheet_holds_the_colour_made_readable(shop: Any, client: Client) -> None:
    answer = client.get("/site/colours.css")
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    sheet = answer.content.decode()
    assert f"--accent:{branding.palette_of('#ffcc00').light.accent};" in sheet
    assert "#ffcc00" in sheet  # bright enough on dark
    assert re.fullmatch(r"[-:a-z0-9#;{}@() \n]+", sheet)


def test_without_settings_pages_show_the_built_in_ones(client: Client) -> None:
    page = client.get("/sign-in").content.decode()
    assert "<span>Enlace</span>" in page
    assert "/site/" not in page
    assert "mailto:" not in page
    assert client.get("/site/logo").status_code == 404


def test_mail_shows_the_business_and_leads_answers_to_its_address(shop: Any) -> None:
    user = User.objects.create_user("jane@example.com", first_name="Jane")
    row = EmailMessage.objects.create(kind="password_changed", key="1", to=user.email, user=user, language="en")
    runner.run(EmailMessage, row.pk)
    (sent,) = mail.outbox
    assert sent.reply_to == ["help@example.com"]
    html = str(sent.alternatives[0][0])
    assert "Enlace" not in str(sent.body) + html
    assert "Harbor & Sons sent you this message" in sent.body
    assert "Questions? Write to help@example.com." in sent.body
    assert "Harbor &amp; Sons" in html
    assert f"{shop.FRONTEND_URL}/site/logo?v=" in html


def test_mail_without_an_address_has_no_answer_to(settings: Any) -> None:
    row = EmailMessage.objects.create(kind="password_changed", key="1", to="jane@example.com", language="es")
    runner.run(EmailMessage, row.pk)
    (sent,) = mail.outbox
    assert sent.reply_to == []
    assert "Enlace te envió" in sent.body
    assert "¿Preguntas?" not in sent.body


def test_page_of_an_error_shows_the_business_too(shop: Any, rf: Any) -> None:
    page = refusals.server_error(rf.get("/"))
    assert page.status_code == 500
    assert "Harbor &amp; Sons" in page.content.decode()


def test_console_shows_the_business_with_the_software_beside_it(shop: Any, admin_client: Client) -> None:
    page = admin_client.get("/admin/").content.decode()
    assert '<a href="/admin/">Harbor &amp; Sons</a>' in page
    assert '<small class="product">Enlace</small>' in page
    shop.SITE_NAME = "Enlace"
    assert "product" not in admin_client.get("/admin/").content.decode()


def test_settings_page_names_each_variable_with_its_value_and_problem(shop: Any, admin_client: Client) -> None:
    shop.SITE_COLOR = "gold"
    page = admin_client.get("/admin/presentation/").content.decode()
    for text in ("SITE_NAME", "Harbor &amp; Sons", "SITE_LOGO", "SUPPORT_EMAIL", "help@example.com", "gold"):
        assert text in page
    assert "Not used: it is a colour in hexadecimal digits" in page


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SITE_NAME", "x" * 61),
        ("SITE_NAME", "Two\nlines"),
        ("SITE_NAME", "<b>Shop</b>"),
        ("SITE_NAME", "back\u202ewards"),
        ("SITE_COLOR", "teal"),
        ("SITE_COLOR", "#0b6a70}body{display:none"),
        ("SUPPORT_EMAIL", "help"),
        ("SUPPORT_EMAIL", "a@example.com, b@example.com"),
        ("SUPPORT_EMAIL", "a@example.com\nBcc: b@example.com"),
        ("SITE_LOGO", "/nowhere/logo.png"),
        ("SITE_LOGO", "/"),
        ("SITE_LOGO", "logo\0.png"),
    ],
)
def test_value_that_cannot_be_used_is_named_and_left_out(
    settings: Any, client: Client, setting: str, value: str
) -> None:
    setattr(settings, setting, value)
    assert list(found()) == [setting]
    errors = [error for error in checks.run_checks() if error.id == "config.E003"]
    assert [error.msg.split()[0] for error in errors] == [setting]
    page = client.get("/sign-in").content.decode()
    assert "<span>Enlace</span>" in page
    assert "/site/" not in page
    assert "mailto:" not in page


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "no PNG, JPEG or WebP picture"),
        (b"", "no PNG, JPEG or WebP picture"),
        (PNG + b"0" * branding.LARGEST_LOGO, "larger than 256 KiB"),
    ],
)
def test_file_that_is_no_small_picture_is_no_logo(settings: Any, tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "logo.png").write_bytes(content)
    settings.SITE_LOGO = str(tmp_path / "logo.png")
    assert problem in found()["SITE_LOGO"]


@pytest.mark.parametrize(
    ("content", "kind"), [(PNG, "png"), (b"\xff\xd8\xff\xe0jfif", "jpeg"), (b"RIFF\0\0\0\0WEBPVP8 ", "webp")]
)
def test_picture_is_known_by_its_content(settings: Any, tmp_path: Path, content: bytes, kind: str) -> None:
    (tmp_path / "logo").write_bytes(content)
    settings.SITE_LOGO = str(tmp_path / "logo")
    logo = branding.current().logo
    assert logo is not None
    assert logo.content_type == f"image/{kind}"


def test_changed_picture_is_read_again(settings: Any, tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    settings.SITE_LOGO = str(path)
    path.write_bytes(PNG)
    first = branding.current().logo_url
    path.write_bytes(PNG + b"1")
    assert branding.current().logo_url != first
