"""A section of a row's page without rows is folded: its heading says so, and it opens by keyboard."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.test_person_page import buy, visit
from tests.harness import Embedded

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]


@pytest.mark.parametrize(("language", "none"), [("en", "none"), ("es", "ninguno")])
def test_empty_section_is_folded_and_opens_by_keyboard(
    app: Embedded, browser: Browser, screenshots: Path, language: str, none: str
) -> None:
    email = f"jane.folded.{language}@example.com"
    buy(app, email, "off_456")
    staff = visit(app, browser, screenshots, language=language, width=1280, name=f"folded-{language}")
    staff.sign_in(f"/admin/accounts/contact/?q={email}")
    staff.page.locator("#result_list tbody th a").first.click()
    values = staff.page.locator("a[href*='/admin/accounts/contact/'][href*='/change/']").first
    if values.is_visible():
        values.click()
    folded = staff.page.locator(".inline-group > details").first
    expect(folded.locator("summary")).to_contain_text(f": {none}")
    expect(folded.locator("p")).to_be_hidden()
    folded.locator("summary").focus()
    staff.page.keyboard.press("Enter")
    expect(folded.locator("p")).to_be_visible()
    staff.look_twice("folded")
    staff.leave()
