"""The daily close in real processes: the command's exit code, and the pages at each width and in both languages."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.visitor import LAYOUTS, Visitor
from tests.harness import Embedded
from tests.harness.process import ROOT, run_to_end

pytestmark = [pytest.mark.e2e, pytest.mark.embedded]
DAY = datetime.now(UTC).date() - timedelta(days=1)  # the same one, though midnight passes while the tests run
FILL = f"""
from datetime import date, timedelta
from django.utils import timezone
from core.days import span_of
from integrations import registry
from integrations.inbox.models import DeliveryCount, InboxEvent
from integrations.reconcile.models import SyncRun
from integrations.operations import closing
now = timezone.now()
for back in range(3):
    day = date.fromisoformat("{DAY}") - timedelta(days=back)
    begin, _end = span_of(day)
    DeliveryCount.objects.create(provider="kajabi", day=day, events=0 if back else 14, repeated=3, began_at=begin)
    statuses = ["processed"] * 8 + ["ignored", "ignored", "unmatched", "failed"]
    for number, status in enumerate(statuses):
        InboxEvent.objects.create(
            provider="kajabi", key=f"c{{back}}-{{number}}", event_type="offer.purchased", body=b"{{}}", payload={{}},
            status=status, received_at=begin, finished_at=begin, next_attempt_at=None,
            reason="unknown type site.updated" if status == "ignored" else "",
        )
window = dict(window_from=now - timedelta(hours=2), window_to=now, finished_at=now, next_attempt_at=None)
SyncRun.objects.create(provider="kajabi", kind="incremental", status="done", cause="test", stage="customers", **window)
closing.close(registry.provider("kajabi"), date.fromisoformat("{DAY}"))
"""


def close(app: Embedded, *options: str) -> subprocess.CompletedProcess[str]:
    day = () if "--date" in options else ("--date", str(DAY))
    command = [sys.executable, str(ROOT / "manage.py"), "close", "--provider", "kajabi", *day, *options]
    return subprocess.run(command, env=dict(app.env), cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def filled(own: Embedded) -> Embedded:
    run_to_end([sys.executable, ROOT / "manage.py", "shell", "-c", FILL], env=own.env)
    return own


def test_command_says_by_its_exit_code_whether_the_day_balances(filled: Embedded) -> None:
    told = close(filled, "--json")
    assert told.returncode == 1, told.stderr
    (row,) = json.loads(told.stdout)
    assert (row["state"], row["received"], row["lost"], row["differences"]) == ("differs", 17, 2, {"lost": 2})
    assert row["ignored_reasons"] == {"unknown type site.updated": 2}
    text = close(filled)
    assert (text.returncode, "differs: 2 events were received" in text.stdout) == (1, True), text.stdout
    early = close(filled, "--date", "2999-01-01")
    assert (early.returncode, "has not ended" in early.stderr) == (1, True), early.stderr
    assert close(filled, "--date", "yesterday").returncode == 2


@pytest.mark.parametrize(("language", "width"), LAYOUTS)
def test_pages_fit_and_are_accessible(
    filled: Embedded, browser: Browser, screenshots: Path, language: str, width: int
) -> None:
    visitor = Visitor(browser, filled.url, language=language, width=width, screenshots=screenshots, name="close")
    page = visitor.sign_in("/admin/integrations/dailyclose/").page
    page.locator("details.explanation summary").click()
    visitor.look_twice("explained")
    visitor.press_tab_until("td.field-repair a", at_most=80)
    page.keyboard.press("Enter")
    page.wait_for_url("**/act/heal/")
    visitor.look_twice("heal")
    visitor.open("/admin/integrations/dailyclose/")
    page.locator("th a").first.click()
    page.wait_for_url("**/change/")
    visitor.look_twice("day")
    visitor.leave()


def test_heal_by_keyboard_starts_the_repair_and_the_day_is_healed(
    filled: Embedded, browser: Browser, screenshots: Path
) -> None:
    visitor = Visitor(browser, filled.url, language="en", width=1280, screenshots=screenshots, name="heal")
    page = visitor.sign_in("/admin/integrations/dailyclose/?state__exact=differs").page
    visitor.press_tab_until("td.field-repair a", at_most=80)
    page.keyboard.press("Enter")
    page.wait_for_url("**/act/heal/")
    visitor.press_tab_until("input[type=submit].default")
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist")).to_contain_text("The list is read again from the beginning of the day")
    visitor.look("started")
    visitor.leave()
    healed = close(filled, "--heal")
    assert healed.returncode == 0, healed.stdout + healed.stderr
    assert "Kajabi" in healed.stdout
    assert ": healed" in healed.stdout
