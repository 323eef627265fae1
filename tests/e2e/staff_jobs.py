"""Steps that jobs of staff share: a search from any page, and what a role must not find."""

from playwright.sync_api import expect

from tests.e2e.visitor import Visitor, colleague
from tests.harness import Embedded

SEARCH = "header input[type=search]"


def search(staff: Visitor, text: str) -> None:
    """Find something from the header of any page, sent by Enter."""
    staff.page.fill(SEARCH, text)
    with staff.next_page():
        staff.page.keyboard.press("Enter")


def press(staff: Visitor, selector: str) -> None:
    """Go to a link or button by keyboard, and press it; return when the next page has loaded."""
    staff.press_tab_until(selector, at_most=90)
    with staff.next_page():
        staff.page.keyboard.press("Enter")


def assert_auditor_reads(staff: Visitor, app: Embedded, path: str, selector: str, *texts: str) -> None:
    """Assert that an auditor reads these texts in an element of a page, and finds no button there."""
    page = staff.sign_in(path, email=colleague(app.rows, "auditor")).page
    for text in texts:
        expect(page.locator(selector).first).to_contain_text(text)
    expect(page.locator(".row-action")).to_have_count(0)
