"""The first path in a browser: a purchase, its mail, a password, the dashboard, and the console."""

import email
import email.policy
import os
import re
import sys
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import events
from tests.e2e.visitor import SCHEMES, Visitor
from tests.fakes.kajabi import HOOK_EVENTS
from tests.harness import Embedded, wait_until
from tests.harness.process import ROOT, run_to_end

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]

SETUP_PATH = "/nssa/setup-password"
PASSWORD = "seven green lanterns drift"
# Each language and each screen once; each with each other in the long form, as the chaos tests have it.
WAYS = [("en", 1280), ("es", 360)] + ([("en", 360), ("es", 1280)] if os.environ.get("CHAOS") == "long" else [])


def mail_to(app: Embedded, address: str) -> EmailMessage | None:
    """Return the newest sent mail to that address with a set-up link: staff get others too, at their time."""
    for path in reversed(app.mail_files):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(("plain",))
        if address in str(message["To"]) and body is not None and SETUP_PATH in body.get_content():
            return message
    return None


def link_in(message: EmailMessage) -> str:
    """Return the set-up link in a mail's text."""
    body = message.get_body(("plain",))
    assert body is not None, "a mail without text"
    links = re.findall(r"https?://\S+", body.get_content())
    (link,) = {link for link in links if SETUP_PATH in link}
    return str(link)


def buy(app: Embedded, address: str, first_name: str) -> str:
    """Simulate the purchase of the README, in one way by its command; return the link of its welcome mail."""
    if "-en-" in address:
        command = [sys.executable, ROOT / "manage.py", "simulate", "kajabi", "offer.purchased"]
        options = ["--email", address, "--first-name", first_name, "--id", f"evt_{address}", "--url", app.url]
        run_to_end([*command, *options], env=app.env)
    else:
        events.post(app, "offer.purchased", email=address, first_name=first_name, id=f"evt_{address}")
    message = wait_until(lambda: mail_to(app, address), seconds=60, what=f"a mail to {address}")
    html = message.get_body(("html",))
    assert html is not None, "a mail without HTML"
    assert first_name in html.get_content()
    return link_in(message)


def choose_password_by_keyboard(visitor: Visitor) -> None:
    """Fill in the set-up page without a mouse: a short password, which is refused, then a good one."""
    page = visitor.page
    visitor.press_tab_until("input[type=password]")
    page.keyboard.type("short")
    page.keyboard.press("Enter")
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    visitor.look("setup-refused")

    page.evaluate("document.activeElement.blur()")
    visitor.press_tab_until("input[type=password]")
    page.keyboard.type(PASSWORD)
    visitor.look("setup-filled")
    assert SETUP_PATH in page.url, "the page sent itself"
    page.keyboard.press("Tab")
    shown = page.locator("input[autocomplete=new-password]")
    page.keyboard.press("Space")
    expect(shown).to_have_attribute("type", "text")
    page.keyboard.press("Space")
    expect(shown).to_have_attribute("type", "password")
    visitor.press_tab_until("main form button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/dashboard")


def walk_as_member(visitor: Visitor, app: Embedded, link: str, address: str, language: str) -> None:
    page = visitor.page
    visitor.open(link)
    expect(page.locator("html")).to_have_attribute("lang", language)
    visitor.look("setup")
    choose_password_by_keyboard(visitor)

    plan = app.rows.value("SELECT name FROM accounts_plan WHERE code = 'nssa_annual'")
    expect(page.locator("main")).to_contain_text(plan)
    expect(page.locator("main")).to_contain_text("Active" if language == "en" else re.compile("[Aa]ctiv[ao]"))
    end = app.rows.value(
        "SELECT current_period_end FROM accounts_subscription s JOIN accounts_user u ON u.id = s.user_id"
        " WHERE u.email = %s",
        address,
    )
    expect(page.locator("main")).to_contain_text(str(end)[:4])
    visitor.look("dashboard")

    page.locator("form[action='/sign-out'] button, form[action='/sign-out/'] button").click()
    page.wait_for_url("**/sign-in*")
    visitor.look("sign-in")
    page.fill("input[name=username]", address)
    page.fill("input[name=password]", PASSWORD)
    page.locator("main form button[type=submit]").click()
    page.wait_for_url("**/dashboard")


def add_purchase_rows(app: Embedded, address: str) -> None:
    """Add the rows of the buyer that a provider's API would bring."""
    code = f"from tests.e2e.purchase_rows import create; create({address!r})"
    run_to_end([sys.executable, ROOT / "manage.py", "shell", "-c", code], env=app.env)


def walk_as_staff(visitor: Visitor, address: str, language: str) -> None:
    page = visitor.page
    visitor.open("/admin/")
    expect(page.locator("html")).to_have_attribute("lang", language)
    visitor.look("admin-sign-in")
    visitor.sign_in()
    visitor.look("admin-home")

    lists = {
        "events": "/admin/integrations/inboxevent/",
        "subscriptions": "/admin/accounts/subscription/",
        "mails": "/admin/accounts/emailmessage/",
        "contacts": "/admin/accounts/contact/",
        "orders": "/admin/accounts/order/",
        "payments": "/admin/accounts/payment/",
        "answers": "/admin/accounts/formsubmission/",
        "duplicates": "/admin/accounts/possibleduplicate/",
        "readings": "/admin/integrations/contactrefresh/",
    }
    searched = {"duplicates": "", "readings": f"c-{address}"}
    for name, path in lists.items():
        visitor.open(f"{path}?q={searched.get(name, address)}")
        expect(page.locator("#result_list tbody tr")).not_to_have_count(0)
        visitor.look(f"admin-{name}")
        with visitor.next_page():
            page.locator("#result_list tbody tr").first.locator("th a").first.click()
        expect(page.locator("#content")).to_contain_text(address)
        visitor.look(f"admin-{name}-one")

    visitor.open("/admin/accounts/possibleduplicate/")
    with visitor.next_page():
        page.locator("#result_list tbody tr").first.locator("th a").first.click()
    with visitor.next_page():
        page.locator(".object-tools .row-action a").first.click()
    expect(page.locator(".action-rows")).to_contain_text(address)
    visitor.look("admin-merge")
    page.locator("input[name=reason]").fill("one person")
    page.locator("#content form input[type=submit]").click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    visitor.look("admin-merged")

    visitor.open("/admin/hooks/kajabi/")
    expect(page.locator("#content-main table tbody tr")).to_have_count(len(HOOK_EVENTS))
    visitor.look("admin-hooks")


@pytest.mark.parametrize(("language", "width"), WAYS, ids=lambda part: {1280: "desktop", 360: "phone"}.get(part, part))
def test_purchase_leads_to_a_signed_in_member(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    address = f"jane-{language}-{width}@example.com"
    link = buy(app, address, "Jane")
    token = parse_qs(urlsplit(link).query)["token"][0]

    def visitor(name: str) -> Visitor:
        scheme = SCHEMES[language]
        return Visitor(
            browser, app.url, language=language, width=width, screenshots=screenshots, name=name, scheme=scheme
        )

    # The link was opened before, by a mail scanner or another browser: that uses nothing up.
    other = visitor("other")
    other.record_requests()
    for _ in range(2):
        other.open(link)
        expect(other.page.locator("input[autocomplete=new-password]")).to_be_visible()

    member = visitor("member")
    member.record_requests()
    walk_as_member(member, app, link, address, language)

    other.open(link)
    expect(other.page.locator("input[autocomplete=new-password]")).to_have_count(0)
    expect(other.page.locator("form[action*='forgot-password'] input[name=email]")).to_be_visible()
    other.look("old-link")

    for person in (member, other):
        person.assert_nothing_leaked(token, allowed_path=SETUP_PATH)
        person.leave()
    assert token not in app.log, "the output is no terminal"

    add_purchase_rows(app, address)
    staff = visitor("staff")
    walk_as_staff(staff, address, language)
    staff.leave()
