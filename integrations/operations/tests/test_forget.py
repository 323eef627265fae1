"""Erasure: a person made through the real handlers leaves no trace, and what others compute from stays."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.commerce.models import Order, Policy
from accounts.courses import decisions, mailed_completions
from accounts.courses.models import Activity, PointsEntry
from accounts.memberships.models import Subscription, SubscriptionFact
from accounts.people import contact_changes, contact_duplicates, person
from accounts.people.models import Company, Contact, PossibleDuplicate, User
from accounts.privacy import erase
from accounts.signin import password_links
from accounts.staff import audit, tokens
from accounts.staff.models import AuditEntry
from core.cause import Cause
from integrations.inbox.models import InboxEvent
from integrations.operations.models import Notice
from integrations.operations.tests import traced_person
from integrations.operations.tests.traced_person import ALIAS, EMAIL, FIRST, LAST, PHONE, relayed, traces
from integrations.outbox import enqueue
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db(transaction=True)
COURSES = "/api/kajabi/webhook"
NATIVE = "/kajabi-webhook"
CHATWOOT = "/api/chatwoot/webhooks/events/a-token-of-chatwoot"
INSTALLATION = "/api/chatwoot/webhooks/account-created/a-token-of-chatwoot"


@pytest.fixture(autouse=True)
def _mailbox(settings: Any, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "accounts.mail.file_mailbox.FileMailbox"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    settings.CHATWOOT_WEBHOOK_TOKEN = ["a-token-of-chatwoot"]
    settings.COMPANY_PROVISIONING_STEPS = []
    settings.SLACK_WEBHOOK_URL = ""


@pytest.fixture
def known_user(committing_sides: HeldSides, post: Any, drain: Any, fixture: Any, plan: Any, staff: User) -> User:
    """Make the person through every way in which something of them is stored; return their login."""
    sides = committing_sides
    activity = Activity.objects.get(code="LEARN")
    activity.forms = "*completion*"
    activity.save()

    def send(payload: Any, path: str = "/api/webhook/kajabi/", **options: Any) -> None:
        answer = post(payload, path, **options)
        assert answer.status_code == 200, answer.content

    send(relayed("offer.purchased", "evt_1", occurred_at="2026-03-02T10:00:00Z"))
    send(traced_person.contact("evt_2"), COURSES)
    drain()
    send(traced_person.form("evt_3", "sub_1", title="Course completion"), COURSES)
    send(traced_person.form("evt_4", "sub_2", title="Newsletter"), COURSES)
    send(traced_person.native("order_created__native", fixture), NATIVE)
    send(traced_person.native("tag_added__native", fixture), NATIVE)
    # Unmatched: it waits for staff, and names the person all the same.
    send(relayed("offer.purchased", "evt_5", offer={"id": "off_unknown"}))
    send({**relayed("offer.purchased", "evt_6"), "type": "something.else"})
    post(f'{{"not json": "{EMAIL}", {FIRST} {LAST}'.encode())
    drain()
    insured = sides.nowcerts.add_insured(
        eMail=EMAIL, firstName=FIRST, lastName=LAST, phone=PHONE, addressLine1=traced_person.STREET, city="Bangor"
    )
    sides.settle()
    sides.nowcerts.add_policy(insuredDatabaseId=insured["id"], number="POL-770055", lineOfBusinesses=[])
    sides.ghl.edit(next(iter(sides.ghl.contacts)), city="Portland")
    sides.settle()
    users = [{"id": 9, "name": f"{FIRST} {LAST}", "email": EMAIL}, {"id": 8, "name": "Tom", "email": "t@example.org"}]
    send({"event": "account_created", "id": 123, "name": "Acme", "users": users}, INSTALLATION, sign=False)
    visitor = {"id": traced_person.VISITOR, "email": EMAIL, "name": f"{FIRST} {LAST}", "phone_number": "+12075550142"}
    send({"event": "contact_created", "account": {"id": 123, "name": "Acme"}, **visitor}, CHATWOOT, sign=False)
    drain()
    user = User.objects.get(email=EMAIL.lower())
    contact = user.contact
    by_staff = Cause.by_staff(staff, f"{FIRST} asked on the phone")
    for question in PossibleDuplicate.objects.all():  # another id for the same address
        if merged := contact_duplicates.merge(question, cause=by_staff):
            enqueue.contact_changed(merged)
    if decided := contact_changes.decide(contact, {"city": "Augusta", "last_name": LAST}, cause=by_staff):
        enqueue.contact_changed(decided)
    for email in (EMAIL, ALIAS):
        mailed_completions.receive(sender=email, name=FIRST, subject=f"I am {LAST}", text="done", message_id=email)
    decisions.award_by_hand(user, activity, batch=uuid4(), course="By hand", cause=by_staff)
    password_links.request_link(EMAIL, source_address="10.9.8.7", language="en")
    drain()
    other = Contact.objects.create(email="namesake@example.org", first_name="Zed", last_name="Zedson")
    contact_duplicates.flag(contact, other, reason=f"both may be {FIRST} {LAST}")
    LogEntry.objects.log_actions(staff.pk, [user], CHANGE, change_message=f"called {LAST}", single_object=True)
    message = json.dumps([{"x": f"{FIRST} {LAST}"}])
    LogEntry.objects.create(user=staff, action_flag=CHANGE, object_repr=f"{user} · NSSA", change_message=message)
    audit.record("contact.changed", actor=staff, target=contact, before={"note": f"x {LAST}"}, after={"city": "A"})
    audit.record("member.signed_in", actor=user, target=EMAIL)
    Notice.objects.create(key="n1", text=f"event of {EMAIL.lower()} failed")
    run = SyncRun.objects.create(
        provider="kajabi",
        kind="audit",
        status="done",
        stage="x",
        cause="test",
        next_attempt_at=None,
        changes_listed=[{"key": "person:1", "person": EMAIL, "what": f"name: {FIRST} → {FIRST}"}],
    )
    SyncFinding.objects.create(
        run=run, key="a", kind="status", person=EMAIL.lower(), user=user, remote_value="x", remedy="y"
    )
    ProviderRecord.objects.create(
        provider="kajabi",
        key=f"person:{traced_person.CUSTOMER}",
        person_id=traced_person.CUSTOMER,
        email=EMAIL.lower(),
        content={"email": EMAIL, "first_name": FIRST, "last_name": LAST},
    )
    user.set_password("violet kettle under the stairs")
    user.save()
    Client().force_login(user)
    tokens.make(user, name="a script's", scopes=["read"])
    TOTPDevice.objects.create(user=user, name=f"phone of {FIRST}")
    return user


def test_erasure_of_a_whole_life_leaves_no_trace(known_user: User, settings: Any, tmp_path: Path, drain: Any) -> None:
    before = {
        "balance": PointsEntry.objects.filter(user=known_user).balance(),
        "facts": SubscriptionFact.objects.filter(subscription__user=known_user).count(),
        "money": list(Order.objects.values_list("total", "currency")),
        "policies": Policy.objects.count(),
        "events": InboxEvent.objects.count(),
    }
    assert all(before.values()), before
    assert len(traces(traced_person.every_value())) > 100
    assert traces(traced_person.in_files(tmp_path))
    dry_run = erase.forget(person.find(EMAIL), dry_run=True)
    assert PointsEntry.objects.filter(user=known_user).balance() == before["balance"]
    assert User.objects.filter(email=EMAIL.lower()).exists()

    report = erase.forget(person.find(EMAIL), actor="command")

    assert traces(traced_person.every_value()) == []
    assert traces(traced_person.in_files(tmp_path)) == []
    assert set(dry_run.tables) <= set(report.tables)
    assert {provider for provider, _kind, _id in report.still_known} == {
        "kajabi",
        "nowcerts",
        "gohighlevel",
        "chatwoot",
    }
    assert before == {
        "balance": PointsEntry.objects.filter(user=known_user).balance(),
        "facts": SubscriptionFact.objects.filter(subscription__user=known_user).count(),
        "money": list(Order.objects.values_list("total", "currency")),
        "policies": Policy.objects.count(),
        "events": InboxEvent.objects.count(),
    }
    assert Subscription.objects.get(user=known_user).status
    assert [one["email"] for one in Company.objects.get().administrators] == ["t@example.org"]
    assert Contact.objects.filter(email="namesake@example.org", last_name="Zedson").exists()
    assert not InboxEvent.objects.exclude(status__in=["processed", "ignored"]).exists()
    assert AuditEntry.objects.get(action="person.forgotten").facts["tables"] == len(report.tables)
    if connection.vendor == "sqlite":
        assert traces((str(path), path.read_bytes()) for path in traced_person.on_disk()) == []
    drain()
    assert traces(traced_person.every_value()) == []
    assert erase.forget(person.Person(emails={EMAIL.lower()})).tables == {}
