"""The demo in a browser, and on it every page of the console, as each role that may open it.

CI looks at each page at 360 px in the dark or at 1280 px in the light, in the languages and as the roles in turn, and
whether it fits the other width too; the other roles open it without a browser. CHAOS=long looks at every page in every
way as everybody. No test names the pages: `console_pages` knows them.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.console_pages import ERROR, SUPERUSER
from tests.e2e.visitor import LAYOUTS, SCHEMES, Scheme, Visitor, colleague
from tests.harness import Embedded, embedded
from tests.harness.environment import IS_LONG, STAFF_EMAIL
from tests.harness.process import ROOT, run_to_end

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
ROLES = ("operator", "support", "auditor")
WORDS = {
    "en": ("Nothing has come in yet", "This is a demo"),
    "es": ("Aún no ha llegado nada", "Esto es una demostración"),
}
KEYBOARD = Path(__file__).with_name("keyboard.js").read_text()
# What is beside the screen: of the page itself, and on a wide one in boxes that would have to be scrolled.
CUT = """() => {
  const boxes = innerWidth > 767 ? document.querySelectorAll(".results, .inline-group, .compared") : [];
  return [document.documentElement, ...boxes].filter(box => box.scrollWidth > box.clientWidth).map(
    box => `at ${innerWidth} px the right side of ${box.id || box.className || box.tagName} is not seen`);
}"""
# Of a long list: axe reads each row, and the seventh breaks no rule that six keep.
SHORTEN = "() => document.querySelectorAll('#result_list tbody tr:nth-child(n + 7)').forEach(row => row.remove())"
# Where the keyboard stops: how many places there are, and at which of them the focus is (-1 elsewhere, null at none).
PLACES = """[...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary"
)].filter(element =>
  element.checkVisibility({ checkVisibilityCSS: true }) && element.tabIndex >= 0 && !element.disabled)"""
STOPS = f"() => {{ window.places = {PLACES}; window.places[0].focus(); return window.places.length; }}"
STOP = """() => document.activeElement === document.body ? null : window.places.indexOf(document.activeElement)"""
# The lists whose last column is why somebody opens them, and what stands there in the demo.
LAST_COLUMNS = [
    ("/admin/integrations/inboxevent/", "why", "La oferta «Summer Workshop» no tiene plan: elige uno"),
    ("/admin/integrations/outgoingwrite/", "error", ERROR[:79]),
    ("/admin/accounts/emailmessage/", "error", ERROR[:79]),
    ("/admin/accounts/completion/", "member", "@demo.example"),
    ("/admin/accounts/contactchange/", "why", "INSURED_UPDATE"),
]
READ = """cells => cells.map(cell => [cell.getBoundingClientRect().right,
  cell.scrollWidth > cell.clientWidth || getComputedStyle(cell).textOverflow === "ellipsis"])"""


@dataclass(frozen=True, kw_only=True)
class Walked:
    """A page of the console; `name` is its URL's."""

    name: str
    path: str
    roles: Sequence[str]


def run(app: Embedded, *arguments: str) -> str:
    return run_to_end([sys.executable, ROOT / "manage.py", *arguments], env=app.env)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    with embedded(tmp_path_factory.mktemp("demo")) as started:
        yield started


@pytest.fixture(scope="module")
def demo(empty: Embedded) -> Embedded:
    before = set(empty.mail_files)
    run(empty, "demo", "--members", "12", "--days", "20")
    sent = [path.read_text() for path in empty.mail_files if path not in before]
    assert all(f"To: {STAFF_EMAIL}" in mail for mail in sent), "nothing to anybody of the demo"
    return empty


@pytest.fixture(scope="module")
def pages(demo: Embedded) -> list[Walked]:
    """Return every page, on rows of the demo and one of each other kind; there are staff of each role."""
    for role in ROLES:
        colleague(demo.rows, role)
    script = "from tests.e2e import console_pages; console_pages.fill(); console_pages.tell()"
    found = [Walked(**page) for page in json.loads(run(demo, "shell", "-v", "0", "-c", script).splitlines()[-1])]
    assert len(found) > 150
    return found


def visit(
    app: Embedded, browser: Browser, screenshots: Path, role: str, *, language: str, width: int, scheme: Scheme
) -> Visitor:
    """Return somebody of the role, on a page that costs little."""
    visitor = Visitor(
        browser, app.url, language=language, width=width, screenshots=screenshots, name=role, scheme=scheme
    )
    return visitor.sign_in("/admin/password_change/done/", email=address_of(app, role))


def address_of(app: Embedded, role: str) -> str:
    return STAFF_EMAIL if role == SUPERUSER else colleague(app.rows, role)


# The demo: offered where nothing is there, made beside the running server, said on every page ------------------------


def test_demo_is_offered_where_nothing_is_there(empty: Embedded, browser: Browser, screenshots: Path) -> None:
    assert "manage.py demo" in empty.log
    for language, width in LAYOUTS:
        visitor = Visitor(
            browser, empty.url, language=language, width=width, screenshots=screenshots, name="demo-offer"
        )
        expect(visitor.sign_in().page.get_by_text(WORDS[language][0])).to_be_visible()
        visitor.look_twice("home")
        visitor.leave()


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_demo_is_said_on_its_pages(
    demo: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    visitor = visit(demo, browser, screenshots, SUPERUSER, language=language, width=width, scheme=SCHEMES[language])
    for path in ("/admin/", "/admin/accounts/contact/", "/admin/integrations/inboxevent/"):
        visitor.open(path)
        expect(visitor.page.get_by_text(WORDS[language][1])).to_be_visible()
    visitor.leave()


# Every page ----------------------------------------------------------------------------------------------------------


Way = tuple[str, str, int, Scheme]  # as whom, in which language, at which width and in which colours
LANGUAGES, WIDTHS = ("en", "es"), (360, 1280)
IN_CI: Mapping[int, Scheme] = {360: "dark", 1280: "light"}


def ways(number: int, page: Walked) -> Iterator[Way]:
    """Yield the ways in which the page of this number is looked at."""
    if IS_LONG:
        yield from product(page.roles, LANGUAGES, WIDTHS, IN_CI.values())
    elif not page.name.endswith("_history"):  # they share one template: another test opens them
        width = WIDTHS[number // 8 % 2]
        yield page.roles[number % len(page.roles)], LANGUAGES[number // 4 % 2], width, IN_CI[width]


def test_every_page_fits_and_is_accessible_and_reached_by_keyboard(
    demo: Embedded, pages: list[Walked], browser: Browser, screenshots: Path
) -> None:
    walks: dict[Way, list[Walked]] = defaultdict(list)
    for number, page in enumerate(pages):
        for way in ways(number, page):
            walks[way].append(page)
    wrong: list[str] = []
    for (role, language, width, scheme), walked in walks.items():
        visitor = visit(demo, browser, screenshots, role, language=language, width=width, scheme=scheme)
        for page in walked:
            where = f"{page.name} as {role} in {language}"
            answer = visitor.page.goto(demo.url + page.path)
            assert answer is not None
            if answer.status == 200:
                cut = visitor.page.evaluate(CUT)
                if not IS_LONG:
                    with visitor.otherwise():
                        cut += visitor.page.evaluate(CUT)
                wrong += [f"{where}: {fault}" for fault in cut]
                visitor.page.evaluate(SHORTEN)
                wrong += [f"{where}: {fault}" for fault in visitor.page.evaluate(KEYBOARD)]
                visitor.look(where)
            else:
                wrong.append(f"{where}: {answer.status}")
        wrong += [*visitor.faults, *visitor.complaints]
        visitor.context.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", ["/admin/", "/admin/accounts/plan/add/"])
def test_tab_goes_through_a_whole_page_in_its_order(
    demo: Embedded, browser: Browser, screenshots: Path, path: str
) -> None:
    visitor = visit(demo, browser, screenshots, SUPERUSER, language="es", width=1280, scheme="light")
    visitor.open(path)
    expected = visitor.page.evaluate(STOPS)
    assert expected > 20
    reached = [visitor.page.evaluate(STOP)]
    for _ in range(2 * expected):
        visitor.page.keyboard.press("Tab")
        place = visitor.page.evaluate(STOP)
        if place is None:
            break
        if place >= 0 and place not in reached[-1:]:  # a box that scrolls is a stop, and a date has several
            reached.append(place)
    assert reached == list(range(expected))
    visitor.leave()


def test_last_column_of_each_list_is_read_at_1280_px(
    demo: Embedded, pages: list[Walked], browser: Browser, screenshots: Path
) -> None:
    visitor = visit(demo, browser, screenshots, SUPERUSER, language="es", width=1280, scheme="light")
    for path, column, text in LAST_COLUMNS:
        visitor.open(path)
        cells = visitor.page.locator(f"#result_list tbody .field-{column}")
        assert any(text in shown for shown in cells.all_inner_texts()), f"{path}: {cells.all_inner_texts()}"
        for right, has_more in cells.evaluate_all(READ):
            assert right <= 1280, f"{path}: {column} ends at {right} px"
            assert not has_more, f"{path}: {column} is cut"
    visitor.leave()


@pytest.mark.parametrize("role", [SUPERUSER, *ROLES])
def test_each_role_opens_its_pages(
    demo: Embedded, pages: list[Walked], browser: Browser, screenshots: Path, role: str
) -> None:
    visitor = visit(demo, browser, screenshots, role, language="es", width=1280, scheme="light")
    refused = []
    for number, page in enumerate(pages):
        is_looked_at = any(way[0] == role for way in ways(number, page))
        if role in page.roles and not is_looked_at and (role == SUPERUSER or not page.name.endswith("_history")):
            answer = visitor.context.request.get(demo.url + page.path, max_redirects=0)
            if answer.status != 200:
                refused.append(f"{page.name}: {answer.status}")
            answer.dispose()
    visitor.leave()
    assert not refused, "\n".join(refused)


def test_demo_is_removed(demo: Embedded, browser: Browser, screenshots: Path) -> None:
    """The last test of the file: the others look at the demo."""
    assert "The demo is removed" in run(demo, "demo", "--clear")
    visitor = Visitor(browser, demo.url, language="en", width=1280, screenshots=screenshots, name="cleared").sign_in()
    expect(visitor.page.get_by_text(WORDS["en"][0])).to_be_visible()
    visitor.leave()
