"""`manage.py import_kajabi_history`: the same import for long files and scripts."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import Contact
from accounts.staff.models import AuditEntry
from integrations.history.models import HistoryImport
from integrations.providers.kajabi.tests.history_files import paid, transactions

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(tmp_path: Path, plan: Any) -> Any:
    """Runs the command on a text; gives what it said."""

    def call(content: str, *arguments: str, name: str = "export.csv") -> str:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        said = io.StringIO()
        call_command("import_kajabi_history", str(path), *arguments, stdout=said)
        return said.getvalue()

    return call


def test_file_is_imported_and_what_is_left_is_said(run: Any) -> None:
    said = run(transactions(paid("1", 30), paid("2", 30, who=2, Offer_ID="990", Offer_Title="Silver")))
    assert "line 3: question: no plan for the offer Silver" in said
    assert "offer 990 (Silver): 1 rows wait until it is mapped to a plan" in said
    assert f"orders, 2 rows: 1 new, 1 question; import {HistoryImport.objects.get().pk} in the console" in said
    assert Subscription.objects.count() == 1
    assert EmailMessage.objects.get().status == "held"
    entry = AuditEntry.objects.get(action="historyimport.confirm")
    assert (entry.facts["by"], entry.facts["rows"]) == ("command", 2)


def test_dry_run_says_each_line_and_keeps_nothing(run: Any) -> None:
    said = run(transactions(paid("1", 30)), "--dry-run")
    assert "line 2: new: set-up mail held back; member created; NSSA Annual Membership: subscription active" in said
    assert "nothing was written" in said
    assert not Subscription.objects.exists()
    assert not HistoryImport.objects.exists()


def test_json_is_for_scripts(run: Any) -> None:
    said = json.loads(run(transactions(paid("1", 30), paid("2", 9, Status="Failed")), "--dry-run", "--json"))
    assert (said["rows"], said["counts"], said["import"]) == (2, {"new": 1, "skipped": 1}, None)
    assert said["results"][1] | {"detail": ""} == {
        "line": 3,
        "outcome": "skipped",
        "person": "member1@example.com",
        "offer_title": "Gold Membership",
        "detail": "",
    }


def test_heading_that_is_not_known_is_named(run: Any) -> None:
    with pytest.raises(CommandError, match=r"no column for email .*The headings found are: Who, City"):
        run("Who,City\nada@example.com,Boulder\n")
    assert not HistoryImport.objects.exists()
    run("Who,City\nada@example.com,Boulder\n", "--column", "email=who", "--kind", "members")
    assert Contact.objects.get().city == "Boulder"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--column", "email=Nobody"], 'no heading "Nobody"'),
        (["--exported-on", "tomorrow"], "a day in the past"),
        (["--exported-on", "2999-01-01"], "a day in the past"),
    ],
)
def test_argument_that_makes_no_sense_is_refused(run: Any, arguments: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        run("Email\nada@example.com\n", *arguments)
    assert not HistoryImport.objects.exists()


def test_set_up_mails_are_sent_where_that_is_asked_for(run: Any) -> None:
    run(transactions(paid("1", 30)), "--send-mails")
    assert EmailMessage.objects.get().status == "pending"
