"""docs/adding-a-provider.md, followed literally in a copy of the sources: one new folder, and its webhook works."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.harness.embedded import answers_health
from tests.harness.environment import STAFF_EMAIL, STAFF_PASSWORD, environment
from tests.harness.process import ROOT, free_port, wait_until
from tests.harness.rows import Rows

pytestmark = pytest.mark.embedded
PAGE = (ROOT / "docs" / "adding-a-provider.md").read_text(encoding="utf-8")
FOLDER = "integrations/providers/acme"
FILES = re.findall(rf"^`({FOLDER}/\S+)`\n\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
COMMANDS = re.findall(r"^```bash\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


class Copy:
    """Copy of the sources, with the environment of an installation that runs from it."""

    def __init__(self, directory: Path) -> None:
        self.root, self.port = directory / "enlace", free_port()
        self.env = environment(directory / "var", self.port, ACME_WEBHOOK_SECRET="a-secret-of-acme-for-tests-only")
        self.url = self.env["FRONTEND_URL"]
        self.rows = Rows(directory / "var" / "db.sqlite3")
        names = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.check_output(names, cwd=ROOT, text=True).split("\0"):
            if name and name != ".venv" and (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                (self.root / name).write_bytes((ROOT / name).read_bytes())

    def follow(self, command: str) -> str:
        """Run a command of the page, and return its output; AssertionError where it fails."""
        command = command.replace(".venv/bin/python", sys.executable)
        done = subprocess.run(
            ["bash", "-euc", command], cwd=self.root, env=self.env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    made = Copy(tmp_path_factory.mktemp("provider"))
    before = set(made.root.rglob("*"))
    make_folder, *_others = COMMANDS
    made.follow(make_folder)
    for name, text in FILES:
        (made.root / name).write_text(text, encoding="utf-8")
    outside = {path for path in set(made.root.rglob("*")) - before if FOLDER not in path.as_posix()}
    assert outside == set(), "one folder and nothing else"
    return made


@pytest.fixture(scope="module")
def running(copy: Copy) -> Iterator[Copy]:
    log = copy.root.parent / "run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "run"], cwd=copy.root, env=copy.env, stdout=output, stderr=output
        )
    try:
        wait_until(lambda: answers_health(copy.port) or process.poll(), seconds=90, what="it serves")
        assert process.poll() is None, log.read_text()
        yield copy
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def test_code_of_the_page_passes_its_test_and_the_linter(copy: Copy) -> None:
    _make_folder, run_test, _simulate = COMMANDS
    assert "1 passed" in copy.follow(run_test)
    copy.follow(f".venv/bin/python -m ruff check {FOLDER} && .venv/bin/python -m ruff format --check {FOLDER}")


def test_sample_becomes_a_contact_in_console_and_docs(running: Copy) -> None:
    _make_folder, _run_test, simulate = COMMANDS
    assert "→ 200" in running.follow(simulate)

    processed = "SELECT id FROM integrations_inboxevent WHERE provider = 'acme' AND status = 'processed'"
    wait_until(lambda: running.rows.value(processed), seconds=30, what="the event is processed")
    contact = running.rows.all("SELECT email, first_name, last_name FROM accounts_contact")
    assert [tuple(row.values()) for row in contact] == [("ana@example.com", "Jane", "Rivera")]

    assert "/acme/webhooks" in requests.get(f"{running.url}/api/schema?format=json", timeout=30).json()["paths"]
    session = requests.Session()
    form = session.get(f"{running.url}/admin/login/", timeout=30).text
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
    assert token
    signed_in = session.post(
        f"{running.url}/admin/login/",
        data={"username": STAFF_EMAIL, "password": STAFF_PASSWORD, "csrfmiddlewaretoken": token[1]},
        timeout=30,
    )
    assert signed_in.ok
    events = session.get(f"{running.url}/admin/integrations/inboxevent/?provider=acme", timeout=30)
    assert events.ok
    assert "customer.changed" in events.text
    assert "Acme" in events.text


def test_unsigned_webhook_is_refused(running: Copy) -> None:
    answer = requests.post(
        f"{running.url}/acme/webhooks", json={"type": "customer.changed", "id": "forged"}, timeout=30
    )
    assert answer.status_code in (401, 403)
