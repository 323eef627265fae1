"""Contacts in real time: what an event carries is applied at once, what it lacks is read, once for a burst."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.people.models import Contact, ContactMapping, PossibleDuplicate
from core.queue import runner
from integrations import registry
from integrations.inbox import process as inbox
from integrations.inbox import refresh as refreshes
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.inbox.models.contact_refresh import QUIET
from integrations.providers.kajabi import confirming
from tests.fakes import kajabi_records as records
from tests.fakes.kajabi import FakeKajabi, html
from tests.harness.environment import IS_LONG

pytestmark = pytest.mark.django_db
HOOK = "/kajabi-webhook/a-token-that-only-tests-know"
RELAY = "/api/kajabi/webhook"
A_MOMENT = QUIET + timedelta(seconds=1)
NOW = timezone.now().replace(microsecond=0)


def tagged(event: str, contact_id: str, *, tag: str = "vip", **contact: Any) -> dict[str, Any]:
    """A native tag hook about the contact, told apart from others by the tag."""
    email = contact.pop("email", f"person{contact_id}@example.com")
    resources = [records.contact(contact_id, email=email, **contact), records.tag("5", name=tag)]
    return {"id": contact_id, "event": event, "payload": resources}


def reported(event_id: str, at: datetime, **contact: Any) -> dict[str, Any]:
    """A relay's contact.updated."""
    person = {"id": "11", "email": "jane@example.com"} | contact
    return {"event_type": "contact.updated", "event_id": event_id, "created_at": at.isoformat(), "data": person}


def reads(kajabi: FakeKajabi) -> list[str]:
    """The contacts that Kajabi was asked for, in this order."""
    paths = [exchange.asked.path for exchange in kajabi.exchanges]
    return [path.rsplit("/", 1)[1] for path in paths if path.startswith("/v1/contacts/")]


@pytest.fixture
def settle(drain: Callable[[], None], travel: Callable[[timedelta], None]) -> Callable[..., None]:
    """Does what is due now, and what is due when it has been quiet for a moment."""

    def work(after: timedelta = A_MOMENT) -> None:
        drain()
        travel(after)
        drain()

    return work


def test_tag_makes_the_contact_be_read_whole(process: Any, settle: Any, kajabi: FakeKajabi) -> None:
    kajabi.add(
        records.tag("5", name="vip"),
        records.tag("6", name="newsletter"),
        records.offer("2150456456", title="Membership"),
        records.contact(
            *("11",), email="Jane@Example.com", name="Jane van Dyk", tags=("5", "6"), offers=("2150456456",),
            customer_id="21", phone_number="+1 207 555 0100", custom_1="blue", address_city="Portland",
            subscribed=False,
        ),
        records.customer("21", email="jane@example.com", contact_id="11"),
    )  # fmt: skip
    event = process(tagged("tag_added", "11", email="mallory@example.com"), HOOK, sign=False)
    assert event.status == "processed"
    assert Contact.objects.count() == 0, "an unsigned delivery is a hint"

    settle()
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name, contact.last_name) == ("jane@example.com", "Jane", "van Dyk")
    assert (contact.phone, contact.city, contact.subscribed) == ("+1 207 555 0100", "Portland", False)
    assert contact.custom_fields == {"custom_1": "blue"}
    assert sorted(row.tag.name for row in contact.tag_rows.filter(is_present=True)) == ["newsletter", "vip"]
    mapping = contact.mappings.get(kind="contact")
    assert mapping.offers == [{"id": "2150456456", "title": "Membership"}]
    assert {(row.kind, row.external_id) for row in contact.mappings.all()} == {("contact", "11"), ("customer", "21")}


TAG_EVENTS = 1000 if IS_LONG else 300


@pytest.mark.parametrize(
    "between",
    [pytest.param(False, id="all at once", marks=pytest.mark.once), pytest.param(True, id="while workers work")],
)
def test_many_tag_events_for_fifty_contacts_end_in_fifty_reads(
    post: Any, drain: Any, settle: Any, kajabi: FakeKajabi, monkeypatch: pytest.MonkeyPatch, between: bool
) -> None:
    kajabi.add(records.tag("5", name="vip"))
    at_once = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: at_once)  # however slow this machine is, the burst is one
    for number in range(50):
        kajabi.add(records.contact(str(100 + number), email=f"person{100 + number}@example.com", tags=("5",)))
    for number in range(TAG_EVENTS):
        payload = tagged("tag_added", str(100 + number % 50), tag=f"tag {number}")
        assert post(payload, HOOK, sign=False).status_code == 200
        if between and number % 100 == 99:
            drain()
    for moments in (1, 2):
        monkeypatch.setattr(timezone, "now", lambda later=at_once + A_MOMENT * moments: later)
        drain()

    assert InboxEvent.objects.filter(status="processed").count() == TAG_EVENTS
    assert sorted(reads(kajabi)) == [str(100 + number) for number in range(50)], "each once"
    assert Contact.objects.count() == 50
    assert all(
        list(contact.tag_rows.values_list("tag__name", flat=True)) == ["vip"] for contact in Contact.objects.all()
    )


def test_what_never_becomes_quiet_is_read_all_the_same(
    process: Any, drain: Any, travel: Any, kajabi: FakeKajabi
) -> None:
    kajabi.add(records.contact("11", email="jane@example.com"))
    for second in range(0, 130, 4):
        travel(timedelta(seconds=second))
        process(tagged("tag_added", "11", tag=f"tag {second}"), HOOK, sign=False)
    assert 1 <= len(reads(kajabi)) <= 3


def test_what_is_asked_for_while_the_contact_is_read_is_read_again(
    process: Any, settle: Any, travel: Any, drain: Any, kajabi: FakeKajabi, monkeypatch: pytest.MonkeyPatch
) -> None:
    kajabi.add(records.tag("5", name="vip"), records.contact("11", email="jane@example.com"))
    process(tagged("tag_added", "11"), HOOK, sign=False)

    def interrupted(contact_id: str) -> Any:
        told = confirming.read_contact(contact_id)
        kajabi.add(records.contact("11", email="jane@example.com", tags=("5",)))
        ContactRefresh.objects.enqueue(provider="kajabi", external_id="11")
        return told

    kajabi_is = replace(registry.provider("kajabi"), read_contact=interrupted)
    monkeypatch.setattr(refreshes, "provider_of", lambda key: kajabi_is)
    refresh = ContactRefresh.objects.get()
    ContactRefresh.objects.update(next_attempt_at=timezone.now())
    runner.run(ContactRefresh, refresh.pk)
    refresh.refresh_from_db()
    assert refresh.status == "pending"
    monkeypatch.setattr(refreshes, "provider_of", registry.provider)
    settle()
    refresh.refresh_from_db()
    assert refresh.status == "done"
    assert Contact.objects.get().tag_rows.get().tag.name == "vip"


def test_contact_whom_kajabi_does_not_know_fails_the_events_that_named_it(
    process: Any, settle: Any, travel: Any, drain: Any, kajabi: FakeKajabi
) -> None:
    first = process(tagged("tag_added", "404"), HOOK, sign=False)
    second = process(tagged("tag_added", "404", tag="other"), HOOK, sign=False)
    settle()
    assert ContactRefresh.objects.get().status == "pending"

    settle(timedelta(minutes=11))
    settle(timedelta(minutes=40))
    for event in (first, second):
        event.refresh_from_db()
        assert (event.status, event.reason) == ("failed", "Kajabi does not know contact 404")
    assert ContactRefresh.objects.get().status == "failed"
    assert Contact.objects.count() == 0
    assert [mail.kind for mail in EmailMessage.objects.all()] == ["staff_event_failed"], "one word for both"

    kajabi.add(records.contact("404", email="late@example.com"))
    assert inbox.retry([first]) == 1
    settle(timedelta(minutes=50))
    first.refresh_from_db()
    assert (first.status, Contact.objects.get().email) == ("processed", "late@example.com")


def test_what_a_database_refuses_is_replaced_in_what_is_read(process: Any, settle: Any, kajabi: FakeKajabi) -> None:
    kajabi.add(records.contact("11", email="jane@example.com", name="Jane\x00Doe", custom_1="a\x00b\ud800"))
    process(tagged("tag_added", "11"), HOOK, sign=False)
    settle()
    contact = Contact.objects.get()
    assert contact.custom_fields == {"custom_1": "a\ufffdb\ufffd"}


def test_with_kajabi_down_the_reading_waits(process: Any, settle: Any, kajabi: FakeKajabi, settings: Any) -> None:
    settings.MAX_RETRIES = 0
    kajabi.add(records.contact("11", email="jane@example.com"))
    kajabi.misbehave(html(), on="/v1/contacts/11")
    process(tagged("tag_added", "11"), HOOK, sign=False)
    settle()
    refresh = ContactRefresh.objects.get()
    assert (refresh.status, refresh.failures, Contact.objects.count()) == ("pending", 1, 0)
    settle(timedelta(minutes=2))
    refresh.refresh_from_db()
    assert (refresh.status, Contact.objects.get().email) == ("done", "jane@example.com")


def test_tag_added_removed_and_added_again_ends_as_kajabi_has_it(process: Any, settle: Any, kajabi: FakeKajabi) -> None:
    kajabi.add(records.tag("5", name="vip"), records.contact("11", email="jane@example.com"))
    added, removed = tagged("tag_added", "11"), tagged("tag_removed", "11")
    for number, payload in enumerate((added, removed), start=1):
        process(payload, HOOK, sign=False)
        settle(A_MOMENT * number * 10)
    kajabi.add(records.contact("11", email="jane@example.com", tags=("5",)))
    again = process(added, HOOK, sign=False)
    assert (again.duplicates, InboxEvent.objects.count()) == (0, 2), "the newest row is the removal"
    settle(A_MOMENT * 40)
    assert [(row.tag.name, row.is_present) for row in Contact.objects.get().tag_rows.all()] == [("vip", True)]


def test_without_credentials_a_tag_is_taken_as_it_was_delivered(process: Any) -> None:
    process(tagged("tag_added", "11", phone_number="5550100"), HOOK, sign=False)
    contact = Contact.objects.get()
    assert (contact.email, contact.phone) == ("person11@example.com", "5550100")
    assert [(row.tag.name, row.is_present) for row in contact.tag_rows.all()] == [("vip", True)]
    process(tagged("tag_removed", "11"), HOOK, sign=False)
    process(tagged("tag_added", "11", phone_number="5550100"), HOOK, sign=False)
    assert [(row.tag.name, row.is_present) for row in contact.tag_rows.all()] == [("vip", True)]
    assert ContactRefresh.objects.count() == 0


def test_removed_tag_stays_removed_though_its_addition_arrives_late(process: Any) -> None:
    added = tagged("tag_added", "11", updated_at=(NOW - timedelta(days=1)).isoformat())
    process(tagged("tag_removed", "11", updated_at=NOW.isoformat()), HOOK, sign=False)
    for _copy in range(2):
        process(added, HOOK, sign=False)
    assert [(row.tag.name, row.is_present) for row in Contact.objects.get().tag_rows.all()] == [("vip", False)]


def test_relay_event_is_applied_at_once_and_the_rest_is_read(process: Any, settle: Any, kajabi: FakeKajabi) -> None:
    kajabi.add(records.contact("11", email="jane@example.com", name="Jane Doe", custom_1="blue", phone_number="1"))
    process(reported("evt_1", NOW, first_name="Jane", phone="1", city="Portland"), RELAY)
    contact = Contact.objects.get()
    assert (contact.first_name, contact.phone, contact.city, contact.custom_fields) == ("Jane", "1", "Portland", {})
    settle()
    contact.refresh_from_db()
    assert (contact.last_name, contact.phone, contact.custom_fields) == ("Doe", "1", {"custom_1": "blue"})
    assert contact.city == "", "it was taken out of this record at Kajabi"


def test_contact_events_end_the_same_in_any_order_and_any_number_of_copies(process: Any) -> None:
    told = [
        reported("evt_1", NOW - timedelta(days=3), first_name="Jan", phone="1", tags=["a"]),
        reported("evt_2", NOW - timedelta(days=2), first_name="Jane", phone="2", tags=["a", "b"]),
        reported("evt_3", NOW - timedelta(days=1), first_name="Janet", email="janet@example.com", tags=["b"]),
    ]
    for order in permutations(told):
        for payload in (*order, order[0]):
            process(payload, RELAY)
        contact = Contact.objects.get()
        tags = sorted(row.tag.name for row in contact.tag_rows.filter(is_present=True))
        assert (contact.email, contact.first_name, contact.phone, tags) == ("janet@example.com", "Janet", "2", ["b"])
        Contact.objects.all().delete()
        InboxEvent.objects.all().delete()


def test_address_that_changes_at_kajabi_stays_the_same_contact_and_the_old_one_an_alias(process: Any) -> None:
    process(reported("evt_1", NOW - timedelta(days=1)), RELAY)
    process(reported("evt_2", NOW, email="NEW@example.com"), RELAY)
    contact = Contact.objects.get()
    assert contact.email == "new@example.com"
    assert sorted(row.email for row in contact.emails.all()) == ["jane@example.com", "new@example.com"]


def test_two_records_with_one_address_stay_two_people_until_staff_decide(process: Any) -> None:
    process(reported("evt_1", NOW, first_name="Jane"), RELAY)
    process(reported("evt_2", NOW, id="12", first_name="John"), RELAY)
    jane, john = Contact.objects.order_by("pk")
    assert (jane.first_name, john.first_name) == ("Jane", "John")
    question = PossibleDuplicate.objects.get()
    assert (question.contact, question.other, question.status) == (jane, john, "open")
    assert set(ContactMapping.objects.values_list("external_id", "contact__first_name")) == {
        ("11", "Jane"),
        ("12", "John"),
    }
    process(reported("evt_3", NOW + timedelta(seconds=1), id="12", first_name="Johnny"), RELAY)
    assert PossibleDuplicate.objects.count() == 1
    john.refresh_from_db()
    assert john.first_name == "Johnny"


@pytest.mark.parametrize(
    "payload",
    [
        {"event_type": "contact.created", "event_id": "evt_1", "data": {"first_name": "Nobody"}},
        {"event_type": "form.submitted", "event_id": "evt_1", "data": {"submission": {"fields": {"a": "b"}}}},
        {"id": "7", "event": "form_submission", "payload": [records.form_submission("7", form_id="1", email="")]},
        {"id": "7", "event": "payment_succeeded", "payload": [records.transaction("7", customer_id="")]},
        {"id": "7", "event": "order_created", "payload": []},
    ],
)
def test_event_without_an_email_is_kept_as_unmatched(process: Any, payload: dict[str, Any]) -> None:
    event = process(payload, RELAY)
    assert event.status == "unmatched"
    assert "e-mail" in event.reason
    assert Contact.objects.count() == 0


@pytest.mark.parametrize(
    "person",
    [
        {"contact": {"email": "jane@example.com"}},
        {"member": {"email": "jane@example.com"}},
        {"email": "jane@example.com"},
        {"customer": {"email": "jane@example.com"}},
        {"user": {"email": "jane@example.com"}},
    ],
)
def test_email_is_found_wherever_a_relay_may_put_it(process: Any, person: dict[str, Any]) -> None:
    process({"event_type": "contact.created", "event_id": "evt_1", "data": person}, RELAY)
    assert Contact.objects.get().email == "jane@example.com"


# Signed, with ids that Kajabi does not know ---------------------------------------------------------------------------


@pytest.mark.parametrize("event_type", ["contact.created", "contact.updated"])
def test_signed_contact_is_believed_where_kajabi_does_not_know_its_id(
    process: Any, settle: Any, kajabi: FakeKajabi, event_type: str
) -> None:
    told = {"id": "con_123", "email": "jane@example.com", "first_name": "Jane", "city": "Portland"}
    event = process(reported("evt_1", NOW, **told) | {"event_type": event_type}, RELAY)
    assert Contact.objects.get().city == "Portland"
    settle(timedelta(minutes=11))
    settle(timedelta(minutes=40))
    event.refresh_from_db()
    assert (event.status, event.reason) == ("processed", "")
    assert Contact.objects.get().city == "Portland"
    assert not EmailMessage.objects.exists(), "nobody is told, and nothing has failed"
    reading = ContactRefresh.objects.get()
    assert (reading.status, reading.last_error) == ("done", "Kajabi does not know contact con_123")


def test_signed_event_that_says_no_more_than_an_unknown_id_fails(process: Any, settle: Any, kajabi: FakeKajabi) -> None:
    event = process(reported("evt_1", NOW, id="con_123", email=""), RELAY)
    settle(timedelta(minutes=11))
    settle(timedelta(minutes=40))
    event.refresh_from_db()
    assert (event.status, event.reason) == ("failed", "Kajabi does not know contact con_123")


def test_unknown_id_fails_the_hints_that_name_it_and_leaves_what_was_signed(
    process: Any, settle: Any, kajabi: FakeKajabi
) -> None:
    signed = process(reported("evt_1", NOW, id="404"), RELAY)
    hint = process(tagged("tag_added", "404"), HOOK, sign=False)
    settle(timedelta(minutes=11))
    settle(timedelta(minutes=40))
    signed.refresh_from_db()
    hint.refresh_from_db()
    assert (signed.status, hint.status) == ("processed", "failed")
    assert ContactRefresh.objects.get().status == "failed"


@pytest.mark.parametrize(
    "event_type",
    ["offer.purchased", "member.subscription.canceled", "member.subscription.renewed", "member.subscription.expired"],
)
def test_signed_membership_is_believed_with_ids_that_kajabi_does_not_know(
    process: Any, settle: Any, kajabi: FakeKajabi, relay: Any, plan: Any, event_type: str
) -> None:
    event = process(relay(event_type))
    settle(timedelta(minutes=40))
    event.refresh_from_db()
    assert event.status == "processed"
    assert not [exchange for exchange in kajabi.exchanges if "oauth" not in exchange.asked.path]
