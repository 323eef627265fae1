"""'I paid, why can't I get in?' in a browser: from the search to the repair in four clicks, and by keyboard."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import events
from tests.e2e.staff_jobs import SEARCH, assert_auditor_reads, press, search
from tests.e2e.visitor import SCHEMES, Visitor, colleague
from tests.harness import Embedded, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
HAS_ACCESS = "SELECT s.id FROM accounts_subscription s JOIN accounts_user u ON u.id = s.user_id WHERE u.email = %s"


def buy(app: Embedded, address: str, offer: str) -> None:
    """Report a purchase; wait until it was looked at."""
    key = f"evt_{offer}_{address}"
    person = {"email": address, "first_name": "Jane", "last_name": "Doe"}
    events.post(app, "offer.purchased", offer_id=offer, id=key, **person)
    read = "SELECT id FROM integrations_inboxevent WHERE external_id = %s AND status <> 'pending'"
    wait_until(lambda: app.rows.all(read, key), seconds=60, what=f"the end of {key}")


def visit(app: Embedded, browser: Browser, screenshots: Path, *, language: str, width: int, name: str) -> Visitor:
    scheme = SCHEMES[language]
    return Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name=name, scheme=scheme)


def test_buyer_of_an_unmapped_offer_gets_in_by_four_clicks(app: Embedded, browser: Browser, screenshots: Path) -> None:
    address = "jane.four@example.com"
    buy(app, address, "off_four")
    staff = visit(app, browser, screenshots, language="en", width=1280, name="four-clicks")
    page = staff.page
    waiting = app.rows.event(f"evt_off_four_{address}")["id"]
    why = "has no plan: choose one"
    assert_auditor_reads(staff, app, f"/admin/integrations/inboxevent/{waiting}/change/", "#inboxevent_form", why)
    staff.sign_in(email=colleague(app.rows, "operator"))
    with staff.clicks(at_most=4, job="I paid, why can't I get in?"):
        page.fill(SEARCH, address)
        page.click("header .find button")
        staff.look("found")
        page.click(".found a >> nth=0")
        expect(page.locator("#inboxevent_form")).to_contain_text(why)
        page.get_by_role("link", name="Choose a plan and give access").click()
        page.select_option("select[name=plan]", index=1)
        page.click(".submit-row input[type=submit]")
        expect(page.locator(".messagelist .success")).to_contain_text("gives access to NSSA Annual Membership")
        expect(page.locator(".fieldBox.field-state .badge")).to_have_text("processed")  # the page follows it
    assert app.rows.all(HAS_ACCESS, address)
    assert app.rows.mails(address) == ["welcome"]
    search(staff, address.upper())
    expect(page.locator("h1")).to_have_text("Jane Doe")
    expect(page.locator(".person-sentence")).to_contain_text("Jane Doe has access to NSSA Annual Membership until")
    expect(page.locator(".person")).to_contain_text("No password chosen yet, since")
    staff.look("person")
    staff.leave()


def test_known_person_is_repaired_by_keyboard_on_a_phone(app: Embedded, browser: Browser, screenshots: Path) -> None:
    address = "jane.keys@example.com"
    buy(app, address, "off_456")
    buy(app, address, "off_keys")
    staff = visit(app, browser, screenshots, language="es", width=360, name="by-keyboard")
    page = staff.sign_in(email=colleague(app.rows, "operator")).page
    page.locator(".tasks-menu summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tasks-menu a").first).to_be_visible()
    staff.look("menu")
    staff.open("/admin/")
    with staff.clicks(at_most=4, job="a second offer without a plan"):
        staff.press_tab_until(SEARCH)
        page.keyboard.type(address)
        with staff.next_page():
            page.keyboard.press("Enter")
        expect(page.locator(".person-open")).to_contain_text("Requiere tu decisión")
        press(staff, ".person-open a")
        press(staff, ".object-tools a[href*='choose-plan']")
        staff.press_tab_until("select[name=plan]", at_most=40)
        page.keyboard.press("ArrowDown")
        press(staff, ".submit-row input[type=submit]")
        expect(page.locator(".messagelist .success")).to_be_visible()
        expect(page.locator(".fieldBox.field-state .badge")).to_have_text("procesado")
    search(staff, address)
    expect(page.locator(".person-open")).to_have_count(0)
    page.locator(".person-values summary").focus()
    page.keyboard.press("Enter")
    staff.look("person")
    staff.leave()
