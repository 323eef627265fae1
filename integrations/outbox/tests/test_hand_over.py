"""Whoever changes a contact or a policy hands it over to the outbox: found in the source, and tried at the ends."""

import ast
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from accounts.courses import decisions
from accounts.courses.models import Activity, Completion
from accounts.people import outbound
from accounts.people.models import Contact, ContactChange, ContactEmail, ContactMapping, PossibleDuplicate, User
from accounts.tests.admin_clients import signed_in
from accounts.tests.presses import press
from core.cause import Cause
from integrations.outbox.models import OutgoingWrite
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
ROOT = Path(settings.BASE_DIR)
VALUES = {"ChangedContact", "ChangedPolicy", "ReportedMember"}  # what a service returns that changed one
HAND_OVER = {"hand_over", "contact_changed", "policy_changed"}
CALLERS = {
    "accounts.people.admin.contact_changes._release",
    "accounts.people.admin.contact_changes._take",
    "accounts.people.admin.duplicates._merge",
    "accounts.people.contact_aliases.assign",
    "accounts.people.new_address.use",
    "integrations.handlers.contacts._store",
    "integrations.handlers.memberships.apply",
    "integrations.handlers.policies.store",
    "integrations.outbox.admin.refused._correct",
    "integrations.outbox.contacts.merge_remote",
    "integrations.outbox.repair.undo",
}


class Module:
    """A module of the source: its functions by their full names, and what the names in it stand for."""

    def __init__(self, path: Path) -> None:
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = {
            f"{self.name}.{node.name}": node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
        }
        self.names = {full.rpartition(".")[2]: full for full in self.functions}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                self.names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}

    def uses(self, function: ast.FunctionDef) -> Iterator[str]:
        """Yield the full names of what a function calls or passes on."""
        for node in ast.walk(function):
            if isinstance(node, ast.Name | ast.Attribute):
                first, dot, rest = ast.unparse(node).partition(".")
                yield self.names.get(first, first) + dot + rest


def returned(function: ast.FunctionDef) -> set[str]:
    """Return the names of classes in the annotation of what a function returns."""
    nodes = ast.walk(function.returns) if function.returns else ()
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def test_every_caller_of_what_changes_a_contact_or_policy_hands_it_over() -> None:
    modules = [
        Module(path)
        for folder in ("accounts", "integrations")
        for path in (ROOT / folder).rglob("*.py")
        if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)
    ]
    uses = {name: set(module.uses(node)) for module in modules for name, node in module.functions.items()}
    changing = {name for module in modules for name, node in module.functions.items() if VALUES & returned(node)}
    handing = {name for name, used in uses.items() if HAND_OVER & {each.rpartition(".")[2] for each in used}}
    services = changing - handing - {f"integrations.outbox.enqueue.{name}" for name in HAND_OVER}
    callers = {name for name, used in uses.items() if services & used}
    assert {"accounts.people.contacts.apply_report", "accounts.commerce.policies.apply_report"} <= services
    assert callers - changing - handing == set(), "they drop what changed"
    assert callers & handing == CALLERS


def test_without_an_outbox_nothing_is_dropped_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "_enqueue", None)
    changed = outbound.ChangedContact(contact=Contact(), provider="", cause=Cause(text="test"))
    with pytest.raises(RuntimeError, match="nothing is connected"):
        outbound.hand_over(changed)


@pytest.fixture
def contact(sides: HeldSides) -> Contact:
    """A contact whose record at NowCerts says another city."""
    row = Contact.objects.create(email="ana@example.com", first_name="Ana", city="Tampa", origins={"city": {}})
    ContactEmail.objects.create(contact=row, email=row.email)
    told = {"email": row.email, "first_name": "Ana", "city": "Miami"}
    ContactMapping.objects.create(
        contact=row, provider="nowcerts", kind="contact", external_id="1", is_main=True, last_synced_values=told
    )
    return row


def enqueued() -> set[tuple[int | None, str]]:
    return set(OutgoingWrite.objects.filter(status="pending").values_list("contact", "provider"))


@pytest.mark.parametrize(("act", "kind"), [("release", "frozen"), ("take-other", "lost")])
def test_value_that_staff_decide_about_is_enqueued(act: str, kind: str, contact: Contact, staff: Any) -> None:
    row = ContactChange.objects.create(
        contact=contact, kind=kind, name="city", before="Tampa", after="Orlando", provider="nowcerts"
    )
    press(signed_in(staff), row, act, reason="asked her")
    assert enqueued() == {(contact.pk, "nowcerts"), (contact.pk, "gohighlevel")}


def test_merged_contact_is_enqueued(contact: Contact, staff: Any) -> None:
    other = Contact.objects.create(email="a.ruiz@example.com", last_name="Ruiz")
    question = PossibleDuplicate.objects.create(contact=contact, other=other, reason="one phone")
    press(signed_in(staff), question, "merge", reason="one phone")
    assert enqueued() == {(contact.pk, "nowcerts"), (contact.pk, "gohighlevel")}


def test_contact_of_a_member_who_gets_an_address_is_enqueued(contact: Contact, staff: Any) -> None:
    user = User.objects.create(email=contact.email, first_name="Ana", last_name="Ruiz")
    activity = Activity.objects.create(name="Course", points=1)
    completion = Completion.objects.create(
        activity=activity, source="form:1", email="ana@work.example.com", completed_on=date(2026, 1, 1)
    )
    decisions.link(completion, user, remember=True, cause=Cause.by_staff(staff, "asked her"))
    contact.refresh_from_db()
    assert contact.last_name == "Ruiz"
    assert enqueued() == {(contact.pk, "nowcerts"), (contact.pk, "gohighlevel")}
