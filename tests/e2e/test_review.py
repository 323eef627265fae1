"""The queue of questions in a browser, by keyboard alone: from the home page to the last question and back."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import events
from tests.e2e.visitor import LAYOUTS, Visitor
from tests.harness import Embedded, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
WORDS = {
    "en": {"undo": "It can be taken back", "none": "No question is open.", "reversed": "1 award was reversed."},
    "es": {"undo": "Se puede deshacer", "none": "No hay preguntas abiertas.", "reversed": "1 concesión se anuló."},
}


def found(app: Embedded, table: str, column: str, address: str) -> list[dict[str, object]]:
    return app.rows.all(f"SELECT * FROM {table} WHERE {column} = %s", address)


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_questions_are_decided_by_keyboard(
    own: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    name = {"en": "oliver", "es": "candela"}[language]
    member, reported, buyer = f"{name}.diaz@gmail.com", f"{name}diaz@gmail.com", f"buyer.{name}@example.com"
    events.post(own, "offer.purchased", email=member)
    wait_until(lambda: found(own, "accounts_user", "email", member), seconds=60, what="a member")
    events.post(own, "form.submitted", email=reported)
    wait_until(lambda: found(own, "accounts_completion", "email", reported), seconds=60, what="a completion")
    events.post(own, "offer.purchased", email=buyer, offer_id=f"off_{name}")
    unmatched = "SELECT id FROM integrations_inboxevent WHERE person_email = %s AND status = 'unmatched'"
    wait_until(lambda: own.rows.all(unmatched, buyer), seconds=60, what="an event without a plan")

    staff = Visitor(browser, own.url, language=language, width=width, screenshots=screenshots, name="review")
    page = staff.page
    staff.sign_in()
    staff.press_tab_until(".attention a[href^='/admin/review/unmatched_events/']", at_most=60)
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_contain_text(f"off_{name}")
    expect(page.locator(".review__list [aria-current]")).to_contain_text(buyer)
    staff.look_twice("without a plan")

    page.keyboard.press("i")
    expect(page.locator("#ignore-reason")).to_be_focused()
    page.keyboard.type("a test purchase")
    page.keyboard.press("Escape")
    expect(page.locator(".decision[data-key=i] summary")).to_be_focused()
    page.keyboard.press("j")  # decide later
    expect(page.locator("#question")).to_contain_text(reported)
    expect(page.locator(".review__suggestion")).to_be_visible()
    expect(page.locator(".decision[data-key=l]")).to_contain_text(WORDS[language]["undo"])
    staff.look_twice("whose")
    page.keyboard.press("k")
    expect(page.locator("#question")).to_contain_text(f"off_{name}")
    page.keyboard.press("i")
    expect(page.locator("#ignore-reason")).to_be_focused()
    page.keyboard.type("a test purchase")
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_contain_text(reported)
    expect(page.locator(".messagelist .success")).to_be_visible()

    page.keyboard.press("l")
    expect(page.locator("#link-member")).to_be_focused()
    expect(page.locator("#link-member")).to_have_value(member)
    page.keyboard.press("Enter")
    expect(page.locator(".review__question h2")).to_have_text(WORDS[language]["none"])
    staff.look_twice("none open")
    stored = found(own, "accounts_completion", "email", reported)[0]
    assert stored["state"] == "awarded"

    staff.press_tab_until("a[href='/admin/review/decided/']", at_most=60)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{own.url}/admin/review/decided/")
    staff.look_twice("decided")
    staff.press_tab_until(f"a[href*='/completion/{stored['id']}/act/reverse/']", at_most=60)
    page.keyboard.press("Enter")
    expect(page.locator("input[name=reason]")).to_be_focused()
    page.keyboard.type("another Jane")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist .success")).to_contain_text(WORDS[language]["reversed"])
    expect(page).to_have_url(f"{own.url}/admin/review/decided/")
    assert found(own, "accounts_completion", "email", reported)[0]["state"] == "reversed"
    staff.leave()


def test_keys_can_be_turned_off(own: Embedded, browser: Browser, screenshots: Path) -> None:
    buyer = "keys@example.com"
    events.post(own, "offer.purchased", email=buyer, offer_id="off_keys")
    unmatched = "SELECT id FROM integrations_inboxevent WHERE person_email = %s AND status = 'unmatched'"
    wait_until(lambda: own.rows.all(unmatched, buyer), seconds=60, what="an event without a plan")
    staff = Visitor(browser, own.url, language="en", width=1280, screenshots=screenshots, name="review-keys")
    page = staff.page
    staff.sign_in("/admin/review/")
    page.click("text=Turn the keys off")
    expect(page.locator("kbd")).to_have_count(0)
    page.keyboard.press("i")
    expect(page.locator("#ignore-reason")).to_be_hidden()
    page.click(".decision[data-key=i] summary")
    page.fill("#ignore-reason", "a test purchase")
    page.keyboard.press("Enter")
    expect(page.locator(".review__question h2")).to_have_text("No question is open.")
    expect(page).to_have_url(re.compile("keys=off"))
    staff.leave()


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_two_records_are_merged_from_a_persons_page(
    own: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    name = {"en": "ramona", "es": "clara"}[language]
    member, other = f"{name}@example.com", f"{name}.work@example.com"
    events.post(own, "offer.purchased", email=member, first_name=name)
    wait_until(lambda: found(own, "accounts_contact", "email", member), seconds=60, what="a contact")
    events.post(own, "contact.created", email=other, first_name=name, id=f"{name}-work")
    wait_until(lambda: found(own, "accounts_contact", "email", other), seconds=60, what="another contact")
    here = f"/admin/accounts/contact/{found(own, 'accounts_contact', 'email', member)[0]['id']}/person/"

    staff = Visitor(browser, own.url, language=language, width=width, screenshots=screenshots, name="merge")
    page = staff.page
    staff.sign_in(here)
    staff.press_tab_until(".person-buttons a[href*='/act/merge/']", at_most=80)
    page.keyboard.press("Enter")
    expect(page.locator("#id_who")).to_be_focused()
    page.keyboard.type(f"{name}.work")
    page.keyboard.press("Enter")
    expect(page.locator(".found li")).to_have_count(1)
    staff.look_twice("found")
    staff.press_tab_until("button[name=other]", at_most=60)
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_contain_text(other)
    staff.look_twice("side by side")
    page.keyboard.press("m")
    page.keyboard.type("one person")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist .success")).to_be_visible()
    expect(page).to_have_url(f"{own.url}{here}")
    expect(page.locator(".person-cards").first).to_contain_text(other)
    assert not found(own, "accounts_contact", "email", other)
    staff.look_twice("merged")
    staff.leave()
