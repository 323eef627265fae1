"""Jobs of staff about one member, from the home page to their end in six clicks: an event that failed, a month more."""

from datetime import datetime
from pathlib import Path

import pytest
from dateutil.relativedelta import relativedelta
from playwright.sync_api import Browser, expect

from core.queue.delivery import MAX_FAILURES
from tests.e2e import events
from tests.e2e.staff_jobs import assert_auditor_reads, press, search
from tests.e2e.visitor import Visitor, colleague
from tests.harness import Embedded, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
FAULT = "disk I/O error"
LAST_TRY = (
    "UPDATE integrations_inboxevent SET failures = %s, next_attempt_at = received_at, wake_at = received_at"
    " WHERE external_id = %s AND status = 'pending' AND crashes = 0"
)
END = (
    "SELECT current_period_end FROM accounts_subscription s JOIN accounts_user u ON u.id = s.user_id WHERE u.email = %s"
)
EXTENSIONS = (
    "SELECT f.reason, f.period_end, a.email FROM accounts_subscriptionfact f"
    " JOIN accounts_subscription s ON s.id = f.subscription_id JOIN accounts_user u ON u.id = s.user_id"
    " JOIN accounts_user a ON a.id = f.staff_id WHERE f.kind = 'extended' AND u.email = %s"
)


def buy(app: Embedded, address: str) -> str:
    """Report a purchase; return the event's id."""
    events.post(app, "offer.purchased", id=f"evt_{address}", email=address, first_name="Jane", last_name="Doe")
    return f"evt_{address}"


def fail(app: Embedded, address: str) -> str:
    """Report a purchase whose processing meets a fault until its attempts are used up; return the event's id."""
    app.rows.execute(
        f"CREATE TRIGGER fault BEFORE INSERT ON accounts_user WHEN NEW.email = '{address}'"
        f" BEGIN SELECT RAISE(ABORT, '{FAULT}'); END"
    )
    key = buy(app, address)
    wait_until(lambda: app.rows.event(key)["failures"], seconds=60, what="a first failure")
    wait_until(lambda: app.rows.execute(LAST_TRY, MAX_FAILURES - 1, key), seconds=60, what="no worker has it")
    wait_until(lambda: app.rows.event(key)["status"] == "failed", seconds=60, what="the last failure")
    app.rows.execute("DROP TRIGGER fault")
    return key


def test_event_that_failed_is_found_explained_and_retried_by_keyboard(
    app: Embedded, browser: Browser, screenshots: Path
) -> None:
    address = "jane.fails@example.com"
    key = fail(app, address)
    staff = Visitor(
        browser, app.url, language="en", width=1280, screenshots=screenshots, name="event-failed", scheme="dark"
    )
    event = app.rows.event(key)["id"]
    assert_auditor_reads(
        staff, app, f"/admin/integrations/inboxevent/{event}/change/", "#inboxevent_form", "failed", FAULT
    )
    page = staff.sign_in(email=colleague(app.rows, "operator")).page
    expect(page.locator(".attention", has_text="Events that failed")).to_be_visible()
    with staff.clicks(at_most=4, job="an event failed"):
        search(staff, address)
        expect(page.locator(".found")).to_contain_text(f"failed · {address}")
        press(staff, ".found a")
        expect(page.locator(".fieldBox.field-reason_shown")).to_contain_text(FAULT)
        press(staff, ".object-tools a[href*='/act/retry/']")
        expect(page.locator(".replay")).to_contain_text("welcome, with the set-up link")
        press(staff, ".submit-row input[type=submit]")
        expect(page.locator(".fieldBox.field-state .badge")).to_have_text("processed")  # the page follows it
        expect(page.locator("#inboxevent_form")).to_contain_text("Member created")
    staff.look("done")
    assert app.rows.event(key)["status"] == "processed"
    assert [attempt["outcome"] for attempt in app.rows.attempts(key)][-1] == "done"
    assert app.rows.mails(address) == ["welcome"]
    staff.leave()


def end_of(app: Embedded, address: str) -> datetime:
    return datetime.fromisoformat(app.rows.value(END, address))


def test_month_more_is_given_by_keyboard_on_a_phone(app: Embedded, browser: Browser, screenshots: Path) -> None:
    address = "jane.month@example.com"
    key = buy(app, address)
    wait_until(lambda: app.rows.event(key)["status"] == "processed", seconds=60, what="a member")
    before = end_of(app, address)
    staff = Visitor(browser, app.url, language="es", width=360, screenshots=screenshots, name="month-more")
    person = f"/admin/search/?q={address}"
    assert_auditor_reads(staff, app, person, ".person", "acceso hasta el", str(before.year))
    page = staff.sign_in(email=colleague(app.rows, "operator")).page
    with staff.clicks(at_most=3, job="extend by a month"):
        search(staff, address)
        shown = page.locator(".person section p", has_text="acceso hasta el").inner_text().partition("el ")[2]
        press(staff, "a[href*='/act/extend/']")
        expect(page.locator(".action-rows")).to_contain_text(shown)
        expect(page.locator("input[name=reason]")).to_be_focused()
        page.keyboard.type("estuvo enferma")
        with staff.next_page():
            page.keyboard.press("Enter")
        expect(page.locator(".messagelist .success")).to_have_text("1 suscripción tiene un nuevo fin.")
    expect(page.locator(".timeline")).to_contain_text("operator@staff.example.com: estuvo enferma")
    staff.look("done")
    after = end_of(app, address)
    assert after == before + relativedelta(months=1)
    (fact,) = app.rows.all(EXTENSIONS, address)
    assert (fact["reason"], fact["email"]) == ("estuvo enferma", colleague(app.rows, "operator"))

    with staff.clicks(at_most=5, job="a year that shortens, then the right one"):
        page.click("a[href*='/act/extend/']")
        page.get_by_label("hasta una fecha").click()
        page.fill("input[name=until]", f"{before:%Y-%m-%d}")
        page.fill("input[name=reason]", "error de año")
        with staff.next_page():
            page.keyboard.press("Enter")
        expect(page.locator(".messagelist .error")).to_contain_text("es más tarde")
        assert len(app.rows.all(EXTENSIONS, address)) == 1
        page.click("a[href*='/act/extend/']")
        page.fill("input[name=reason]", "el año correcto")
        with staff.next_page():
            page.keyboard.press("Enter")
        expect(page.locator(".timeline")).to_contain_text("el año correcto")
    assert end_of(app, address) == after + relativedelta(months=1)
    staff.leave()
