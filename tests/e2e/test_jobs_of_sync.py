"""Keeping contacts equal, by keyboard in six clicks: a write that found somebody else is settled by telling two people
apart, and a superuser chooses a pipeline by its name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.staff_jobs import assert_auditor_reads, press
from tests.e2e.visitor import LAYOUTS, Visitor, colleague
from tests.harness import Embedded, embedded, wait_until
from tests.harness.fake_sides import FakeSides, fake_sides

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
VALUES = "SELECT status FROM integrations_refusedvalue WHERE status = 'open'"
WRITES = (
    "SELECT w.status FROM integrations_outgoingwrite w JOIN accounts_contact c ON c.id = w.contact_id"
    " WHERE w.provider = 'gohighlevel' AND c.first_name = %s"
)
KNOWN = "SELECT c.id FROM accounts_contact c WHERE c.first_name = %s"
ALIAS = "SELECT contact_id FROM accounts_contactemail WHERE email = %s"
RULE = "SELECT pipeline_id, stage_id FROM integrations_pipelinerule WHERE line_of_business = %s"
LINES = {"en": "Auto", "es": "Hogar"}


@pytest.fixture(scope="module")
def sides() -> Iterator[FakeSides]:
    with fake_sides() as made:
        yield made


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sides: FakeSides) -> Iterator[Embedded]:
    """Start an installation that keeps both sides equal, as their webhooks tell."""
    with embedded(tmp_path_factory.mktemp("sync"), **sides.environment) as started:
        sides.start_webhooks(started.url)
        yield started


def a_write_finds_somebody_else(app: Embedded, sides: FakeSides, *, theirs: str, ours: str) -> None:
    """GoHighLevel's contact `theirs` has a further address; it is the only one of NowCerts' insured `ours`."""
    shared = f"{theirs}.and.{ours}@example.com".lower()
    contact = sides.ghl.add_contact(email=f"{theirs}@example.com".lower(), firstName=theirs, lastName="Gomes")
    wait_until(lambda: app.rows.column(KNOWN, theirs), seconds=60, what=f"the contact {theirs}")
    sides.ghl.edit(contact["id"], additionalEmails=[{"email": shared}])
    wait_until(lambda: app.rows.column(ALIAS, shared), seconds=60, what="the further address")
    sides.nowcerts.add_insured(eMail=shared, firstName=ours, lastName="Paz")
    wait_until(lambda: app.rows.column(WRITES, ours) == ["failed"], seconds=60, what="the write that found them")


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_write_that_found_somebody_else_is_settled(
    app: Embedded, sides: FakeSides, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    """Two people: and the address, which GoHighLevel lets only one of them have, is left out for good."""
    theirs, ours = {"en": ("Mary", "Rose"), "es": ("Clara", "Bea")}[language]
    a_write_finds_somebody_else(app, sides, theirs=theirs, ours=ours)
    staff = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="two-people")
    page = staff.sign_in(email=colleague(app.rows, "operator")).page
    with staff.clicks(at_most=6, job="settle a write that found somebody else"):
        press(staff, ".attention a[href^='/admin/review/'][href*='possible_duplicates']")
        expect(page.locator("#question")).to_contain_text(f"{theirs} Gomes")
        expect(page.locator("#question")).to_contain_text(f"{ours} Paz")
        staff.look("question")
        page.keyboard.press("t")
        page.keyboard.type("two members of a family")
        with staff.next_page():
            page.keyboard.press("Enter")
        expect(page.locator(".messagelist .success")).to_be_visible()
        wait_until(lambda: app.rows.column(VALUES) == ["open"], seconds=60, what="the question of the address")
        staff.open("/admin/")
        press(staff, ".attention a[href^='/admin/review/'][href*='refused_values']")
        expect(page.locator("#question")).to_contain_text(ours)
        staff.look("refused")
        page.keyboard.press("l")
        page.keyboard.type("they share it")
        with staff.next_page():
            page.keyboard.press("Enter")
    assert "failed" not in app.rows.column(WRITES, ours)
    assert app.rows.column(VALUES) == []
    staff.open("/admin/")
    expect(page.locator(".attention a[href*='outgoingwrite']")).to_have_count(0)
    expect(page.locator(".attention a[href*='duplicate']")).to_have_count(0)
    assert theirs in {contact["firstName"] for contact in sides.ghl.contacts.values()}, "nobody is renamed"
    staff.leave()


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_pipeline_of_a_line_of_business_is_chosen_by_its_name(
    app: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    line = LINES[language]
    staff = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="pipelines")
    page = staff.sign_in("/admin/integrations/pipelinerule/").page
    with staff.clicks(at_most=2, job="choose the pipeline of a line of business"):
        press(staff, "a[href$='/pipelinerule/add/']")
        page.fill("#id_line_of_business", line)
        expect(page.locator("#id_stage_id optgroup")).to_have_attribute("label", "Policies")
        page.select_option("#id_stage_id", label="New")
        staff.look("form")
        press(staff, "input[name=_save]")
    expect(page.locator("#result_list")).to_contain_text(line)
    expect(page.locator("#result_list")).to_contain_text("Policies")
    assert app.rows.all(RULE, line) == [{"pipeline_id": "pipe1", "stage_id": "stage1"}]
    staff.leave()


def test_auditor_reads_the_pipelines_and_changes_none(app: Embedded, browser: Browser, screenshots: Path) -> None:
    """After the test above, which makes one."""
    staff = Visitor(browser, app.url, language="en", width=1280, screenshots=screenshots, name="pipelines-read")
    assert_auditor_reads(staff, app, "/admin/integrations/pipelinerule/", "#result_list", *LINES.values())
    expect(staff.page.locator("a[href$='/pipelinerule/add/']")).to_have_count(0)
    staff.leave()
