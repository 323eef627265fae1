"""A replay in a browser: from the filtered list to the plan, by keyboard to its start, and its page follows it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import Visitor
from tests.harness import Embedded, embedded, wait_until
from tests.harness.webhooks import Sender, purchase

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
UNMATCHED = "SELECT COUNT(*) FROM integrations_inboxevent WHERE status = 'unmatched'"
OFFER = "off_new"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Embedded]:
    """An installation with three purchases of an offer that had no plan when they came, and has one now."""
    with embedded(tmp_path) as started:
        sender = Sender(started.url)
        for number in range(3):
            body = purchase(f"evt_{number}", f"p{number}@example.com", offer={"id": OFFER, "name": "New"})
            assert sender.post(body).is_accepted
        wait_until(lambda: started.rows.value(UNMATCHED) == 3, seconds=60, what="three events are unmatched")
        mapping = "INSERT INTO accounts_planoffer (plan_id, provider, external_id)"
        started.rows.execute(f"{mapping} SELECT id, 'kajabi', %s FROM accounts_plan", OFFER)
        yield started


@pytest.mark.parametrize(
    ("language", "width", "words"),
    [
        ("en", 1280, ("3 events would change something.", "3 of 3 events", "stopped")),
        ("es", 360, ("3 eventos cambiarían algo.", "3 de 3 eventos", "detenida")),
    ],
    ids=["desktop", "phone in Spanish"],
)
def test_staff_plan_and_start_a_replay(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int, words: tuple[str, str, str]
) -> None:
    staff = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="replay")
    page = staff.page
    planned, finished, stopped = words
    staff.sign_in()

    staff.open("/admin/integrations/inboxevent/replay/")
    staff.look("nothing-chosen")
    page.click(".replay-filter input[type=submit]")
    expect(page.locator(".errornote")).to_be_visible()
    staff.look("refused")

    staff.open("/admin/integrations/inboxevent/?status__exact=unmatched")
    staff.look("list")
    staff.press_tab_until(".object-tools a[href*='inboxevent/replay/']", at_most=200)
    page.keyboard.press("Enter")
    expect(page.locator(".replay")).to_contain_text(planned)
    expect(page.locator(".replay")).to_contain_text("p0@example.com")
    staff.look("plan")
    assert app.rows.value("SELECT COUNT(*) FROM accounts_subscription") == 0

    page.fill("input[name=pace]", "1")  # a minute: it is stopped long before its end, however slow the machine is
    staff.press_tab_until(".replay form[method=post] input[type=submit]")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{app.url}/admin/integrations/replay/1/change/")
    staff.look("running")
    page.click("form[action$='/act/stop/'] button")
    expect(page.locator(".field-state .badge")).to_contain_text(stopped)
    staff.look("stopped")
    app.rows.execute("UPDATE integrations_replay SET pace = 600")
    page.click("form[action$='/act/resume/'] button")
    expect(page.locator(".fieldBox.field-progress")).to_contain_text(
        finished, timeout=60_000
    )  # the page refreshes itself
    staff.look("done")
    assert app.rows.value("SELECT COUNT(*) FROM accounts_subscription") == 3
    staff.leave()
