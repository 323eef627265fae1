"""The queue of completions in a browser by keyboard: from the start page to a member's points."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import events
from tests.e2e.visitor import LAYOUTS, SCHEMES, Visitor
from tests.harness import Embedded, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
WORDS = {
    "en": {"reason": "the same to Gmail, which ignores dots", "linked": "1 completion was linked."},
    "es": {"reason": "la misma para Gmail, que no cuenta los puntos", "linked": "1 finalización se vinculó."},
}
LIST = "/admin/accounts/completion/"


def completion(app: Embedded, address: str) -> dict[str, object] | None:
    found = app.rows.all("SELECT id, state FROM accounts_completion WHERE email = %s", address)
    return found[0] if found else None


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_completion_is_linked_by_keyboard(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    member, reported = f"jane.w{width}@gmail.com", f"janew{width}@gmail.com"
    events.post(app, "offer.purchased", email=member)
    events.post(app, "form.submitted", email=reported)
    waiting = wait_until(lambda: completion(app, reported), seconds=60, what="a completion that waits")
    wait_until(
        lambda: app.rows.all("SELECT id FROM accounts_user WHERE email = %s", member), seconds=60, what="a member"
    )
    assert waiting["state"] == "received"

    scheme = SCHEMES[language]
    staff = Visitor(
        browser, app.url, language=language, width=width, screenshots=screenshots, name="queue", scheme=scheme
    )
    page = staff.page
    staff.sign_in()
    staff.look("start")

    staff.press_tab_until(f".attention a[href^='{LIST}']")
    page.keyboard.press("Enter")
    page.wait_for_url("**state__exact=received*")
    staff.look("list")
    staff.press_tab_until("#result_list .field-email_received a, #result_list .field-received a", at_most=60)
    page.keyboard.press("Enter")
    expect(page.locator(".candidates")).to_contain_text(WORDS[language]["reason"])
    staff.look("one")

    staff.press_tab_until(".candidates a", at_most=60)
    page.keyboard.press("Enter")
    expect(page.locator("input[name=member]")).to_have_value(member)
    expect(page.locator("input[name=member]")).to_be_focused()
    staff.look("link")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.locator("input[name=remember]")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist .success")).to_have_text(WORDS[language]["linked"])
    staff.look("linked")
    stored = completion(app, reported)
    assert stored is not None
    assert stored["state"] == "awarded"
    line = app.rows.all("SELECT points FROM accounts_pointsentry WHERE completion_id = %s", stored["id"])
    assert [one["points"] for one in line] == [20]

    for name, path in {"import": f"{LIST}import/", "export": f"{LIST}export/", "metrics": "/admin/metrics/"}.items():
        staff.open(path)
        staff.look(name)
    staff.leave()
