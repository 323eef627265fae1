"""The staff sign-in by keyboard: another language, and a new password for one that was forgotten."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.test_first_path import link_in, mail_to
from tests.e2e.visitor import LAYOUTS, Visitor
from tests.harness import Embedded, wait_until
from tests.harness.environment import STAFF_EMAIL

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
BUTTON = {"en": "Log in", "es": "Iniciar sesión"}
OTHER = {"en": "es", "es": "en"}
WANTED = "/admin/login/?next=%2Fadmin%2Faccounts%2Fuser%2F"
PASSWORD = "nine paper boats at noon"


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_language_is_switched_and_a_link_asked_for_by_keyboard(
    own: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    visitor = Visitor(browser, own.url, language=language, width=width, screenshots=screenshots, name="staff-sign-in")
    page = visitor.page
    visitor.open(WANTED)
    submit = page.locator("#login-form input[type=submit]")
    expect(submit).to_have_value(BUTTON[language])
    visitor.look_twice("sign-in")

    visitor.press_tab_until(f".language button[lang={OTHER[language]}]")
    page.keyboard.press("Enter")
    expect(submit).to_have_value(BUTTON[OTHER[language]])
    expect(page).to_have_url(own.url + WANTED)
    visitor.look_twice("other-language")

    visitor.press_tab_until(".forgot a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/forgot-password?for=staff")
    expect(page.locator("html")).to_have_attribute("lang", OTHER[language])
    visitor.look_twice("forgot")
    visitor.press_tab_until("input[name=email]")
    page.keyboard.type(f"nobody-{language}-{width}@example.com")
    page.keyboard.press("Enter")
    page.wait_for_url("**/link-sent?for=staff")
    visitor.look_twice("link-sent")
    visitor.press_tab_until("main a[href='/admin/login/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/login/")
    visitor.leave()


def test_forgotten_password_of_staff_is_replaced_and_opens_the_console(
    own: Embedded, browser: Browser, screenshots: Path
) -> None:
    visitor = Visitor(browser, own.url, language="es", width=360, screenshots=screenshots, name="staff-forgot")
    page = visitor.page
    visitor.open("/forgot-password?for=staff")
    page.fill("input[name=email]", STAFF_EMAIL)
    page.keyboard.press("Enter")
    page.wait_for_url("**/link-sent?for=staff")
    visitor.open(link_in(wait_until(lambda: mail_to(own, STAFF_EMAIL), seconds=60, what="the mail with the link")))
    visitor.look_twice("new-password")
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")

    page.wait_for_url("**/admin/login/")
    expect(page.locator(".messagelist")).to_be_visible()
    visitor.look_twice("password-set")
    page.fill("input[name=username]", STAFF_EMAIL)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{own.url}/admin/")
    visitor.leave()
