"""The pictures of README.md and docs/, made of the demo:

python -m tests.screenshots [folder]
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from tests.e2e.conftest import CHROMIUM_ARGUMENTS
from tests.harness.embedded import Embedded
from tests.harness.environment import STAFF_EMAIL, STAFF_PASSWORD, WEBHOOK_TOKEN
from tests.harness.migrated import copy_file
from tests.harness.process import ROOT, run_to_end

SIZE: ViewportSize = {"width": 1280, "height": 1240}
CONNECTED = {f"{name}_WEBHOOK_TOKEN": WEBHOOK_TOKEN for name in ("NOWCERTS", "GHL", "CHATWOOT")}
# Somebody with something to decide: they bought what no plan sells.
FOUND = """
from integrations.inbox.models import InboxEvent
event = InboxEvent.objects.filter(status="unmatched", event_type="purchase.created").latest("pk")
print(event.person_email, event.pk)
"""


def main(folder: Path) -> None:
    """Write the pictures into `folder`."""
    with tempfile.TemporaryDirectory() as directory:
        app = Embedded(Path(directory), **CONNECTED)
        copy_file(app.var_dir / "db.sqlite3")
        run_to_end([sys.executable, ROOT / "manage.py", "demo"], env=app.env, seconds=600)
        found = run_to_end([sys.executable, ROOT / "manage.py", "shell", "-v", "0", "-c", FOUND], env=app.env)
        person, event = found.split()[-2:]
        app.start()
        try:
            _take(app.url, folder, person=person, event=event)
        finally:
            app.kill()


def _take(url: str, folder: Path, *, person: str, event: str) -> None:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS) as browser,
    ):
        page = browser.new_page(viewport=SIZE, locale="en-US", color_scheme="light")
        page.goto(f"{url}/admin/")
        page.fill("input[name=username]", STAFF_EMAIL)
        page.fill("input[name=password]", STAFF_PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{url}/admin/")
        pages = {
            "home": "/admin/",
            "person": f"/admin/search/?q={person}",
            "connections": "/admin/connections/",
            "review": "/admin/review/",
            "event": f"/admin/integrations/inboxevent/{event}/change/",
        }
        for name, path in pages.items():
            page.goto(url + path)
            page.screenshot(path=folder / f"{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
