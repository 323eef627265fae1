"""The home page in a browser: at each width, in both languages and colours; it refreshes itself and keeps the focus."""

import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import LAYOUTS, Visitor
from tests.harness import Embedded
from tests.harness.environment import STAFF_EMAIL, STAFF_PASSWORD
from tests.harness.process import ROOT, run_to_end

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]

# What there is to see: events of each outcome over the day, members, mails, a refusal, a dismissed problem.
FILL = """
from datetime import timedelta
from django.utils import timezone
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Plan, Subscription
from accounts.people.models import User
from integrations.inbox.models import InboxEvent
from integrations.operations import figures
from integrations.operations.models import Figure
now = timezone.now()
statuses = ["processed"] * 7 + ["ignored", "unmatched", "failed"]
whole = {"provider": "kajabi", "event_type": "offer.purchased", "body": b"{}", "payload": {}, "next_attempt_at": None}
for n in reversed(range(60)):
    at = now - timedelta(minutes=23 * n + 1)
    InboxEvent.objects.create(
        **whole, key=f"e{n}", status=statuses[n % 10], received_at=at, finished_at=at + timedelta(seconds=n % 7)
    )
plan = Plan.objects.first() or Plan.objects.create(code="gold", name="Gold")
for n in range(9):
    user = User.objects.create_user(f"home{n}@example.com")
    status = ["active", "active", "canceled", "expired"][n % 4]
    until = now + timedelta(days=30 if status != "expired" else -1)
    span = {"access_from": now - timedelta(days=30), "access_until": until}
    Subscription.objects.create(user=user, plan=plan, status=status, **span)
    status = ["delivered", "sent", "bounced"][n % 3]
    mail = {"kind": "welcome", "status": status, "bounced_at": now, "next_attempt_at": None}
    EmailMessage.objects.create(to=user.email, user=user, key=f"home{n}", **mail)
figures.count()
day = now.replace(hour=0, minute=0, second=0, microsecond=0)
for n in range(1, 20):
    numbers = {"access": 7 - n // 4}
    Figure.objects.get_or_create(kind="members", at=day - timedelta(days=n), defaults={"numbers": numbers})
"""
FAIL_ANOTHER = "UPDATE integrations_inboxevent SET status = 'failed' WHERE key = 'e0'"  # the newest; it was processed


@pytest.fixture(scope="module")
def filled(app: Embedded) -> Embedded:
    run_to_end([sys.executable, ROOT / "manage.py", "shell", "-c", FILL], env=app.env)
    return app


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_home_fits_and_is_accessible(
    filled: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    visitor = Visitor(browser, filled.url, language=language, width=width, screenshots=screenshots, name="home")
    page = visitor.sign_in().page
    expect(page.locator(".panel")).to_have_count(6)
    visitor.look("home")
    for summary in page.locator(".home summary").all():
        summary.click()
    visitor.look_twice("unfolded")
    page.locator(".attention__do a", has_text="Dismiss" if language == "en" else "Descartar").first.click()
    page.wait_for_url("**/dismiss/")
    visitor.look_twice("dismiss")
    visitor.leave()


def test_home_refreshes_itself_and_keeps_the_focus_and_what_is_unfolded(
    filled: Embedded, browser: Browser, screenshots: Path
) -> None:
    visitor = Visitor(browser, filled.url, language="en", width=1280, screenshots=screenshots, name="refresh")
    visitor.page.clock.install()
    page = visitor.sign_in().page
    tile = page.locator(".attention__what", has_text="Events that failed")
    before = int(tile.locator("strong").inner_text())
    tile.focus()
    page.locator("details[data-key=trend] summary").click()
    tile.focus()
    assert filled.rows.execute(FAIL_ANOTHER) == 1
    page.clock.fast_forward(31_000)
    expect(tile.locator("strong")).to_have_text(str(before + 1))
    expect(tile).to_be_focused()
    expect(page.locator("details[data-key=trend]")).to_have_attribute("open", "")
    visitor.leave()


def test_home_without_scripts_shows_the_same(filled: Embedded, browser: Browser, screenshots: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{filled.url}/admin/")
    page.fill("input[name=username]", STAFF_EMAIL)
    page.fill("input[name=password]", STAFF_PASSWORD)
    page.click("input[type=submit]")
    expect(page.locator(".panel")).to_have_count(6)
    page.click("text=Events that failed")
    expect(page).to_have_url(f"{filled.url}/admin/integrations/inboxevent/?status__exact=failed")
    context.close()
