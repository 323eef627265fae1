"""Browser session that records what no page may do."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, expect

from tests.e2e.clicks import Clicks
from tests.harness import Rows
from tests.harness.environment import STAFF_EMAIL, STAFF_PASSWORD

PATIENCE = 30_000  # ms, for a machine that does ten things at once
expect.set_options(timeout=PATIENCE)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# axe would load stylesheets again into a style element of its own, which the page's CSP refuses, as it should.
AXE = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": WCAG}, "preload": False}
INSPECT = """async options => {
  for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
  const root = document.documentElement;
  const { violations } = await axe.run(options);
  return [root.scrollWidth - root.clientWidth, violations];
}"""
Scheme = Literal["light", "dark"]
OTHER_WIDTH = {360: 1280, 1280: 360}
OTHER_SCHEME: Mapping[Scheme, Scheme] = {"light": "dark", "dark": "light"}
# Two walks that `look_twice` show each pair of a language, a width and a colour scheme: en-360-light, en-1280-dark,
# es-1280-light and es-360-dark. Of two walks that `look` once, SCHEMES gives the colours: each value is in one of them.
LAYOUTS = [("en", 360), ("es", 1280)]
SCHEMES: Mapping[str, Scheme] = {"en": "light", "es": "dark"}

_sessions: dict[tuple[str, str], str] = {}  # of staff, by the URL of the installation and the address


class Visitor:
    """One browser context (cookies, language, screen) with one page and a record of its requests and faults."""

    def __init__(
        self, browser: Browser, url: str, *, language: str, width: int, screenshots: Path, name: str,
        scheme: Scheme = "light",
    ) -> None:  # fmt: skip
        self.url = url
        self.screenshots = screenshots
        self.name = f"{language}-{name}"
        self.width, self.scheme = width, scheme
        locale = {"en": "en-US", "es": "es-ES"}[language]
        self.context: BrowserContext = browser.new_context(
            locale=locale,
            viewport={"width": width, "height": 800},
            is_mobile=width < 600,
            has_touch=width < 600,
            color_scheme=scheme,
        )
        self.context.set_default_timeout(PATIENCE)
        self._clicks = Clicks(self.context)
        self.requests: list[Request] = []
        self.complaints: list[str] = []
        self.faults: list[str] = []
        self.looks = 0
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

    def record_requests(self) -> None:
        """Note all requests from now on, which costs time with each file of a page."""
        self.context.on("request", lambda request: self.requests.append(request))

    def sign_in(self, path: str = "/admin/", *, email: str = STAFF_EMAIL) -> Self:
        """Open a page of the console as staff: the first time by keyboard, then with the session of the first time.

        A sign-in takes a second of CPU time, and ten tries in a quarter of an hour are the limit. `colleague` makes
        staff with a role.
        """
        key = self.url, email
        self.context.clear_cookies(name="sessionid")
        if key in _sessions:
            self.context.add_cookies([{"name": "sessionid", "value": _sessions[key], "url": self.url}])
        self.open(path)
        if urlsplit(self.page.url).path == "/admin/login/":
            self.type_staff_password(email)
            cookies = {cookie["name"]: cookie["value"] for cookie in self.context.cookies()}
            _sessions[key] = cookies["sessionid"]
        assert urlsplit(self.page.url).path != "/admin/login/", "the password is refused"
        return self

    def type_staff_password(self, email: str = STAFF_EMAIL) -> None:
        """Fill in the console's sign-in page by keyboard alone; return when the next page has loaded."""
        self.press_tab_until("input[name=username]")
        self.page.keyboard.type(email)
        self.page.keyboard.press("Tab")
        self.page.keyboard.type(STAFF_PASSWORD)
        with self.next_page():
            self.page.keyboard.press("Enter")

    @contextmanager
    def clicks(self, *, at_most: int, job: str) -> Iterator[None]:
        """Assert that the block, a job of staff, takes `at_most` clicks: `Clicks` says what counts as one."""
        with self._clicks.limited(at_most=at_most, job=job):
            yield

    @contextmanager
    def next_page(self) -> Iterator[None]:
        """Wait at the end of the block until the page to which it leads has loaded, however slowly it answers."""
        with self.page.expect_navigation(wait_until="load"):
            yield

    def look(self, step: str) -> None:
        """Record where the page does not fit the screen or breaks an axe rule.

        A page with a fault leaves its picture, and each page does where SCREENSHOTS names a folder for them.
        """
        self.looks += 1
        self.page.wait_for_load_state()  # a click ends when the next page answers, which may still have no element
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        self._inspect(step, self.width, self.scheme)

    def look_twice(self, step: str) -> None:
        """Look at the page, and once more in the other width and colours."""
        self.look(step)
        with self.otherwise() as other:
            self._inspect(step, *other)

    @contextmanager
    def otherwise(self) -> Iterator[tuple[int, Scheme]]:
        """Lay the page out in the other width and colours within the block."""
        other = OTHER_WIDTH[self.width], OTHER_SCHEME[self.scheme]
        self._lay_out(*other)
        yield other
        self._lay_out(self.width, self.scheme)

    def _lay_out(self, width: int, scheme: Scheme) -> None:
        self.page.set_viewport_size({"width": width, "height": 800})
        self.page.emulate_media(color_scheme=scheme)

    def _inspect(self, step: str, width: int, scheme: Scheme) -> None:
        before = len(self.faults)
        overflow, violations = self.page.evaluate(INSPECT, AXE)
        where = f"{step} ({width} px, {scheme})"
        if overflow > 0:
            self.faults.append(f"{where}: the page is {overflow} px wider than the screen")
        self.faults += [_said(where, violation) for violation in violations]
        if len(self.faults) > before or os.environ.get("SCREENSHOTS"):
            name = f"{self.name}-{self.looks:02}-{step}-{width}-{scheme}.png"
            self.page.screenshot(path=self.screenshots / name, full_page=True)

    def press_tab_until(self, selector: str, *, at_most: int = 40) -> None:
        """Move the focus by keyboard to `selector`; raise AssertionError where it never gets there."""
        self.page.wait_for_load_state()
        expect(self.page.locator(selector).first).to_be_attached()
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


def colleague(rows: Rows, role: str) -> str:
    """Return the address of a member of staff with `role` alone, who has the password of the first one."""
    email = f"{role}@staff.example.com"
    if not rows.column("SELECT id FROM accounts_user WHERE email = %s", email):
        columns = [column for column in rows.all("SELECT * FROM accounts_user LIMIT 1")[0] if column != "id"]
        own = {"email": "%s", "is_superuser": "FALSE"}
        values = ", ".join(own.get(column, column) for column in columns)
        first = f"INSERT INTO accounts_user ({', '.join(columns)}) SELECT {values} FROM accounts_user WHERE email = %s"
        rows.execute(first, email, STAFF_EMAIL)
        joined = (
            "INSERT INTO accounts_user_groups (user_id, group_id) SELECT u.id, g.id FROM accounts_user u, auth_group g"
        )
        assert rows.execute(f"{joined} WHERE u.email = %s AND g.name = %s", email, role) == 1, f"no role {role}"
    return email


def _said(where: str, violation: Mapping[str, Any]) -> str:
    nodes = [f"    {node['html'][:150]} ({node['failureSummary'][-150:]})" for node in violation["nodes"][:3]]
    return "\n".join([f"{where}: {violation['id']}, {len(violation['nodes'])} times ({violation['help']})", *nodes])
