"""`forget` and `export_person` in a terminal, and the same two in the console."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from accounts.people.models import Contact, User
from accounts.people.tests.people import person
from accounts.staff import tokens
from accounts.staff.models import AuditEntry
from integrations.inbox.models import InboxEvent
from integrations.operations.tests import traced_person
from integrations.operations.tests.traced_person import EMAIL, FIRST, LAST, relayed, traces

pytestmark = pytest.mark.django_db
COURSES = "/api/kajabi/webhook"


@pytest.fixture
def known(process: Any, plan: Any) -> User:
    process(relayed("offer.purchased", "evt_1", occurred_at="2026-03-02T10:00:00Z"))
    process(traced_person.contact("evt_2"), COURSES)
    process(traced_person.form("evt_3", "sub_1", title="Newsletter"), COURSES)
    return User.objects.get(email=EMAIL.lower())


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Answer the question that a command asks; return the list of questions asked."""
    questions: list[str] = []

    def answer_with(answer: str) -> list[str]:
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("builtins.input", lambda text: questions.append(text) or answer)
        return questions

    return answer_with


def staff_client(*permissions: str) -> Client:
    """Return a client signed in as staff with these permissions."""
    staff = User.objects.create_user("operator@example.com", is_staff=True)
    codes = [permission.partition(".")[2] for permission in permissions]
    staff.user_permissions.set(Permission.objects.filter(codename__in=codes))
    browser = Client()
    browser.force_login(staff)
    return browser


def test_forget_counts_confirms_and_erases(known: User, terminal: Any, capsys: Any) -> None:
    call_command("forget", EMAIL, "--dry-run")
    out = capsys.readouterr().out
    assert "accounts.User: 0 deleted, 1 emptied, 0 scrubbed" in out
    assert out.endswith("Nothing was removed.\n")
    questions = terminal("no")
    with pytest.raises(CommandError, match="Nothing was removed"):
        call_command("forget", EMAIL)
    assert EMAIL.lower() in questions[0]
    assert traces(traced_person.every_value())
    terminal("yes")
    capsys.readouterr()
    call_command("forget", EMAIL)
    out = capsys.readouterr().out
    assert f"still known at kajabi as contact {traced_person.CONTACT}: delete there first" in out
    assert "Erased." in out
    assert traces(traced_person.every_value()) == []
    call_command("forget", EMAIL, "--yes")
    assert "Nothing of this person is left." in capsys.readouterr().out


def test_forget_without_a_terminal_requires_yes(known: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    with pytest.raises(CommandError, match="--yes"):
        call_command("forget", f"user:{known.pk}")
    assert traces(traced_person.every_value())
    call_command("forget", f"user:{known.pk}", "--yes")
    assert traces(traced_person.every_value()) == []


def test_forget_refuses_staff_unknown_and_ambiguous_people(staff: User) -> None:
    for given, message in ((staff.email, "staff account"), ("nobody", "Nobody is known")):
        with pytest.raises(CommandError, match=message):
            call_command("forget", given, "--yes")
    one, other = person(), person("other@example.com")
    Contact.objects.filter(pk=other.pk).update(email=one.email)
    with pytest.raises(CommandError, match=f"contact:{one.pk}, contact:{other.pk}"):
        call_command("forget", one.email, "--yes")


def test_export_contains_everything_about_the_person_and_no_secret(known: User, capsys: Any, staff: User) -> None:
    known.set_password("violet kettle under the stairs")
    known.save()
    token, text = tokens.make(known, name="a script's", scopes=["read"])
    person("somebody.else@example.org", first_name="Else")
    call_command("export_person", EMAIL)
    out = capsys.readouterr().out
    exported = json.loads(out)
    assert exported["addresses"] == sorted([EMAIL.lower(), traced_person.ALIAS])
    assert exported["tables"]["accounts.Contact"][0]["phone"] == traced_person.PHONE
    assert exported["tables"]["accounts.FormSubmission"][0]["answers"]["phone"] == traced_person.PHONE
    assert len(exported["tables"]["integrations.InboxEvent"]) == InboxEvent.objects.count()
    assert exported["tables"]["integrations.InboxEvent"][0]["payload"]["member"]["first_name"] == FIRST
    assert len(exported["tables"]["accounts.SubscriptionFact"]) == 1
    for secret in (text, token.digest, token.owner_seal, known.password, "somebody.else"):
        assert secret not in out
    entry = AuditEntry.objects.get(action="person.exported")
    assert entry.about_contact is None or entry.target_type == "accounts.contact"


def test_export_writes_a_private_file_and_overwrites_none(known: User, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    call_command("export_person", EMAIL, "--output", str(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert LAST in path.read_text(encoding="utf-8")
    for taken in (path, tmp_path / "no" / "folder.json"):
        with pytest.raises(CommandError):
            call_command("export_person", EMAIL, "--output", str(taken))
    with pytest.raises(CommandError, match="Nobody is known"):
        call_command("export_person", "nobody")


def test_export_leaves_out_payloads_about_other_people(known: User, process: Any, capsys: Any) -> None:
    person("tom@example.org")
    payload = traced_person.contact("evt_9")
    payload["data"]["spouse"] = {"email": "tom@example.org", "phone": "+1 207 555 9999"}
    process(payload, COURSES)
    call_command("export_person", EMAIL)
    out = capsys.readouterr().out
    assert "555 9999" not in out
    assert "left out: it is about other people too" in out


@pytest.mark.parametrize("model", ["contact", "user"])
def test_console_exports_and_erases_with_permission(known: User, model: str) -> None:
    key = known.contact.pk if model == "contact" else known.pk
    changes = ("accounts.view_contact", "accounts.change_contact", "accounts.view_user", "accounts.change_user")
    browser = staff_client(*changes, "accounts.forget_contact", "accounts.export_contact")
    page = f"/admin/accounts/{model}/{key}"
    answer = browser.post(f"{page}/act/export/")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="person-{model}-{key}.json"'
    assert json.loads(answer.content)["tables"]["accounts.User"][0]["first_name"] == FIRST
    assert browser.get(f"{page}/act/export/").status_code == 405
    asked = browser.get(f"{page}/act/forget/").content.decode()
    assert "cannot be undone" in asked
    assert f"Still known at Kajabi as contact {traced_person.CONTACT}" in asked
    assert browser.post(f"{page}/act/forget/", {"answered": "1"}).status_code == 422
    assert traces(traced_person.every_value())
    done = browser.post(f"{page}/act/forget/", {"answered": "1", "sure": "on"}, follow=True)
    assert done.status_code == 200
    assert "Erased." in done.content.decode()
    browser.get("/admin/")  # the message is shown, and no more in the session
    assert [trace for trace in traces(traced_person.every_value()) if "session" not in trace.lower()] == []
    for path in (f"accounts/contact/{Contact.objects.get().pk}", f"accounts/user/{known.pk}"):
        assert browser.get(f"/admin/{path}/change/").status_code == 200
    browser.force_login(User.objects.create_superuser("root@example.com"))
    for event in InboxEvent.objects.all():
        shown = browser.get(f"/admin/integrations/inboxevent/{event.pk}/change/").content.decode()
        assert "Removed: the person was erased." in shown


def test_console_refuses_export_and_erasure_without_permission(known: User) -> None:
    browser = staff_client("accounts.view_contact", "accounts.change_contact")
    page = f"/admin/accounts/contact/{known.contact.pk}/act"
    assert browser.post(f"{page}/export/").status_code == 403
    assert browser.post(f"{page}/forget/", {"answered": "1", "sure": "on"}).status_code == 403
    assert traces(traced_person.every_value())
    assert not AuditEntry.objects.filter(action__startswith="person.").exists()


def test_console_does_not_erase_staff(staff: User) -> None:
    browser = Client()
    browser.force_login(staff)
    page = f"/admin/accounts/user/{staff.pk}"
    assert "/act/forget/" not in browser.get(f"{page}/change/").content.decode()
    browser.post(f"{page}/act/forget/", {"answered": "1", "sure": "on"})
    assert User.objects.filter(email=staff.email).exists()
