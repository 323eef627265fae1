"""Kajabi is set up by keyboard, in six clicks: read for the first time, and an offer that has no plan is given one."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from tests.e2e.staff_jobs import assert_auditor_reads, press
from tests.e2e.visitor import LAYOUTS, Visitor, colleague
from tests.fakes import kajabi_records
from tests.fakes.kajabi import CLIENT_ID, CLIENT_SECRET, FakeKajabi
from tests.harness import Embedded, embedded, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
OFFERS = {"en": "501", "es": "502"}
RUNS = "SELECT status FROM integrations_syncrun"
WELCOMES = "SELECT status FROM accounts_emailmessage WHERE kind = 'welcome' AND \"to\" = %s"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """Start an installation beside a Kajabi where two members bought offers that no plan sells."""
    with FakeKajabi() as kajabi:
        kajabi.add(kajabi_records.site("1", title="Academy"))
        bought_at = f"{timezone.now() - timedelta(days=20):%Y-%m-%dT%H:%M:%SZ}"
        for language, offer in OFFERS.items():
            kajabi.add(
                kajabi_records.customer(f"8{offer}", email=buyer(language)),
                kajabi_records.purchase(f"7{offer}", customer_id=f"8{offer}", offer_id=offer, created_at=bought_at),
            )
        access = {"KAJABI_CLIENT_ID": CLIENT_ID, "KAJABI_CLIENT_SECRET": CLIENT_SECRET}
        directory = tmp_path_factory.mktemp("setup")
        with embedded(directory, KAJABI_API_BASE_URL=kajabi.url, **access) as started:
            yield started


def buyer(language: str) -> str:
    return f"buyer.{language}@example.com"


def test_kajabi_is_read_for_the_first_time_and_its_offers_are_named(
    app: Embedded, browser: Browser, screenshots: Path
) -> None:
    staff = Visitor(browser, app.url, language="es", width=360, screenshots=screenshots, name="first-reading")
    assert_auditor_reads(staff, app, "/admin/connections/", "#kajabi .connection__next", "no se han leído nunca")
    page = staff.sign_in(email=colleague(app.rows, "operator")).page
    with staff.clicks(at_most=3, job="read Kajabi for the first time"):
        press(staff, ".strips h3 a[href='/admin/connections/#kajabi']")
        press(staff, "#kajabi .connection__next a[href='/admin/reading-lists/']")
        press(staff, "section[aria-labelledby=reading-kajabi] input.default")
    expect(page.locator(".messagelist")).to_be_visible()
    staff.look("reading")
    wait_until(lambda: app.rows.column(RUNS) == ["done"], seconds=90, what="the end of the reading")
    staff.open("/admin/")
    expect(page.locator(".attention li", has=page.locator("a[href^='/admin/accounts/plan/']"))).to_contain_text("2")
    staff.leave()


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_offer_that_has_no_plan_is_given_one(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    """After the test above, which reads the purchases."""
    offer = OFFERS[language]
    staff = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="map-offer")
    page = staff.sign_in(email=colleague(app.rows, "operator")).page
    with staff.clicks(at_most=3, job="give an offer its plan"):
        press(staff, ".attention a[href^='/admin/accounts/plan/']")
        expect(page.locator(".waiting-offers")).to_contain_text(offer)
        staff.look("plans")
        press(staff, "#result_list tbody th a")
        expect(page.locator(f"#waiting-offers option[value='{offer}']")).to_have_count(1)
        page.locator("input[list=waiting-offers]:visible").last.fill(offer)
        staff.look("offers")
        press(staff, "input[name=_save]")
    expect(page.locator(".messagelist")).to_contain_text("1")
    staff.leave()


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_welcome_of_an_old_purchase_is_held_back(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    """After the test above, which gives both offers a plan: the clock reads their purchases within a minute."""
    address = buyer(language)
    wait_until(lambda: app.rows.column(WELCOMES, address), seconds=150, what="access by the next reading")
    assert app.rows.column(WELCOMES, address) == ["held"], "a purchase of before the reading"
    staff = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="held-welcome")
    page = staff.sign_in(email=colleague(app.rows, "operator")).page
    with staff.clicks(at_most=1, job="see whose welcome is held back"):
        press(staff, ".attention a[href*='status__exact=held']")
    expect(page.locator("#result_list")).to_contain_text(address)
    staff.leave()
