"""The counter of clicks, at pages with each way of activation, under the strictest policy there is."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.e2e.visitor import Visitor

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
URL = "http://counted.example"
PAGE = """<!doctype html><html lang=en><title>Counted</title>
<a href=/next>Next</a> <label>Agree <input type=checkbox id=agree></label>
<details><summary>More</summary>less</details>
<form><input name=q><select name=s><option>1<option>2</select><button>Find</button></form>
<form id=bare><input name=alone></form>"""
HEADERS = {
    "content-security-policy": "default-src 'none'; form-action 'self'; img-src 'self'",
    "referrer-policy": "same-origin",
}


@pytest.fixture
def visitor(browser: Browser, screenshots: Path) -> Visitor:
    def answer(route: Route) -> None:
        route.fulfill(body=PAGE, content_type="text/html", headers=HEADERS)

    visitor = Visitor(browser, URL, language="en", width=1280, screenshots=screenshots, name="clicks")
    visitor.context.route("**/*", answer)
    visitor.open("/")
    return visitor


def click_each(page: Page, *selectors: str) -> None:
    for selector in selectors:
        page.click(selector)


def test_two_clicks_are_two_and_more_than_allowed_fail(visitor: Visitor) -> None:
    page = visitor.page
    with visitor.clicks(at_most=2, job="two"):
        click_each(page, "summary", "a")
    expected = "too many: 3 clicks, at most 2: click on Next; click on Agree; click on More"
    with pytest.raises(AssertionError, match=expected), visitor.clicks(at_most=2, job="too many"):
        click_each(page, "a", "label", "summary")
    with pytest.raises(AssertionError, match="nothing: 0 clicks"), visitor.clicks(at_most=2, job="nothing"):
        page.evaluate("document.querySelector('label').click()")  # no person did that
    visitor.leave()


def test_page_that_still_loads_is_waited_for(visitor: Visitor) -> None:
    def answer_late(route: Route) -> None:
        visitor.page.wait_for_timeout(300)
        route.fulfill(body="", content_type="image/png")

    visitor.context.route("**/late.png", answer_late)
    visitor.context.route(
        "**/next",
        lambda route: route.fulfill(body=PAGE + "<img src=late.png alt=''>", content_type="text/html", headers=HEADERS),
    )
    with visitor.clicks(at_most=1, job="next"):
        visitor.page.click("a")
        visitor.page.wait_for_url("**/next", wait_until="commit")
    visitor.leave()


def test_each_activation_is_one_and_typing_and_choosing_is_none(visitor: Visitor) -> None:
    page = visitor.page
    for name, act in {
        "label": lambda: page.click("label"),
        "checkbox": lambda: page.check("#agree", force=True),
        "space": lambda: page.press("#agree", "Space"),
        "summary": lambda: page.press("summary", "Enter"),
        "link": lambda: page.press("a", "Enter"),
        "search": lambda: page.press("[name=q]", "Enter"),
        "form without a button": lambda: page.press("[name=alone]", "Enter"),
        "typed address": lambda: page.goto(f"{URL}/by-hand"),
    }.items():
        with visitor.clicks(at_most=1, job=name):
            page.fill("[name=q]", "typed")
            page.click("[name=q]")
            page.select_option("select", index=1)
            act()
        visitor.open("/")
    visitor.leave()
