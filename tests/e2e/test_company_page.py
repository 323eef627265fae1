"""The page in Chatwoot's frame, in a browser: waiting, the company, and giving up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Error, Page, Route, expect

from tests.e2e.visitor import LAYOUTS, Visitor
from tests.fakes.http_server import Answer, FakeServer
from tests.harness import Embedded, embedded, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
TOKEN = "token-of-the-harness"
PAGE = "/embed/dashboard?accountId={}"


@pytest.fixture(scope="module")
def chat() -> Iterator[FakeServer]:
    """Serve a help desk with a page that shows ours in a frame."""
    pages: dict[str, str] = {}
    server = FakeServer(lambda asked: Answer(status=200, body=pages.get("html", "").encode(), content_type="text/html"))
    server.pages = pages  # type: ignore[attr-defined]
    with server:
        yield server


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, chat: FakeServer) -> Iterator[Embedded]:
    settings = {"CHATWOOT_WEBHOOK_TOKEN": TOKEN, "CHATWOOT_FRAME_ORIGINS": chat.url, "FRONTEND_ORIGINS": chat.url}
    with embedded(tmp_path_factory.mktemp("company"), **settings) as started:
        yield started


def sign_up(app: Embedded, account_id: int, name: str, *, event: str = "account_created") -> None:
    url = f"{app.url}/api/chatwoot/webhooks/account-created/{TOKEN}"
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(url, json={"id": account_id, "name": name, "users": [], "event": event}, timeout=30)
    assert answer.json()["success"] is True


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_company_appears_on_the_waiting_page(
    browser: Browser, app: Embedded, screenshots: Path, language: str, width: int
) -> None:
    account = width * 10 + (1 if language == "es" else 0)
    visitor = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="company")
    page = visitor.page
    visitor.open(PAGE.format(account))
    expect(page.locator("[data-state=waiting]")).to_be_visible()
    expect(page.locator("[data-retry]")).to_be_hidden()
    visitor.look_twice("configuring")
    name = "Compañía de Pruebas Internacional " + "X" * 60 + " S.A."
    sign_up(app, account, name)
    expect(page.locator("[data-state=found]")).to_be_visible()
    expect(page.locator("h1:visible")).to_have_text(name)
    expect(page.locator("[data-value=company_id]")).to_have_text(f"chatwoot_{account}")
    visitor.look_twice("found")
    sign_up(app, account, name, event="account_deleted")
    page.reload()
    expect(page.locator("[data-state=closed]")).to_be_visible()
    visitor.look_twice("closed")
    visitor.leave()


def give_up(page: Page, state: str) -> None:
    """Let the page's clock run, which is installed, until it stops asking for the company."""

    def is_reached() -> bool:
        page.clock.run_for(3000)
        page.wait_for_timeout(20)  # an answer comes in real time
        return page.locator(f"[data-state={state}]").is_visible()

    wait_until(is_reached, seconds=60, what=f"the page shows {state}", every=0)


def test_page_gives_up_with_a_sentence_and_retries_by_keyboard(
    browser: Browser, app: Embedded, screenshots: Path
) -> None:
    account = 900_360
    visitor = Visitor(browser, app.url, language="en", width=360, screenshots=screenshots, name="no-company")
    page = visitor.page
    page.clock.install()
    visitor.open(PAGE.format(account))
    give_up(page, "missing")
    expect(page.locator("[data-retry]")).to_be_focused()
    visitor.look_twice("missing")
    sign_up(app, account, "Late Company")
    page.keyboard.press("Enter")
    expect(page.locator("h1:visible")).to_have_text("Late Company")
    expect(page.locator("[data-retry]")).to_be_hidden()
    visitor.leave()


def test_unreachable_service_has_its_own_message(browser: Browser, app: Embedded, screenshots: Path) -> None:
    visitor = Visitor(browser, app.url, language="en", width=360, screenshots=screenshots, name="unreachable")
    page = visitor.page

    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/api/chatwoot/**", refuse)
    page.clock.install()
    visitor.open(PAGE.format(1))
    give_up(page, "unreachable")
    visitor.look_twice("unreachable")
    visitor.leave()


def test_expired_signature_is_reported_at_once(browser: Browser, app: Embedded, screenshots: Path) -> None:
    visitor = Visitor(browser, app.url, language="en", width=360, screenshots=screenshots, name="refused")
    page = visitor.page
    page.route("**/api/chatwoot/**", lambda route: route.fulfill(status=403, json={"success": False}))
    visitor.open(PAGE.format(1))
    expect(page.locator("[data-state=refused]")).to_be_visible()
    expect(page.locator("[data-retry]")).to_be_hidden()
    visitor.look_twice("refused")
    visitor.leave()


def test_page_without_an_account_names_the_missing_part(browser: Browser, app: Embedded, screenshots: Path) -> None:
    visitor = Visitor(browser, app.url, language="en", width=360, screenshots=screenshots, name="no-account")
    visitor.open("/embed/dashboard")
    expect(visitor.page.locator("h1")).to_have_text("Which account?")
    visitor.look_twice("no-account")
    visitor.leave()


@pytest.mark.parametrize("address", [PAGE, "/?accountId={}"], ids=["embed", "front door"])
def test_only_the_help_desk_can_frame_the_page(browser: Browser, app: Embedded, chat: FakeServer, address: str) -> None:
    sign_up(app, 77, "Framed Company")
    frame = f'<!doctype html><title>Chat</title><iframe width="360" height="400" src="{app.url}{address.format(77)}">'
    chat.pages["html"] = frame  # type: ignore[attr-defined]
    context = browser.new_context()
    page = context.new_page()
    page.goto(chat.url)
    expect(page.frame_locator("iframe").locator("h1:visible")).to_have_text("Framed Company")
    page.goto(chat.url.replace("127.0.0.1", "localhost"))  # another origin
    # What a browser shows in place of a page that may not be framed there.
    expect(page.frame_locator("iframe").locator("body.neterror")).to_be_attached()
    assert page.frames[1].url == "chrome-error://chromewebdata/"
    context.close()


_FRONT_END = """<!doctype html><title>Front end</title><script>
window.call = async (url, body) => {
  const answer = await fetch(url, body && {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return [answer.status, await answer.json()];
};
</script>"""


def test_only_a_listed_origin_reads_answers_and_errors(browser: Browser, app: Embedded, chat: FakeServer) -> None:
    """Call from the listed origin (127.0.0.1) and from "localhost", which is another origin for the same page."""
    chat.pages["html"] = _FRONT_END  # type: ignore[attr-defined]
    context = browser.new_context()
    page = context.new_page()
    resend, company = f"{app.url}/api/kajabi/resend-setup-email/", f"{app.url}/api/chatwoot/webhooks/company/77"
    asked = "([url, body]) => call(url, body)"
    page.goto(chat.url)
    assert page.evaluate(asked, [resend, {"email": "jane@example.com"}])[0] == 200
    status, answer = page.evaluate(asked, [resend, {"email": "no address"}])
    assert (status, answer["success"], answer["code"]) == (400, False, "invalid_email")
    assert page.evaluate(asked, [company, None])[0] == 200
    with pytest.raises(Error, match="Failed to fetch"):
        page.evaluate(asked, [f"{app.url}/api/system/info", None])  # not shared
    page.goto(chat.url.replace("127.0.0.1", "localhost"))
    for url, body in [(resend, {"email": "jane@example.com"}), (company, None)]:
        with pytest.raises(Error, match="Failed to fetch"):
            page.evaluate(asked, [url, body])
    context.close()
