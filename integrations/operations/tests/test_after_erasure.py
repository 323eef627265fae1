"""After an erasure: copies stay duplicates, old records bring nobody back, a later payment does; others stay whole."""

import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts.courses import completions
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, Completion
from accounts.mail.models import EmailMessage
from accounts.memberships import subscriptions
from accounts.memberships.models import Subscription
from accounts.people import companies, forgotten, person
from accounts.people.models import Company, Contact, ContactEmail, ContactMapping, ForgottenKey, User
from accounts.privacy import erase
from accounts.signin.models import LinkRequest
from core.cause import Cause
from core.queue import runner
from integrations.contracts.pull import RunKind
from integrations.contracts.webhook import StoredWebhook
from integrations.inbox import reading
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.operations.tests import traced_person
from integrations.operations.tests.traced_person import EMAIL, FIRST, LAST, relayed, traces
from integrations.outbox.models import OutgoingWrite
from integrations.reconcile import runs
from integrations.reconcile.models import ProviderRecord, SyncFinding, SyncRun
from integrations.registry import provider
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
COURSES = "/api/kajabi/webhook"
BOUGHT = "2026-03-02T10:00:00Z"


@pytest.fixture
def erased(process: Any, plan: Any) -> erase.Report:
    """The report of the erasure of a person who had bought."""
    process(relayed("offer.purchased", "evt_1", occurred_at=BOUGHT))
    process(traced_person.contact("evt_2"), COURSES)
    return erase.forget(person.find(EMAIL))


def test_late_copy_of_event_after_erasure_stays_duplicate(erased: Any, post: Any, drain: Any) -> None:
    for payload, path in ((relayed("offer.purchased", "evt_1", occurred_at=BOUGHT), "/api/webhook/kajabi/"),
                       (relayed("offer.purchased", "evt_1", occurred_at=BOUGHT, more="x"), "/api/webhook/kajabi/"),
                       (traced_person.contact("evt_2"), COURSES)):  # fmt: skip
        assert post(payload, path).json()["duplicate"] is True
    drain()
    assert InboxEvent.objects.count() == 2
    assert traces(traced_person.every_value()) == []


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (traced_person.contact("evt_9"), COURSES),
        (traced_person.form("evt_9", "sub_9", title="Course completion"), COURSES),
        (relayed("offer.purchased", "evt_9", occurred_at=BOUGHT), "/api/webhook/kajabi/"),
        (relayed("member.subscription.canceled", "evt_9"), "/api/webhook/kajabi/"),
        (relayed("member.subscription.expired", "evt_9"), "/api/webhook/kajabi/"),
    ],
    ids=["contact", "form", "old purchase", "cancellation", "expiry"],
)
def test_report_about_erased_person_creates_nobody_and_is_not_stored(
    erased: Any, process: Any, payload: Any, path: str
) -> None:
    Activity.objects.update(forms="*completion*")
    event = process(payload, path)
    assert (event.status, event.payload, bytes(event.body)) == ("ignored", None, b"")
    assert event.reason.startswith("the person was erased on")
    assert traces(traced_person.every_value()) == []
    assert not Completion.objects.exists()


@pytest.mark.parametrize("event_type", ["offer.purchased", "payment.succeeded", "member.subscription.renewed"])
def test_payment_after_erasure_creates_new_account(erased: Any, process: Any, event_type: str, mailoutbox: Any) -> None:
    old = User.objects.get()
    mailoutbox.clear()
    event = process(relayed(event_type, "evt_9", occurred_at=timezone.now().isoformat()))
    assert event.status == "processed", event.reason
    new = User.objects.get(email=EMAIL.lower())
    assert new != old
    assert new.subscriptions.get().has_access
    assert not old.subscriptions.get().user.is_active
    assert [mail.to for mail in mailoutbox if "staff" not in mail.to[0]] == [[EMAIL.lower()]]
    # They are known again, and reports about them are applied.
    process(traced_person.contact("evt_10"), COURSES)
    assert Contact.objects.get(user=new).phone == traced_person.PHONE
    # And can be erased again.
    erase.forget(person.find(EMAIL))
    assert traces(traced_person.every_value()) == []


def test_purchase_dated_in_the_future_after_erasure_is_a_payment(erased: Any, process: Any) -> None:
    process(relayed("offer.purchased", "evt_9", occurred_at="2199-01-01T00:00:00Z"))
    assert User.objects.filter(email=EMAIL.lower()).exists()


def test_sync_run_after_erasure_brings_nobody_back(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(eMail=EMAIL, firstName=FIRST, lastName=LAST, phone=traced_person.PHONE)
    sides.settle()
    assert len(sides.ghl.contacts) == 1
    report = erase.forget(person.find(EMAIL))
    assert ("nowcerts", "contact", insured["id"]) in report.still_known
    sides.muted = True
    for record in (insured, next(iter(sides.ghl.contacts.values()))):
        side = sides.nowcerts if record is insured else sides.ghl
        side.edit(record["id"], city="Elsewhere")
    sides.nowcerts.add_policy(insuredDatabaseId=insured["id"], number="POL-1", lineOfBusinesses=[])
    for key in ("nowcerts", "gohighlevel"):
        for kind in (None, "audit"):
            run = runs.start(provider(key), cause=Cause(text="test"), kind=RunKind.AUDIT if kind else None)
            while run.is_open:
                runner.run(SyncRun, run.pk)
                run.refresh_from_db()
            assert (run.status, run.errors) == ("done", 0), run.problems
    sides.settle()
    assert traces(traced_person.every_value(), of=(*traced_person.TRACES, insured["id"])) == []
    assert not SyncFinding.objects.exists()
    assert not ContactRefresh.objects.exists()


def test_hint_about_erased_person_requests_no_refresh(sides: HeldSides) -> None:
    insured = sides.nowcerts.add_insured(eMail=EMAIL, firstName=FIRST)
    sides.settle()
    erase.forget(person.find(EMAIL))
    sides.nowcerts.edit(insured["id"], city="Elsewhere")
    sides.settle()
    assert not ContactRefresh.objects.exists()
    assert InboxEvent.objects.latest("pk").reason.startswith("the person was erased on")
    assert traces(traced_person.every_value(), of=(*traced_person.TRACES, insured["id"])) == []


def test_erasure_cancels_pending_work(process: Any, plan: Any, receive: Any, mailoutbox: Any) -> None:
    process(relayed("offer.purchased", "evt_1"))
    user = User.objects.get()
    mailoutbox.clear()
    EmailMessage.objects.create(key="a", kind="password_setup", to=user.email, user=user, language="en")
    EmailMessage.objects.create(key="b", kind="welcome", to=user.email, user=user, language="en", status="held")
    OutgoingWrite.objects.create(kind="contact", provider="nowcerts", contact=user.contact, cause=f"x {EMAIL}")
    LinkRequest.objects.create(email=user.email, language="en")
    ContactRefresh.objects.create(provider="kajabi", external_id=traced_person.MEMBER)
    waiting = receive(traced_person.contact("evt_2"), COURSES)
    erase.forget(person.find(EMAIL))
    assert not EmailMessage.objects.filter(status__in=["pending", "held"]).exists()
    assert OutgoingWrite.objects.get().status == "skipped"
    assert not LinkRequest.objects.exists()
    assert not ContactRefresh.objects.filter(external_id=traced_person.MEMBER).exists()
    waiting.refresh_from_db()
    assert waiting.status == "ignored"
    assert mailoutbox == []
    assert traces(traced_person.every_value()) == []


def test_event_about_two_people_keeps_the_other_person(process: Any, plan: Any) -> None:
    process(relayed("offer.purchased", "evt_1"))
    other = Contact.objects.create(email="tom@example.org", first_name="Tom", last_name=LAST)
    ContactEmail.objects.create(contact=other, email="tom@example.org")
    payload = traced_person.contact("evt_2")
    payload["data"]["household"] = {"email": "tom@example.org", "first_name": "Tom", "last_name": LAST}
    event = process(payload, COURSES)
    erase.forget(person.find(EMAIL))
    event.refresh_from_db()
    assert event.payload["data"]["household"] == payload["data"]["household"]
    assert json.loads(bytes(event.body)) == event.payload
    assert event.payload["data"]["contact"]["email"] == "[removed]"
    other.refresh_from_db()
    assert (other.email, other.first_name, other.last_name) == ("tom@example.org", "Tom", LAST)
    assert (
        traces(traced_person.every_value(), of=[EMAIL, FIRST, traced_person.PHONE_DIGITS, traced_person.MEMBER]) == []
    )


def test_erasure_keeps_shared_address_of_other_contact(process: Any, plan: Any, post: Any) -> None:
    process(traced_person.contact("evt_1"), COURSES)
    mine = Contact.objects.get()
    other = Contact.objects.create(email=EMAIL.lower(), first_name="Tom", phone="+1 207 555 0142")
    report = erase.forget(person.find(f"contact:{mine.pk}"))
    other.refresh_from_db()
    assert (other.email, other.first_name, other.phone) == (EMAIL.lower(), "Tom", "+1 207 555 0142")
    assert report.tables["accounts.Contact"] == {"emptied": 1}
    assert forgotten.among([("email", EMAIL.lower())]) == set()
    assert traces(traced_person.every_value(), of=[FIRST, traced_person.CONTACT, "old.quill"]) == []


def test_erasure_of_unknown_address_empties_unmatched_events(process: Any, plan: Any) -> None:
    process(relayed("offer.purchased", "evt_1", offer={"id": "off_unknown"}))
    assert InboxEvent.objects.get().status == "unmatched"
    assert not User.objects.exists()
    report = erase.forget(person.find(EMAIL))
    assert InboxEvent.objects.get().status == "ignored"
    assert report.tables["integrations.InboxEvent"] == {"emptied": 1}
    assert traces(traced_person.every_value(), of=[EMAIL, FIRST, LAST]) == []


def test_company_report_does_not_restore_erased_administrator(erased: Any) -> None:
    users = [{"id": "9", "name": FIRST, "email": EMAIL}, {"id": "8", "name": "Tom", "email": "t@example.org"}]
    report = companies.AccountReport(occurred_at=timezone.now(), account_id="5", name="Acme", administrators=users)
    companies.apply_report(report, cause=Cause(text="test"))
    assert [one["email"] for one in Company.objects.get().administrators] == ["t@example.org"]


def test_erasure_refuses_staff_accounts(staff: User) -> None:
    with pytest.raises(erase.StaffAccount, match="Take their staff and superuser rights away first"):
        erase.forget(person.find(staff.email))
    with pytest.raises(erase.StaffAccount):
        erase.forget(person.find(staff.email), dry_run=True)
    assert not ForgottenKey.objects.exists()
    User.objects.update(is_staff=False, is_superuser=False)
    erase.forget(person.find(staff.email))
    assert not User.objects.filter(email=staff.email).exists()


def test_a_dry_run_changes_nothing(process: Any, plan: Any) -> None:
    process(relayed("offer.purchased", "evt_1"))
    before = sorted(map(str, traced_person.every_value()))
    report = erase.forget(person.find(EMAIL), dry_run=True)
    assert report.tables["accounts.User"] == {"emptied": 1}
    assert sorted(map(str, traced_person.every_value())) == before


def test_forgotten_keys_of_former_secret_key_still_match(erased: Any, settings: Any) -> None:
    settings.FORMER_SECRET_KEYS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-key-" * 4
    key = ("email", EMAIL.lower())
    assert forgotten.among([key, ("email", "x@example.com")]) == {key}
    with pytest.raises(forgotten.PersonForgotten):
        forgotten.refuse(email=EMAIL.lower(), provider="", identities={})
    settings.FORMER_SECRET_KEYS = []
    assert forgotten.among([key]) == set()


def test_staff_create_erased_person_again_by_hand(erased: Any, process: Any) -> None:
    User.objects.create_user(EMAIL)
    event = process(relayed("member.subscription.canceled", "evt_9"))
    assert event.status == "processed"
    assert Subscription.objects.filter(user__email=EMAIL.lower()).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "dies_at", ["accounts.ContactTag", "integrations.InboxEvent", "accounts.Contact", "mail files"]
)
def test_killed_erasure_is_completed_by_the_next(
    process: Any, plan: Any, dies_at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    process(relayed("offer.purchased", "evt_1"))
    process(traced_person.contact("evt_2"), COURSES)

    def die(label: str) -> None:
        if label == dies_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erase.forget(person.find(EMAIL), on_table=die)
    erase.forget(person.find(EMAIL))
    assert traces(traced_person.every_value()) == []


@pytest.mark.django_db(transaction=True)
def test_erasure_during_processing_of_events_leaves_no_trace(
    receive: Any, process: Any, plan: Any, at_once: Any
) -> None:
    process(relayed("offer.purchased", "evt_0", occurred_at=BOUGHT))
    for number in range(1, 9):
        receive(traced_person.contact(f"evt_c{number}", phone_number=f"+1 207 555 01{number:02}"), COURSES)
        receive(relayed("payment.succeeded", f"evt_p{number}", occurred_at=BOUGHT))
    keys = list(InboxEvent.objects.filter(status="pending").values_list("pk", flat=True))

    def work() -> None:
        for key in keys:
            runner.run(InboxEvent, key)

    who = person.find(EMAIL)
    results = at_once(
        [work, lambda: erase.forget(who), lambda: [runner.run(InboxEvent, key) for key in reversed(keys)]]
    )
    assert isinstance(results[1], erase.Report), results
    for key in InboxEvent.objects.filter(status="pending").values_list("pk", flat=True):
        InboxEvent.objects.filter(pk=key).update(next_attempt_at=timezone.now())
        runner.run(InboxEvent, key)
    assert not InboxEvent.objects.filter(status="pending").exists()
    assert traces(traced_person.every_value()) == []


@pytest.mark.django_db(transaction=True)
def test_attempt_begun_before_erasure_writes_nothing_after_it(
    receive: Any, plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has read the person and waits; the erasure is done; then the worker continues."""
    event = receive(relayed("offer.purchased", "evt_1", occurred_at=BOUGHT))
    parse = provider("kajabi").parse

    def parse_and_wait(webhook: Any) -> Any:
        facts = parse(webhook)
        erase.forget(person.find(EMAIL))
        return facts

    monkeypatch.setattr(reading, "provider_of", lambda key: replace(provider(key), parse=parse_and_wait))
    runner.run(InboxEvent, event.pk)
    event.refresh_from_db()
    assert event.status == "ignored"
    assert not User.objects.exists()
    assert traces(traced_person.every_value()) == []
    assert event.attempt_rows.get().outcome == "lease_lost"


def test_erasure_dismisses_unmatched_completion() -> None:
    completion = ReportedCompletion(
        source="x:1", channel="import", email=EMAIL, completed_on=timezone.now().date(), name=f"{FIRST} {LAST}"
    )
    completions.receive(completion, Activity.objects.get(code="LEARN"), cause=Cause(text="import"))
    erase.forget(person.find(EMAIL))
    assert Completion.objects.get().state == "dismissed"
    assert traces(traced_person.every_value()) == []
    assert not ContactMapping.objects.exists()
    assert not ProviderRecord.objects.exists()
    assert not SyncRun.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's transactions exclude each other")
def test_attempt_that_has_read_the_person_leaves_nothing_after_erasure(
    receive: Any, process: Any, plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a delivery that is read back from the API: its body holds an id alone."""
    process(relayed("offer.purchased", "evt_0", occurred_at=BOUGHT))
    parse = provider("kajabi").parse
    stored = InboxEvent(event_type="payment.succeeded", endpoint="", payload=relayed("payment.succeeded", "evt_1"))
    facts = parse(StoredWebhook(endpoint="", event_type=stored.event_type, external_id="evt_1", payload=stored.payload,
                               received_at=timezone.now()))  # fmt: skip
    event = receive({"type": "payment.succeeded", "id": "evt_1"})
    monkeypatch.setattr(reading, "provider_of", lambda key: replace(provider(key), parse=lambda webhook: facts))
    record = subscriptions.record
    eraser = threading.Thread(target=lambda: (erase.forget(person.find(EMAIL)), connection.close()))

    def record_late(*arguments: Any, **named: Any) -> Any:
        if not eraser.ident:
            eraser.start()
            eraser.join(2)  # it waits for the person, whom the attempt holds
        return record(*arguments, **named)

    monkeypatch.setattr(subscriptions, "record", record_late)
    runner.run(InboxEvent, event.pk)
    eraser.join(20)
    assert not eraser.is_alive()
    assert event.attempt_rows.count() == 1
    assert traces(traced_person.every_value()) == []
