"""Lists of the console in a browser: cards with the names of their columns on a phone, a table elsewhere; by keyboard
alone a filter that is saved, shared and deleted, and the list as a file.
"""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.test_person_page import buy, visit
from tests.e2e.visitor import Visitor, colleague
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


@pytest.fixture
def owner(app: Embedded, browser: Browser, screenshots: Path) -> Visitor:
    """Return somebody who looks, in Spanish, at the processed event of one person among two."""
    buy(app, "jane.saved@example.com", "off_456")
    buy(app, "jane.other@example.com", "off_456")
    staff = visit(app, browser, screenshots, language="es", width=1280, name="saved")
    return staff.sign_in(f"{EVENTS}?status__exact=processed&q=jane.saved@example.com")


def test_filter_is_saved_shared_used_and_deleted_by_keyboard(
    app: Embedded, browser: Browser, screenshots: Path, owner: Visitor
) -> None:
    page = owner.page
    owner.press_tab_until(".list-tools summary", at_most=60)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Procesados de Jane")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_label("compartido con todo el personal")).to_be_checked()
    owner.look("save")
    page.keyboard.press("Tab")
    with owner.next_page():
        page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("El filtro se guardó como «Procesados de Jane».")
    saved = page.get_by_role("navigation", name="Filtros guardados").get_by_role("link", name="Procesados de Jane")
    expect(saved).to_have_attribute("aria-current", "page")
    owner.look("saved")

    other = visit(app, browser, screenshots, language="es", width=360, name="shared")
    other.sign_in(EVENTS, email=colleague(app.rows, "support"))
    expect(other.page.locator("#result_list tbody tr").nth(1)).to_be_visible()
    other.press_tab_until(".list-tools nav a", at_most=60)
    with other.next_page():
        other.page.keyboard.press("Enter")
    expect(other.page.locator("#result_list tbody tr")).to_have_count(1)
    expect(other.page.locator("#result_list .field-person")).to_contain_text("jane.saved@example.com")
    expect(other.page.locator(".list-tools li button")).to_have_count(0)
    other.look("used")
    other.leave()

    owner.press_tab_until(".list-tools li button", at_most=60)
    with owner.next_page():
        page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("El filtro se eliminó.")
    expect(saved).to_have_count(0)
    owner.leave()


def test_list_is_downloaded_as_it_is_filtered_by_keyboard(owner: Visitor, tmp_path: Path) -> None:
    page = owner.page
    owner.press_tab_until(".list-tools a[download]", at_most=60)
    with page.expect_download() as started:
        page.keyboard.press("Enter")
    assert started.value.suggested_filename.startswith("inboxevent-")
    file = tmp_path / "list.csv"
    started.value.save_as(file)
    assert file.read_bytes().startswith(b"\xef\xbb\xbf"), "by which spreadsheets know the letters"
    heads, *rows = csv.reader(file.read_text(encoding="utf-8-sig").splitlines())
    assert heads[:5] == ["ID", "Recibido", "Proveedor", "Tipo", "Estado"]
    [row] = (dict(zip(heads, row, strict=True)) for row in rows)
    assert (row["Persona"], row["Estado"], row["Proveedor"]) == ("jane.saved@example.com", "procesado", "Kajabi")
    owner.leave()
