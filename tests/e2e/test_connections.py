"""Page Connections in a browser: what to paste is copied, the connection is tested, and a test event is sent."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import LAYOUTS, Visitor
from tests.fakes import kajabi_records
from tests.fakes.kajabi import CLIENT_ID, CLIENT_SECRET, FakeKajabi
from tests.harness import Embedded, embedded
from tests.harness.environment import STAFF_EMAIL, STAFF_PASSWORD
from tests.harness.fake_sides import fake_sides

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
TOKEN = "a-token-of-the-browser-test-wxyz"
SECRET = "a-secret-of-the-browser-test-abcd"
CLIPBOARD_HAS = "wanted => navigator.clipboard.readText().then(text => text === wanted)"
COPY, SHOW = {"en": "Copy", "es": "Copiar"}, {"en": "Show", "es": "Mostrar"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Start an installation with a fake Kajabi, NowCerts and GoHighLevel; Chatwoot is not used."""
    with FakeKajabi() as kajabi, fake_sides() as sides:
        kajabi.add(kajabi_records.site("1", title="Academy"))
        access = {
            "KAJABI_CLIENT_ID": CLIENT_ID,
            "KAJABI_CLIENT_SECRET": CLIENT_SECRET,
            "KAJABI_API_BASE_URL": kajabi.url,
            "KAJABI_WEBHOOK_TOKEN": TOKEN,
            "KAJABI_WEBHOOK_SECRET": SECRET,
            "CONTACT_SYNC": "",
        }
        sides.ghl.without_scope = ["/opportunities"]
        with embedded(tmp_path_factory.mktemp("e2e"), **(sides.environment | access)) as started:
            yield started


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_connections_are_tested_in_the_browser(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    staff = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="connections")
    page = staff.sign_in().page
    page.click(".strips h3 a[href='/admin/connections/#kajabi']")
    expect(page.locator("#kajabi > details")).to_have_attribute("open", "")
    expect(page.locator("#chatwoot > details")).not_to_have_attribute("open", "")
    staff.look("page")
    page.click("#chatwoot > details > summary")
    page.click("#gohighlevel button[value=test]")
    expect(page.locator("#gohighlevel .connection__result")).to_contain_text("opportunities.readonly")
    staff.look_twice("tested")
    page.locator("#kajabi .endpoints > li").last.get_by_role("button", name=SHOW[language]).click()
    expect(page.locator("#revealed")).to_have_value(f"{app.url}/kajabi-webhook/{TOKEN}")
    staff.look("shown")
    # Once for each layout: more than six test events a minute are refused, which a fast machine would reach.
    page.locator("#kajabi .endpoints button[value=send]").last.click()
    expect(page.locator("#kajabi .connection__result a")).to_be_visible()
    staff.look("sent")
    page.click("#kajabi .connection__result a")
    expect(page.locator("#content")).to_contain_text("enlace_test")
    staff.leave()


@pytest.mark.parametrize("language", ["en", "es"])
def test_secret_is_copied_by_keyboard_and_never_stands_in_the_page(
    app: Embedded, browser: Browser, screenshots: Path, language: str
) -> None:
    staff = Visitor(browser, app.url, language=language, width=1280, screenshots=screenshots, name="copy")
    staff.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = staff.sign_in("/admin/connections/").page
    assert TOKEN not in page.content()
    assert SECRET not in page.content()
    native = page.locator("#kajabi .endpoints > li").last
    native.get_by_role("button", name=COPY[language]).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#copied")).not_to_be_empty()
    page.wait_for_function(CLIPBOARD_HAS, arg=f"{app.url}/kajabi-webhook/{TOKEN}")
    relay = page.locator("#kajabi .endpoints > li").first
    relay.get_by_role("button", name=COPY[language]).click()
    page.wait_for_function(CLIPBOARD_HAS, arg=f"{app.url}/api/webhook/kajabi")
    setting = page.locator("#kajabi .settings li", has_text="KAJABI_WEBHOOK_SECRET")
    setting.get_by_role("button", name=COPY[language]).click()
    page.wait_for_function(CLIPBOARD_HAS, arg=SECRET)
    assert SECRET not in page.content()
    staff.leave()


def test_secret_is_shown_without_scripts(app: Embedded, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{app.url}/admin/connections/")
    page.fill("input[name=username]", STAFF_EMAIL)
    page.fill("input[name=password]", STAFF_PASSWORD)
    page.click("input[type=submit]")
    expect(page.get_by_role("button", name=COPY["en"])).to_have_count(0)
    page.locator("#kajabi .endpoints > li").last.get_by_role("button", name=SHOW["en"]).click()
    expect(page.locator("#revealed")).to_have_value(f"{app.url}/kajabi-webhook/{TOKEN}")
    context.close()
