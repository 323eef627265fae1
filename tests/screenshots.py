"""The README's two pictures, home and a person, made of the demo:

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
PERSON = """
from integrations.inbox.models import InboxEvent
print(InboxEvent.objects.filter(status="unmatched", event_type="purchase.created").latest("pk").person_email)
"""


def main(folder: Path) -> None:
    """Write home.png and person.png into `folder`."""
    with tempfile.TemporaryDirectory() as directory:
        app = Embedded(Path(directory), **CONNECTED)
        copy_file(app.var_dir / "db.sqlite3")
        run_to_end([sys.executable, ROOT / "manage.py", "demo"], env=app.env)
        person = run_to_end([sys.executable, ROOT / "manage.py", "shell", "-v", "0", "-c", PERSON], env=app.env)
        app.start()
        try:
            _take(app.url, folder, person=person.split()[-1])
        finally:
            app.kill()


def _take(url: str, folder: Path, *, person: str) -> None:
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
        page.screenshot(path=folder / "home.png")
        page.goto(f"{url}/admin/search/?q={person}")
        page.screenshot(path=folder / "person.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
