"""/docs in a browser, at desk and phone size: every provider's webhooks with their examples."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import Visitor
from tests.harness import Embedded

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]


def test_api_description_renders_and_opens(browser: Browser, app: Embedded, screenshots: Path) -> None:
    visitor = Visitor(browser, app.url, language="en", width=360, screenshots=screenshots, name="docs")
    page = visitor.page
    visitor.record_requests()
    visitor.open("/docs")
    for tag in ("Kajabi", "Chatwoot", "GoHighLevel", "NowCerts", "Staff", "Front ends", "Monitoring", "Mail"):
        expect(page.locator(f"h3[data-tag='{tag}']")).to_be_visible()
    page.locator("#operations-Kajabi-webhook_kajabi_relay .opblock-summary-control").click()
    expect(page.locator("#operations-Kajabi-webhook_kajabi_relay .opblock-section-request-body")).to_contain_text(
        "offer.purchased"
    )
    # Swagger UI breaks rules of its own that axe knows; that it fits the screen and needs nothing that our policy
    # refuses is looked at here.
    for width in (380, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert {request.url.split("/")[2] for request in visitor.requests if request.url.startswith("http")} == {
        app.url.split("/")[2]
    }
    visitor.leave()
