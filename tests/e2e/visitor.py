"""Browser session that records what no page may do."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, expect

PATIENCE = 30_000  # ms, for a machine that does ten things at once
expect.set_options(timeout=PATIENCE)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


class Visitor:
    """One browser context (cookies, language, screen) with one page and a record of its requests and faults."""

    def __init__(self, browser: Browser, url: str, *, language: str, width: int, screenshots: Path, name: str) -> None:
        self.url = url
        self.screenshots = screenshots
        self.name = f"{language}-{width}-{name}"
        locale = {"en": "en-US", "es": "es-ES"}[language]
        self.context: BrowserContext = browser.new_context(
            locale=locale, viewport={"width": width, "height": 800}, is_mobile=width < 600, has_touch=width < 600
        )
        self.context.set_default_timeout(PATIENCE)
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.faults: list[str] = []
        self.looks = 0
        self.context.on("request", lambda request: self.requests.append(request))
        self.context.on("console", self.hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.page: Page = self.context.new_page()

    def hear(self, message: ConsoleMessage) -> None:
        # A refused form or an unknown address is an answer that tests ask for; the console names it all the same.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            self.complaints.append(f"{message.type}: {message.text}")

    def open(self, path_or_url: str) -> None:
        target = path_or_url if path_or_url.startswith("http") else self.url + path_or_url
        self.page.goto(target)

    def look(self, step: str) -> None:
        """Record where the page does not fit the screen or breaks an axe rule.

        A page with a fault leaves its picture, and each page does where SCREENSHOTS names a folder for them.
        """
        self.looks += 1
        before = len(self.faults)
        self.page.wait_for_load_state()  # a click ends when the next page answers, which may still have no element
        overflow = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if overflow > 0:
            self.faults.append(f"{step}: the page is {overflow} px wider than the screen")
        # axe would load stylesheets again into a style element of its own, which the page's CSP refuses, as it should.
        options: dict[str, Any] = {
            "resultTypes": ["violations"],
            "runOnly": {"type": "tag", "values": WCAG},
            "preload": False,
        }
        for violation in Axe().run(self.page, options=options).response["violations"]:
            examples = [
                f"    {node['html'][:150]} ({node['failureSummary'][-150:]})" for node in violation["nodes"][:3]
            ]
            heading = f"{step}: {violation['id']}, {len(violation['nodes'])} times ({violation['help']})"
            self.faults.append("\n".join([heading, *examples]))
        if len(self.faults) > before or os.environ.get("SCREENSHOTS"):
            self.page.screenshot(path=self.screenshots / f"{self.name}-{self.looks:02}-{step}.png", full_page=True)

    def press_tab_until(self, selector: str, *, at_most: int = 30) -> None:
        """Move the focus by keyboard to `selector`; raise AssertionError where it never gets there."""
        self.page.wait_for_load_state()
        for _ in range(at_most):
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached with {at_most} presses of Tab")

    def assert_nothing_leaked(self, token: str, *, allowed_path: str) -> None:
        """Assert that no other host was called, and the token went to its own page only and into no Referer."""
        for request in self.requests:
            address = urlsplit(request.url)
            if address.scheme in {"data", "blob"}:
                continue
            assert f"{address.scheme}://{address.netloc}" == self.url, f"a third party was asked: {request.url}"
            assert token not in request.url or address.path == allowed_path, f"the token went to {request.url}"
            try:
                headers = request.all_headers()
            except Error:  # a request that a navigation cut off has no headers any more
                headers = request.headers
            assert token not in headers.get("referer", ""), f"the token was in the Referer of {request.url}"

    def leave(self) -> None:
        """Close the context; raise AssertionError with all faults of its pages and errors on its console."""
        self.context.close()
        assert not self.complaints, "\n".join(self.complaints)
        assert not self.faults, "\n".join(self.faults)
