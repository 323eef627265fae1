"""A file with two wrong rows is imported by keyboard, in six clicks: they are named, and the good rows go in alone."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.staff_jobs import press
from tests.e2e.visitor import LAYOUTS, Visitor, colleague
from tests.harness import Embedded

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
FILE = """email,course,completed_on
ana@example.com,Excel,2026-03-01
no address,Excel,2026-03-02
bea@example.com,Excel,2026-03-03
carl@example.com,Excel,32 of May
"""


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_file_with_two_wrong_rows_names_them_and_its_good_rows_are_imported(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    staff = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="import")
    page = staff.sign_in(email=colleague(app.rows, "operator")).page
    before = app.rows.value("SELECT COUNT(*) FROM accounts_completion")
    table = FILE.replace("@", f".{language}@").encode()
    line = {"en": "line", "es": "línea"}[language]
    with staff.clicks(at_most=6, job="import a file with two wrong rows"):
        if width < 600:
            staff.press_tab_until(".tasks-menu summary")
            page.keyboard.press("Enter")
        press(staff, "nav a[href='/admin/accounts/completion/']")
        press(staff, ".object-tools a[href$='/import/']")
        page.set_input_files("input[type=file]", {"name": "done.csv", "mimeType": "text/csv", "buffer": table})
        page.select_option("select[name=format]", label="csv")
        press(staff, "form[enctype] input[type=submit]")
        wrong = page.locator(".errorlist li")
        expect(wrong).to_have_count(2)
        expect(wrong.nth(0)).to_contain_text(f"{line} 3: ")
        expect(wrong.nth(1)).to_contain_text(f"{line} 5: ")
        staff.look_twice("preview")
        press(staff, "input[name=confirm]")
    expect(page.locator(".messagelist .warning")).to_contain_text("2")
    assert app.rows.value("SELECT COUNT(*) FROM accounts_completion") == before + 2
    staff.leave()
