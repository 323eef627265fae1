"""The page of an issue about changed events in real processes, at each width and in both languages."""

import sys
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import LAYOUTS, Visitor
from tests.harness import Embedded
from tests.harness.process import ROOT, run_to_end

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
FILL = """
from django.utils import timezone
from integrations.inbox.models import InboxEvent
from integrations.operations.drift import sweep
from integrations.registry import provider
endpoint = provider("kajabi").endpoints[0].name
for number in range(31):
    member = {"id": "mem_1", "email": f"jane{number}@example.com", "first_name": "Jane", "last_name": "Rivera"}
    offer = {"id": "off_456", "name": "Annual"}
    if number >= 25:
        member["mail"] = member.pop("email")
        offer["id"] = {"value": 456}
    payload = {"type": "offer.purchased", "id": f"evt_{number}", "member": member, "offer": offer}
    InboxEvent.objects.create(
        provider="kajabi", endpoint=endpoint, key=f"nssa:evt_{number}", event_type="offer.purchased", body=b"{}",
        payload=payload, status="processed", received_at=timezone.now(), finished_at=timezone.now(),
        next_attempt_at=None, external_id=f"evt_{number}",
    )
sweep.sweep(seconds=60)
"""


@pytest.fixture(scope="module")
def filled(app: Embedded) -> Embedded:
    run_to_end([sys.executable, ROOT / "manage.py", "shell", "-c", FILL], env=app.env)
    return app


@pytest.mark.parametrize(("language", "width"), LAYOUTS, ids=lambda value: str(value))
def test_issue_of_changed_events_fits_and_is_accessible(
    filled: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    visitor = Visitor(browser, filled.url, language=language, width=width, screenshots=screenshots, name="drift")
    page = visitor.sign_in().page
    visitor.open("/admin/integrations/issue/?kind__exact=drift&status__exact=open")
    visitor.look_twice("issues")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.locator("#result_list tbody tr th a").first.click()
    page.wait_for_url("**/change/**")
    visitor.look_twice("issue")
    expect(page.locator(".field-path").first).to_be_visible()
    visitor.press_tab_until('.object-tools a[href*="/act/accept/"]', at_most=80)
    page.keyboard.press("Enter")
    page.wait_for_url("**/act/accept/**")
    visitor.look_twice("accept")
    visitor.leave()
