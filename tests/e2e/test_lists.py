"""Lists of the console in a browser: cards with the names of their columns on a phone, a table elsewhere."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.test_person_page import buy, visit
from tests.harness import Embedded

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
EVENTS = "/admin/integrations/inboxevent/"


def test_list_is_of_cards_on_a_phone(app: Embedded, browser: Browser, screenshots: Path) -> None:
    buy(app, "jane.cards@example.com", "off_456")
    staff = visit(app, browser, screenshots, language="es", width=360, name="cards")
    staff.sign_in(f"{EVENTS}?q=jane.cards@example.com")
    state = staff.page.locator("#result_list td.field-state")
    expect(state).to_contain_text("procesado")
    label = state.evaluate("cell => getComputedStyle(cell, '::before').content")
    assert label == '"ESTADO"' or label.casefold() == '"estado"'
    cells = [cell.bounding_box() for cell in staff.page.locator("#result_list tbody td, #result_list tbody th").all()]
    edges = [(box["y"], box["x"] + box["width"]) for box in cells if box is not None]
    assert len({top for top, _right in edges}) == len(cells), "one value a line"
    assert all(right <= 360 for _top, right in edges), "and nothing beside the screen"
    staff.look("events")
    staff.leave()


def test_list_is_a_table_on_a_wide_screen(app: Embedded, browser: Browser, screenshots: Path) -> None:
    buy(app, "jane.table@example.com", "off_456")
    staff = visit(app, browser, screenshots, language="en", width=1280, name="table")
    staff.sign_in(f"{EVENTS}?q=jane.table@example.com")
    cells = staff.page.locator("#result_list tbody td").all()
    assert len({box["y"] for cell in cells if (box := cell.bounding_box())}) == 1, "one row"
    staff.look("events")
    staff.leave()
