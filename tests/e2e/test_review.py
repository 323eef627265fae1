"""The queue of questions in a browser, by keyboard alone: from the home page to the last question and back."""

import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import Visitor
from tests.harness import Embedded, wait_until
from tests.harness.environment import STAFF_EMAIL, STAFF_PASSWORD
from tests.harness.process import ROOT, run_to_end

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
WORDS = {
    "en": {"undo": "It can be taken back", "none": "No question is open.", "reversed": "1 award was reversed."},
    "es": {"undo": "Se puede deshacer", "none": "No hay preguntas abiertas.", "reversed": "1 concesión se anuló."},
}


def simulate(app: Embedded, event: str, address: str, *more: str) -> None:
    command = [sys.executable, ROOT / "manage.py", "simulate", "kajabi", event, "--email", address, *more]
    run_to_end([*command, "--id", f"evt_{event}_{address}", "--url", app.url], env=app.env)


def found(app: Embedded, table: str, column: str, address: str) -> list[dict[str, object]]:
    return app.rows.all(f"SELECT * FROM {table} WHERE {column} = %s", address)


@pytest.mark.parametrize("width", [1280, 360], ids=["desktop", "phone"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_questions_are_decided_by_keyboard(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    name = {"en1280": "mariana", "en360": "oliver", "es1280": "candela", "es360": "benito"}[f"{language}{width}"]
    member, reported, buyer = f"{name}.diaz@gmail.com", f"{name}diaz@gmail.com", f"buyer.{name}@example.com"
    simulate(app, "offer.purchased", member, "--case", "nssa_relay")
    wait_until(lambda: found(app, "accounts_user", "email", member), seconds=60, what="a member")
    simulate(app, "form.submitted", reported, "--case", "leaps_relay")
    wait_until(lambda: found(app, "accounts_completion", "email", reported), seconds=60, what="a completion")
    simulate(app, "offer.purchased", buyer, "--offer-id", f"off_{name}")
    unmatched = "SELECT id FROM integrations_inboxevent WHERE person_email = %s AND status = 'unmatched'"
    wait_until(lambda: app.rows.all(unmatched, buyer), seconds=60, what="an event without a plan")

    staff = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="review")
    page = staff.page
    staff.open("/admin/")
    staff.press_tab_until("input[name=username]")
    page.keyboard.type(STAFF_EMAIL)
    page.keyboard.press("Tab")
    page.keyboard.type(STAFF_PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{app.url}/admin/")
    staff.press_tab_until(".attention a[href^='/admin/review/unmatched_events/']", at_most=60)
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_contain_text(f"off_{name}")
    expect(page.locator(".review__list [aria-current]")).to_contain_text(buyer)
    staff.look("without a plan")

    page.keyboard.press("i")
    expect(page.locator("#ignore-reason")).to_be_focused()
    page.keyboard.type("a test purchase")
    page.keyboard.press("Escape")
    expect(page.locator(".decision[data-key=i] summary")).to_be_focused()
    page.keyboard.press("j")  # decide later
    expect(page.locator("#question")).to_contain_text(reported)
    expect(page.locator(".review__suggestion")).to_be_visible()
    expect(page.locator(".decision[data-key=l]")).to_contain_text(WORDS[language]["undo"])
    staff.look("whose")
    page.keyboard.press("k")
    expect(page.locator("#question")).to_contain_text(f"off_{name}")
    page.keyboard.press("i")
    page.keyboard.type("a test purchase")
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_contain_text(reported)
    expect(page.locator(".messagelist .success")).to_be_visible()

    page.keyboard.press("l")
    expect(page.locator("#link-member")).to_be_focused()
    expect(page.locator("#link-member")).to_have_value(member)
    page.keyboard.press("Enter")
    expect(page.locator(".review__question h2")).to_have_text(WORDS[language]["none"])
    staff.look("none open")
    stored = found(app, "accounts_completion", "email", reported)[0]
    assert stored["state"] == "awarded"

    staff.press_tab_until("a[href='/admin/review/decided/']", at_most=60)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{app.url}/admin/review/decided/")
    staff.look("decided")
    staff.press_tab_until(f"a[href*='/completion/{stored['id']}/act/reverse/']", at_most=60)
    page.keyboard.press("Enter")
    expect(page.locator("input[name=reason]")).to_be_focused()
    page.keyboard.type("another Jane")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist .success")).to_contain_text(WORDS[language]["reversed"])
    expect(page).to_have_url(f"{app.url}/admin/review/decided/")
    assert found(app, "accounts_completion", "email", reported)[0]["state"] == "reversed"
    staff.leave()


def test_keys_can_be_turned_off(app: Embedded, browser: Browser, screenshots: Path) -> None:
    buyer = "keys@example.com"
    simulate(app, "offer.purchased", buyer, "--offer-id", "off_keys")
    unmatched = "SELECT id FROM integrations_inboxevent WHERE person_email = %s AND status = 'unmatched'"
    wait_until(lambda: app.rows.all(unmatched, buyer), seconds=60, what="an event without a plan")
    staff = Visitor(browser, app.url, language="en", width=1280, screenshots=screenshots, name="review-keys")
    page = staff.page
    staff.open("/admin/")
    page.fill("input[name=username]", STAFF_EMAIL)
    page.fill("input[name=password]", STAFF_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".attention")).to_be_visible()
    staff.open("/admin/review/")
    page.click("text=Turn the keys off")
    expect(page.locator("kbd")).to_have_count(0)
    page.keyboard.press("i")
    expect(page.locator("#ignore-reason")).to_be_hidden()
    page.click(".decision[data-key=i] summary")
    page.fill("#ignore-reason", "a test purchase")
    page.keyboard.press("Enter")
    expect(page.locator(".review__question h2")).to_have_text("No question is open.")
    assert "keys=off" in page.url
    staff.leave()
