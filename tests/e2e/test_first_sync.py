"""The first sync in a browser: both sides are read and looked at, and writing starts with the figures on the button."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.staff_jobs import press
from tests.e2e.visitor import SCHEMES, Visitor
from tests.harness import Embedded, embedded, wait_until
from tests.harness.fake_sides import FakeSides, fake_sides

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
READY = "SELECT COUNT(*) FROM integrations_firstsync WHERE status = 'ready'"

PAUSED = (
    "INSERT INTO integrations_circuit (provider, resource, failures, opened_at, permission, last_error, changed_at)"
    " VALUES ('gohighlevel', '', 0, datetime('now'), '', '', datetime('now'))"
)
OPEN = "SELECT COUNT(*) FROM integrations_circuit WHERE opened_at IS NOT NULL"


@pytest.fixture
def sides() -> Iterator[FakeSides]:
    """Both sides with records from before: one person on both, one on each alone."""
    with fake_sides() as made:
        made.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
        made.ghl.add_contact(email="ana@example.com", firstName="Ana", lastName="Ruiz", address1="Main St 1")
        made.nowcerts.add_insured(eMail="bea@example.com", firstName="Bea", lastName="Paz")
        made.ghl.add_contact(email="carl@example.com", firstName="Carl", lastName="Sol")
        yield made


@pytest.fixture
def app(tmp_path: Path, sides: FakeSides) -> Iterator[Embedded]:
    with embedded(tmp_path, **(sides.environment | {"CONTACT_SYNC": ""})) as started:
        yield started


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("es", 360)], ids=["desktop", "phone in Spanish"])
def test_staff_look_at_both_sides_and_start_writing(
    app: Embedded, sides: FakeSides, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    scheme = SCHEMES[language]
    staff = Visitor(
        browser, app.url, language=language, width=width, screenshots=screenshots, name="first-sync", scheme=scheme
    )
    page = staff.page
    staff.sign_in()
    staff.look("start")
    with staff.clicks(at_most=5, job="start writing at both providers"):
        press(staff, ".attention a[href='/admin/first-sync/']")
        expect(page).to_have_url(f"{app.url}/admin/first-sync/")
        staff.look("nothing-read")
        press(staff, "section[aria-labelledby=step-read] input[type=submit]")
        wait_until(lambda: app.rows.value(READY), seconds=60, what="both sides are read")
        staff.open("/admin/first-sync/")
        staff.look("ready")
        press(staff, "a[href='?list=changes&provider=gohighlevel#records']")
        expect(page.locator("#records")).to_contain_text("Miami")
        staff.look("changes")
        assert "bea@example.com" not in {one["email"] for one in sides.ghl.contacts.values()}
        press(staff, "section[aria-labelledby=step-start] input[type=submit]")
    wait_until(lambda: len(sides.nowcerts.insureds) == 3, seconds=60, what="the writes are made")
    staff.look("started")
    app.rows.execute(PAUSED)
    staff.open("/admin/")
    with staff.clicks(at_most=4, job="resume writing at a provider that staff paused"):
        press(staff, ".attention a[href*='/circuit/?state=open']")
        press(staff, "#result_list th a")
        press(staff, ".object-tools a[href$='/act/close/']")
        expect(page.locator(".action-rows")).to_contain_text(re.compile("GoHighLevel: .*0"))
        staff.look("resume")
        assert app.rows.value(OPEN) == 1, "it only asks"
        press(staff, ".submit-row input[type=submit]")
    expect(page.locator(".messagelist .success")).to_be_visible()
    assert app.rows.value(OPEN) == 0
    staff.leave()
