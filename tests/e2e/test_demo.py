"""The demo in a browser: offered where nothing is there, made beside the running server, said on every page."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import LAYOUTS, SCHEMES, Visitor
from tests.harness import Embedded, embedded
from tests.harness.environment import STAFF_EMAIL
from tests.harness.process import ROOT, run_to_end

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
WORDS = {
    "en": ("Nothing has come in yet", "This is a demo"),
    "es": ("Aún no ha llegado nada", "Esto es una demostración"),
}


def demo(app: Embedded, *arguments: str) -> str:
    return run_to_end([sys.executable, ROOT / "manage.py", "demo", *arguments], env=app.env)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(tmp_path_factory.mktemp("demo")) as started:
        yield started


def test_demo_is_offered_made_beside_the_server_shown_and_removed(
    empty: Embedded, browser: Browser, screenshots: Path
) -> None:
    assert "manage.py demo" in empty.log
    for language, width in LAYOUTS:
        offered(empty, browser, screenshots, language=language, width=width)
    before = set(empty.mail_files)
    demo(empty, "--members", "6", "--days", "3")
    for language, width in LAYOUTS:
        shown(empty, browser, screenshots, language=language, width=width)
    sent = [path.read_text() for path in empty.mail_files if path not in before]
    assert all(f"To: {STAFF_EMAIL}" in mail for mail in sent), "nothing to anybody of the demo"
    assert "The demo is removed" in demo(empty, "--clear")
    visitor = Visitor(browser, empty.url, language="en", width=1280, screenshots=screenshots, name="cleared").sign_in()
    expect(visitor.page.get_by_text(WORDS["en"][0])).to_be_visible()
    visitor.leave()


def offered(app: Embedded, browser: Browser, screenshots: Path, *, language: str, width: int) -> None:
    visitor = Visitor(browser, app.url, language=language, width=width, screenshots=screenshots, name="demo-offer")
    page = visitor.sign_in().page
    expect(page.get_by_text(WORDS[language][0])).to_be_visible()
    visitor.look_twice("home")
    visitor.leave()


def shown(app: Embedded, browser: Browser, screenshots: Path, *, language: str, width: int) -> None:
    visitor = Visitor(
        browser, app.url, language=language, width=width, screenshots=screenshots, name="demo", scheme=SCHEMES[language]
    )
    for path in ("/admin/", "/admin/accounts/contact/", "/admin/integrations/inboxevent/"):
        visitor.sign_in(path)
        expect(visitor.page.get_by_text(WORDS[language][1])).to_be_visible()
        visitor.look("shown")
    visitor.leave()
