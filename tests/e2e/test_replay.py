"""A replay in a browser: from the filtered list to the plan, by keyboard to its start, and its page follows it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import SCHEMES, Visitor
from tests.harness import Embedded, embedded, wait_until
from tests.harness.webhooks import Sender, purchase

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
UNMATCHED = "SELECT COUNT(*) FROM integrations_inboxevent WHERE status = 'unmatched'"
MEMBERS = "SELECT COUNT(*) FROM accounts_subscription s JOIN accounts_user u ON u.id = s.user_id WHERE u.email LIKE %s"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(tmp_path_factory.mktemp("replay")) as started:
        yield started


def buy_before_the_plan(app: Embedded, offer: str) -> None:
    """Report three purchases of an offer that had no plan when they came, and has one now."""
    sender = Sender(app.url)
    for number in range(3):
        body = purchase(f"evt_{offer}_{number}", f"p{number}@{offer}.example", offer={"id": offer, "name": "New"})
        assert sender.post(body).is_accepted
    sender.close()
    wait_until(lambda: app.rows.value(UNMATCHED) == 3, seconds=60, what="three events are unmatched")
    mapping = "INSERT INTO accounts_planoffer (plan_id, provider, external_id)"
    app.rows.execute(f"{mapping} SELECT id, 'kajabi', %s FROM accounts_plan", offer)


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
    scheme = SCHEMES[language]
    staff = Visitor(
        browser, app.url, language=language, width=width, screenshots=screenshots, name="replay", scheme=scheme
    )
    page = staff.page
    planned, finished, stopped = words
    offer = f"new-{language}"
    buy_before_the_plan(app, offer)

    staff.sign_in("/admin/integrations/inboxevent/replay/")
    staff.look("nothing-chosen")
    page.click(".replay-filter input[type=submit]")
    expect(page.locator(".errornote")).to_be_visible()
    staff.look("refused")

    staff.open("/admin/integrations/inboxevent/?status__exact=unmatched")
    staff.look("list")
    staff.press_tab_until(".object-tools a[href*='inboxevent/replay/']", at_most=200)
    page.keyboard.press("Enter")
    expect(page.locator(".replay")).to_contain_text(planned)
    expect(page.locator(".replay")).to_contain_text(f"p0@{offer}.example")
    staff.look("plan")
    assert app.rows.value(MEMBERS, f"%@{offer}.example") == 0

    page.fill("input[name=pace]", "1")  # a minute: it is stopped long before its end, however slow the machine is
    staff.press_tab_until(".replay form[method=post] input[type=submit]")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/admin/integrations/replay/[0-9]+/change/$"))
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
    assert app.rows.value(MEMBERS, f"%@{offer}.example") == 3
    staff.leave()
