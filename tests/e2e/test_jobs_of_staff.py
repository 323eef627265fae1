"""Jobs of staff about the console itself, in six clicks: silence, another language, a phone, a new colleague."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e import events
from tests.e2e.staff_jobs import press
from tests.e2e.test_first_path import link_in, mail_to
from tests.e2e.visitor import LAYOUTS, Visitor, colleague
from tests.harness import Embedded, wait_until
from tests.harness.environment import STAFF_PASSWORD
from tests.harness.webhooks import Sender

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
WAYS = [("operator", "en", 1280), ("support", "es", 360), ("auditor", "es", 1280)]
LAST = "jane.last@example.com"
DAYS_AGO = "UPDATE integrations_inboxevent SET received_at = datetime('now', '-3 days') WHERE provider = 'kajabi'"
SILENT = (
    "INSERT INTO integrations_silence (provider, since, noticed_at, usual_seconds)"
    " VALUES ('kajabi', datetime('now', '-3 days'), datetime('now'), 90000)"
)
# Home, a list with a filter, a form and a page of many tables, with what each is headed by in Spanish.
PAGES = {
    "/admin/": "Inicio",
    "/admin/integrations/inboxevent/?q=jane.last%40example.com": "Eventos",
    "/admin/search/?q=jane.last%40example.com": "Jane Doe",
    "/admin/connections/": "Conexiones",
}


def bought(app: Embedded, address: str, **chosen: str) -> int:
    """Report a purchase; return the key of its row once it is settled."""
    key = f"evt_{address}"
    events.post(app, "offer.purchased", id=key, email=address, first_name="Jane", last_name="Doe", **chosen)
    wait_until(lambda: app.rows.event(key)["status"] != "pending", seconds=60, what="a settled event")
    return int(app.rows.event(key)["id"])


@pytest.fixture(scope="module")
def silent(own: Embedded) -> Embedded:
    """Let Kajabi's last event be three days old, and its next delivery be refused."""
    bought(own, LAST)
    own.rows.execute(DAYS_AGO)
    own.rows.execute(SILENT)
    sender = Sender(own.url)
    assert sender.post({}, path="/api/webhook/kajabi", signature="wrong").status == 403
    sender.close()
    return own


@pytest.mark.parametrize(("role", "language", "width"), WAYS)
def test_silence_and_refusal_of_a_provider_are_seen_and_explained_by_keyboard(
    silent: Embedded, browser: Browser, screenshots: Path, role: str, language: str, width: int
) -> None:
    words = {
        "en": ("needs repair", "has sent nothing for", "was refused"),
        "es": ("necesita reparación", "no ha enviado nada", "se rechazó"),
    }[language]
    staff = Visitor(browser, silent.url, language=language, width=width, screenshots=screenshots, name=f"silent-{role}")
    page = staff.sign_in(email=colleague(silent.rows, role)).page
    expect(page.locator(".strips > li", has_text="Kajabi").locator("h3")).to_contain_text(words[0])
    with staff.clicks(at_most=4, job="has Kajabi been silent since yesterday?"):
        press(staff, ".attention a[href*='/silence/']")
        expect(page.locator("#result_list, #silence_form").first).to_contain_text(words[1])
        staff.look("silence")
        press(staff, "#branding a")
        press(staff, ".strips h3 a[href='/admin/connections/#kajabi']")
        expect(page.locator("#kajabi h2")).to_contain_text(words[0])
        expect(page.locator("#kajabi .connection__next")).to_contain_text(words[2])
    staff.look("connections")
    staff.leave()


@pytest.mark.parametrize("role", ["operator", "support", "auditor"])
def test_language_is_switched_by_keyboard_on_every_page(
    silent: Embedded, browser: Browser, screenshots: Path, role: str
) -> None:
    width = 1280 if role == "support" else 360
    staff = Visitor(browser, silent.url, language="en", width=width, screenshots=screenshots, name=f"language-{role}")
    page = staff.page
    staff.open("/admin/login/")
    with staff.clicks(at_most=1, job="Spanish before the sign-in"):
        press(staff, ".language button[value=es]")
    expect(page.locator("input[type=submit]")).to_have_value("Iniciar sesión")
    staff.sign_in(email=colleague(silent.rows, role))
    for path, heading in PAGES.items():
        staff.open(path)
        address, shown = page.url, page.locator("h1").first
        for language in ("en", "es"):
            with staff.clicks(at_most=1, job=f"read {path} in another language"):
                press(staff, f"#user-tools .language button[value={language}]")
            expect(page).to_have_url(address)
            expect(page.locator("html")).to_have_attribute("lang", language)
            expect(page.locator(f".language button[value={language}]")).to_have_attribute("aria-current", "true")
        expect(shown).to_contain_text(heading)
    staff.look("spanish")
    staff.leave()
    silent.rows.execute("UPDATE accounts_user SET language = '' WHERE email = %s", colleague(silent.rows, role))


@pytest.mark.parametrize(("role", "language"), [("operator", "es"), ("support", "en"), ("auditor", "es")])
def test_phone_shows_who_waits_and_why_on_cards(
    silent: Embedded, browser: Browser, screenshots: Path, role: str, language: str
) -> None:
    address = f"jane.{role}@example.com"
    event = bought(silent, address, offer_id="off_999", offer_title="Evening Course")
    staff = Visitor(browser, silent.url, language=language, width=360, screenshots=screenshots, name=f"phone-{role}")
    page = staff.sign_in(email=colleague(silent.rows, role)).page
    why = {
        "en": "“Evening Course” has no plan: choose one",
        "es": "«Evening Course» no tiene plan: elige uno",
    }[language]
    with staff.clicks(at_most=3, job="who waits, and why, on a phone"):
        staff.press_tab_until(".tasks-menu summary")
        page.keyboard.press("Enter")
        press(staff, ".tasks-menu a[href='/admin/integrations/inboxevent/']")
        card = page.locator("#result_list tbody tr", has_text=address)
        for shown in (card.locator(".badge--unmatched"), card.get_by_text(address), card.get_by_text(why)):
            expect(shown).to_be_visible()
            place = shown.bounding_box()
            assert place is not None
            assert 0 <= place["x"] <= place["x"] + place["width"] <= 360
        staff.look("cards")
        press(staff, f"#result_list a[href*='/inboxevent/{event}/change/']")
    expect(page.locator("#inboxevent_form")).to_contain_text(why)
    staff.leave()


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_colleague_who_reads_only_is_added_and_gets_in_by_keyboard(
    silent: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    address = f"colleague-{language}@example.com"
    boss = Visitor(browser, silent.url, language=language, width=width, screenshots=screenshots, name="add-colleague")
    page = boss.sign_in().page
    with boss.clicks(at_most=6, job="add a colleague who reads only"):
        if width < 600:
            boss.press_tab_until(".tasks-menu summary")
            page.keyboard.press("Enter")
        press(boss, "nav a[href='/admin/accounts/contact/']")
        if width < 600:
            boss.press_tab_until(".tasks-menu summary")
            page.keyboard.press("Enter")
        press(boss, "nav a[href='/admin/accounts/user/']")
        press(boss, ".object-tools a[href*='/user/add/']")
        page.fill("input[name=email]", address)
        page.select_option("select[name=role]", "auditor")
        boss.look_twice("form")
        press(boss, "input[name=_save]")
    expect(page.locator(".messagelist")).to_contain_text(address)
    boss.leave()

    link = link_in(wait_until(lambda: mail_to(silent, address), seconds=60, what="a mail with a link"))
    reader = Visitor(browser, silent.url, language=language, width=width, screenshots=screenshots, name="colleague")
    page = reader.page
    reader.open(link)
    reader.press_tab_until("input[type=password]")
    page.keyboard.type(STAFF_PASSWORD + " of hers")
    with reader.next_page():
        page.keyboard.press("Enter")
    expect(page).to_have_url(f"{silent.url}/admin/login/")
    reader.press_tab_until("input[name=username]")
    page.keyboard.type(address)
    page.keyboard.press("Tab")
    page.keyboard.type(STAFF_PASSWORD + " of hers")
    with reader.next_page():
        page.keyboard.press("Enter")
    expect(page.locator(".attention")).to_be_visible()
    reader.open("/admin/accounts/user/")
    expect(page.locator("#result_list")).to_contain_text(address)
    expect(page.locator(".object-tools a[href*='/add/'], .actions")).to_have_count(0)
    for closed in ("/admin/accounts/user/add/", "/admin/auth/group/add/"):
        answer = page.goto(silent.url + closed)
        assert answer is not None
        assert answer.status == 403
    reader.leave()
