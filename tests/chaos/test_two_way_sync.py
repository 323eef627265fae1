"""Requirements of the sync of NowCerts and GoHighLevel, between real processes over real HTTP."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import gohighlevel, nowcerts
from tests.fakes.http_server import Hang, Lost, Reset
from tests.harness import Embedded, Rows, embedded, production, wait_until
from tests.harness.failpoints import LEASE_SECONDS, with_failpoints
from tests.harness.fake_sides import GHL_HOOK, GHL_TOKEN, NOWCERTS_HOOK, NOWCERTS_TOKEN, FakeSides, fake_sides, post
from tests.harness.process import ROOT
from tests.harness.tokens import API_TOKEN, store_token

JUAN = {
    "event_type": "INSURED_INSERT",
    "timestamp": "2024-01-15T10:30:00Z",
    "data": {
        "firstName": "Juan",
        "lastName": "Pérez",
        "email": "juan@example.com",
        "phone": "+13055550101",
        "address": {"street": "123 Main St", "city": "Miami", "state": "FL", "zip": "33101"},
    },
}
MARIA = {
    "event": "contact.created",
    "contact": {
        "firstName": "María",
        "lastName": "González",
        "email": "maria@example.com",
        "phone": "+14075550102",
        "address1": "456 Oak Ave",
        "city": "Orlando",
        "state": "FL",
        "postalCode": "32801",
    },
    "locationId": "abc123",
}
OPEN_ROWS = (
    "SELECT (SELECT COUNT(*) FROM integrations_inboxevent WHERE status = 'pending')"
    " + (SELECT COUNT(*) FROM integrations_contactrefresh WHERE status = 'pending')"
    " + (SELECT COUNT(*) FROM integrations_outgoingwrite WHERE status = 'pending')"
)

EXTERNAL_ID = "SELECT external_id FROM integrations_outgoingwrite WHERE id = %s"


@pytest.fixture(scope="module")
def sides() -> Iterator[FakeSides]:
    with fake_sides() as made:
        yield made


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, sides: FakeSides) -> Iterator[Embedded]:
    """Run an installation between the two fakes, with a token of staff; no webhooks are sent automatically."""
    with embedded(tmp_path_factory.mktemp("sync"), **sides.environment) as started:
        store_token(started)
        yield started


def with_email(records: dict[str, Any], email: str) -> list[Any]:
    """Return the records of either side with this address."""
    return [one for one in list(records.values()) if (one.get("eMail") or one.get("email")) == email]


def only_record(records: dict[str, Any], email: str, *, seconds: float = 60) -> Any:
    """Wait for the only record with this address and return it."""
    found = wait_until(lambda: with_email(records, email), seconds=seconds, what=f"a record of {email}")
    assert len(found) == 1, found
    return found[0]


def wait_until_done(rows: Rows, *, seconds: float = 60) -> None:
    wait_until(lambda: rows.value(OPEN_ROWS) == 0, seconds=seconds, what="no pending rows")


def writes_of(rows: Rows, email: str) -> list[dict[str, Any]]:
    return rows.all(
        "SELECT w.* FROM integrations_outgoingwrite w JOIN accounts_contact c ON c.id = w.contact_id"
        " WHERE c.email = %s ORDER BY w.id",
        email,
    )


def is_done(rows: Rows, key: int) -> bool:
    return bool(rows.value("SELECT status FROM integrations_outgoingwrite WHERE id = %s", key) == "done")


def insured(email: str, **values: Any) -> dict[str, Any]:
    return {"event_type": "INSURED_INSERT", "data": {"firstName": "Ana", "email": email, **values}}


# The checklist --------------------------------------------------------------------------------------------------------


def test_nowcerts_webhook_creates_a_complete_contact_in_gohighlevel(app: Embedded, sides: FakeSides) -> None:
    answer = post(app.url, NOWCERTS_HOOK, JUAN)
    assert (answer.status, answer.json()["success"]) == (200, True)
    assert re.fullmatch(r"nowcerts_[0-9a-f]{64}", answer.json()["event_id"])
    contact = only_record(sides.ghl.contacts, "juan@example.com")
    names = ("firstName", "lastName", "phone", "address1", "city", "state", "postalCode", "source", "locationId")
    assert {name: contact[name] for name in names} == {
        "firstName": "Juan",
        "lastName": "Pérez",
        "phone": "+13055550101",
        "address1": "123 Main St",
        "city": "Miami",
        "state": "FL",
        "postalCode": "33101",
        "source": "NowCerts",
        "locationId": gohighlevel.LOCATION_ID,
    }
    (written,) = writes_of(app.rows, "juan@example.com")
    wait_until(lambda: is_done(app.rows, written["id"]), seconds=60, what="the write is done")
    (written,) = writes_of(app.rows, "juan@example.com")
    assert (written["provider"], written["operation"], written["external_id"]) == (
        "gohighlevel", "create", contact["id"]
    )  # fmt: skip


def test_gohighlevel_webhook_creates_a_complete_insured_in_nowcerts(app: Embedded, sides: FakeSides) -> None:
    answer = post(app.url, GHL_HOOK, MARIA)
    assert (answer.status, answer.json()["success"]) == (200, True)
    made = only_record(sides.nowcerts.insureds, "maria@example.com")
    names = ("firstName", "lastName", "phone", "addressLine1", "city", "state", "zipCode")
    assert {name: made[name] for name in (*names, "referralSourceCompanyName")} == {
        "firstName": "María",
        "lastName": "González",
        "phone": "+14075550102",
        "addressLine1": "456 Oak Ave",
        "city": "Orlando",
        "state": "FL",
        "zipCode": "32801",
        "referralSourceCompanyName": "GHL",
    }


def test_duplicate_is_refused_with_409_and_changes_nothing(app: Embedded, sides: FakeSides) -> None:
    first = post(app.url, NOWCERTS_HOOK, insured("twice@example.com"))
    again = post(app.url, NOWCERTS_HOOK, insured("twice@example.com"))
    assert (first.status, again.status) == (200, 409)
    assert again.json() == {"detail": f"Evento ya procesado: {first.json()['event_id']}"}
    only_record(sides.ghl.contacts, "twice@example.com")
    assert len(writes_of(app.rows, "twice@example.com")) == 1


def test_tokens_are_renewed_after_a_401_and_at_their_end(app: Embedded, sides: FakeSides) -> None:
    def write_one(number: int) -> list[str]:
        """Write one contact; return the token grants that NowCerts received meanwhile."""
        before = len(sides.nowcerts.grants)
        post(app.url, GHL_HOOK, {"event": "contact.created", "contact": {"email": f"token{number}@example.com"}})
        only_record(sides.nowcerts.insureds, f"token{number}@example.com")
        return sides.nowcerts.grants[before:]

    write_one(0)
    assert write_one(1) == [], "a token that is good is used again"
    sides.nowcerts.token_life = 1
    sides.nowcerts.expire_tokens()
    assert write_one(2)[:1] == ["refresh_token"]
    sides.nowcerts.token_life = 86_399
    time.sleep(1)
    sides.nowcerts.exchanges.clear()
    assert len(write_one(3)) == 1
    answers = [exchange.answer for exchange in sides.nowcerts.exchanges]
    assert {answer.status for answer in answers if answer} == {200}, "it was renewed before it was used"


def test_temporary_failure_is_retried_until_it_succeeds_once(app: Embedded, sides: FakeSides) -> None:
    away = gohighlevel.Answer(status=503, body=b"{}")
    sides.ghl.misbehave(away, Reset(), away, on="/contacts")
    sides.ghl.misbehave(Lost(), on="/contacts/search/duplicate")
    post(app.url, NOWCERTS_HOOK, insured("patient@example.com"))
    only_record(sides.ghl.contacts, "patient@example.com", seconds=60)
    wait_until(
        lambda: [row["status"] for row in writes_of(app.rows, "patient@example.com")] == ["done"],
        seconds=60,
        what="the write is done",
    )


def test_errors_are_named_and_stored_for_staff(app: Embedded, sides: FakeSides) -> None:
    unreadable = post(app.url, NOWCERTS_HOOK, {"event_type": "INSURED_INSERT", "data": {"email": {"home": 1}}})
    assert (unreadable.status, unreadable.json()["detail"][0]["loc"]) == (422, ["body", "data", "eMail"])
    assert post(app.url, NOWCERTS_HOOK, b"{").status == 422
    for wrong in ("", "a-token-that-is-wrong"):
        assert post(app.url, NOWCERTS_HOOK, insured("stranger@example.com"), token=wrong).status == 403
    sides.nowcerts.misbehave(nowcerts.failure("State is not valid"), on="/api/Insured/OnlyInsertInsured")
    post(app.url, GHL_HOOK, {"event": "contact.created", "contact": {"email": "refused@example.com"}})

    def failed() -> list[dict[str, Any]]:
        return [row for row in writes_of(app.rows, "refused@example.com") if row["status"] == "failed"]

    (write,) = wait_until(failed, seconds=60, what="the write has failed")
    assert "State is not valid" in write["last_error"]
    assert with_email(sides.nowcerts.insureds, "refused@example.com") == []
    assert app.rows.value("SELECT COUNT(*) FROM accounts_contact WHERE email = 'stranger@example.com'") == 0


def test_sync_leaves_log_lines_and_rows(app: Embedded, sides: FakeSides) -> None:
    """Expect, beside the log, every body, attempt and call with its answer as rows for the console."""
    assert "webhook refused" in app.log
    assert "State is not valid" in app.log
    for secret in (gohighlevel.API_KEY, nowcerts.PASSWORD, NOWCERTS_TOKEN, GHL_TOKEN, "access-1-of-the-fake"):
        assert secret not in app.log
    event = app.rows.all("SELECT * FROM integrations_inboxevent WHERE person_email = 'juan@example.com'")[0]
    assert json.loads(event["payload"]) == JUAN
    (attempt,) = app.rows.all("SELECT * FROM integrations_inboxattempt WHERE event_id = %s", event["id"])
    assert attempt["outcome"] == "done"
    (write,) = writes_of(app.rows, "juan@example.com")
    assert json.loads(write["request"])["body"]["email"] == "juan@example.com"
    assert json.loads(write["response"])["contact"]["id"] == write["external_id"]


def commands_of(section: str) -> list[str]:
    """Return the curl commands of a section of README.md, in order."""
    text = (ROOT / "README.md").read_text().split(f"## {section}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    commands = (command for block in blocks for command in re.split(r"\n\n(?=curl )", block.strip()))
    return [command for command in commands if command.startswith("curl ")]


def test_readme_commands_have_the_documented_effect(app: Embedded, sides: FakeSides) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    variables = {
        "PATH": os.environ["PATH"],
        "NOWCERTS_WEBHOOK_TOKEN": NOWCERTS_TOKEN,
        "GHL_WEBHOOK_TOKEN": GHL_TOKEN,
        "ENLACE_TOKEN": API_TOKEN,
    }
    answers = []
    for command in commands_of("NowCerts and GoHighLevel"):
        script = command.replace("http://localhost:8000", app.url)
        script = script.replace("curl ", r"curl --silent --show-error --write-out '\n%{http_code}' ", 1)
        done = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        body, _, status = done.stdout.rpartition("\n")
        answers.append((int(status), json.loads(body)))
    (health, from_nowcerts, from_ghl, by_hand, first, again) = answers
    assert (health[0], health[1]["status"]) in [(200, "ok"), (200, "healthy")]
    for status, answer_data in (from_nowcerts, from_ghl, first):
        assert (status, answer_data["success"], answer_data["data"]["status"]) == (200, True, "queued")
    assert by_hand[0] in (200, 202)
    assert by_hand[1]["success"] is True
    assert "writes" in by_hand[1]["data"]
    assert again[0] == 409
    assert re.fullmatch(r"Evento ya procesado: nowcerts_[0-9a-f]{64}", again[1]["detail"])
    for email in ("test@example.com", "manual@example.com", "duplicate@example.com"):
        only_record(sides.ghl.contacts, email)
    only_record(sides.nowcerts.insureds, "test2@example.com")


# Both sides talking, and workers that die -----------------------------------------------------------------------------


@pytest.mark.usefixtures("only_long")
def test_webhooks_from_both_sides_cause_no_loop_and_no_duplicate(app: Embedded, sides: FakeSides) -> None:
    wait_until_done(app.rows)
    sides.start_webhooks(app.url)
    made = sides.nowcerts.add_insured(eMail="loop@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    contact = only_record(sides.ghl.contacts, "loop@example.com", seconds=60)
    sides.ghl.edit(contact["id"], city="Orlando")
    wait_until(lambda: made["city"] == "Orlando", seconds=60, what="the change is written to NowCerts")
    wait_until(
        lambda: app.rows.value("SELECT SUM(echoes) FROM integrations_outgoingwrite") or 0, seconds=60, what="an echo"
    )
    wait_until_done(app.rows)
    sides.stop_webhooks()
    written = writes_of(app.rows, "loop@example.com")
    assert [(row["provider"], row["status"]) for row in written if row["status"] != "not_needed"] == [
        ("gohighlevel", "done"),
        ("nowcerts", "done"),
    ]
    assert len(with_email(sides.ghl.contacts, "loop@example.com")) == 1
    assert len(with_email(sides.nowcerts.insureds, "loop@example.com")) == 1


def creations(sides: FakeSides) -> list[Any]:
    return [one.asked for one in sides.ghl.exchanges if (one.asked.method, one.asked.path) == ("POST", "/contacts/")]


class _DoneWithoutAnswer(Hang):
    """Request that is carried out and never answered."""


def hold_the_next_creation(sides: FakeSides) -> None:
    """Let GoHighLevel create the next contact without an answer, so that its writer can be killed meanwhile."""
    answer = sides.ghl.respond

    def respond(asked: Any) -> Any:
        if (asked.method, asked.path) == ("POST", "/contacts/"):
            sides.ghl.respond = answer  # type: ignore[method-assign]
            answer(asked)
            return _DoneWithoutAnswer()
        return answer(asked)

    sides.ghl.respond = respond  # type: ignore[method-assign]


def test_installation_killed_during_a_write_loses_nothing_and_duplicates_nobody(
    app: Embedded, sides: FakeSides
) -> None:
    wait_until_done(app.rows)
    sides.ghl.exchanges.clear()
    hold_the_next_creation(sides)
    everybody = [f"killed{number}@example.com" for number in range(5)]
    for email in everybody:
        assert post(app.url, NOWCERTS_HOOK, insured(email)).status == 200
    wait_until(lambda: creations(sides), seconds=60, what="a contact is being made")
    app.kill()
    assert app.rows.value(OPEN_ROWS) > 0
    app.start()
    for email in everybody:
        contact = only_record(sides.ghl.contacts, email)
        made = [row for row in writes_of(app.rows, email) if row["provider"] == "gohighlevel"]
        assert len(made) == 1
        wait_until(lambda key=made[0]["id"]: is_done(app.rows, key), seconds=60, what=f"the write of {email} is done")
        assert app.rows.value(EXTERNAL_ID, made[0]["id"]) == contact["id"]
    assert len(creations(sides)) == 5


@pytest.mark.usefixtures("only_long")
def test_worker_killed_during_a_write_loses_nothing_and_duplicates_nobody(tmp_path: Path, database_url: str) -> None:
    with (
        fake_sides() as sides,
        production(tmp_path, database_url, web_workers=1, worker_env=with_failpoints(""), **sides.environment) as app,
    ):
        hold_the_next_creation(sides)
        assert post(app.url, NOWCERTS_HOOK, insured("killed@example.com")).status == 200
        wait_until(lambda: creations(sides), seconds=60, what="the contact is being made")
        for child in app.workers[0].children():
            os.kill(child.pid, signal.SIGKILL)
        assert post(app.url, NOWCERTS_HOOK, insured("later@example.com")).status == 200
        only_record(sides.ghl.contacts, "later@example.com", seconds=LEASE_SECONDS + 25)
        wait_until_done(app.rows, seconds=LEASE_SECONDS + 30)
        (write,) = [row for row in writes_of(app.rows, "killed@example.com") if row["provider"] == "gohighlevel"]
        assert (write["status"], write["external_id"]) == (
            "done", only_record(sides.ghl.contacts, "killed@example.com")["id"]
        )  # fmt: skip
        assert write["attempts"] == 2
        assert len(creations(sides)) == 2
