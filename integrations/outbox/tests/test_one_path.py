"""One path for a contact's value: each thing that is really learnt is merged once, and a write settles with its own
answer.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from accounts.people import contacts
from accounts.people.models import Contact, ContactChange
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.outbox import enqueue
from integrations.outbox.models import OutgoingWrite
from tests.fakes.http_server import Answer
from tests.harness.fake_sides import NOWCERTS_HOOK, contact_as, insured_as
from tests.harness.held_sides import HeldSides

pytestmark = pytest.mark.django_db
NUMBER = "+13055550100"
ANA = {"eMail": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": NUMBER, "city": "Miami"}
AT_GHL = {"email": "ana@example.com", "firstName": "Ana", "lastName": "Ruiz", "phone": NUMBER, "city": "Miami"}
AWAY = Answer(status=503, body=b"{}")
Trace = list[tuple[str, Any]]


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> Trace:
    """Merges (provider, names that changed; True where somebody was created), and writes that were enqueued."""
    seen: Trace = []
    apply_report, enqueue_write = contacts.apply_report, enqueue.enqueue_write

    def merged(*args: Any, provider: str, **options: Any) -> Any:
        changed = apply_report(*args, provider=provider, **options)
        seen.append((provider, changed.created or changed.changed))
        return changed

    def enqueued(contact: Contact, provider: str, **options: Any) -> Any:
        seen.append(("enqueue", provider))
        return enqueue_write(contact, provider, **options)

    monkeypatch.setattr(contacts, "apply_report", merged)
    monkeypatch.setattr(enqueue, "enqueue_write", enqueued)
    monkeypatch.setattr("integrations.outbox.contacts.enqueue_write", enqueued)
    return seen


@pytest.fixture
def traced(sides: HeldSides, trace: Trace) -> Callable[[], Trace]:
    """Settles, and returns what was merged, enqueued, called and written since the last time."""

    def settle() -> Trace:
        sides.settle()
        steps = trace[:]
        for name, fake in (("nowcerts", sides.nowcerts), ("gohighlevel", sides.ghl)):
            calls = [exchange.asked for exchange in fake.exchanges if exchange.asked.path != "/api/token"]
            writes = sum(asked in sides.writes(fake) for asked in calls)
            steps.append((f"reads, writes at {name}", (len(calls) - writes, writes)))
            fake.exchanges.clear()
        trace.clear()
        return steps

    return settle


def calls(*, nowcerts: tuple[int, int], gohighlevel: tuple[int, int]) -> Trace:
    return [("reads, writes at nowcerts", nowcerts), ("reads, writes at gohighlevel", gohighlevel)]


def both(sides: HeldSides) -> tuple[Any, Any]:
    (insured,), (contact,) = sides.nowcerts.insureds.values(), sides.ghl.contacts.values()
    return insured, contact


# Each real change -----------------------------------------------------------------------------------------------------


def test_new_insured_is_merged_once_and_its_echoes_are_not_read(sides: HeldSides, traced: Callable[[], Trace]) -> None:
    sides.nowcerts.add_insured(**ANA)
    assert traced() == [
        ("nowcerts", True),
        ("enqueue", "gohighlevel"),
        *calls(nowcerts=(1, 0), gohighlevel=(1, 1)),
    ]
    assert ContactChange.objects.count() == 0
    assert OutgoingWrite.objects.get().echoes == 2


def test_new_contact_is_merged_once_and_its_echo_is_read_once(sides: HeldSides, traced: Callable[[], Trace]) -> None:
    """NowCerts' notices have an id alone, so only a reading can say that nothing is new."""
    sides.ghl.add_contact(**AT_GHL)
    assert traced() == [
        ("gohighlevel", True),
        ("enqueue", "nowcerts"),
        ("nowcerts", ()),
        *calls(nowcerts=(2, 1), gohighlevel=(1, 0)),
    ]
    assert ContactChange.objects.count() == 0
    assert OutgoingWrite.objects.get().echoes == 1


def test_change_is_merged_once_wherever_it_was_made(sides: HeldSides, traced: Callable[[], Trace]) -> None:
    sides.nowcerts.add_insured(**ANA)
    traced()
    insured, contact = both(sides)

    sides.ghl.edit(contact["id"], city="Tampa")
    assert traced() == [
        ("gohighlevel", ("city",)),
        ("enqueue", "nowcerts"),
        ("nowcerts", ()),  # the other record before it is written
        ("nowcerts", ()),  # the echo
        *calls(nowcerts=(2, 1), gohighlevel=(1, 0)),
    ]
    sides.nowcerts.edit(insured["id"], city="Orlando")
    assert traced() == [
        ("nowcerts", ("city",)),
        ("enqueue", "gohighlevel"),
        ("gohighlevel", ()),
        *calls(nowcerts=(1, 0), gohighlevel=(1, 1)),
    ]
    assert list(ContactChange.objects.order_by("pk").values_list("after", "provider")) == [
        ("Tampa", "gohighlevel"),
        ("Orlando", "nowcerts"),
    ]
    assert insured_as(insured) == contact_as(contact)


def test_changes_of_both_sides_are_merged_once_each(sides: HeldSides, traced: Callable[[], Trace]) -> None:
    """The write finds a change that nobody reported, and makes it due at the other side alone."""
    sides.nowcerts.add_insured(**ANA)
    traced()
    insured, contact = both(sides)
    sides.muted = True
    sides.ghl.edit(contact["id"], website="https://ana.example")
    sides.muted = False
    sides.nowcerts.edit(insured["id"], city="Orlando")
    steps = traced()
    assert steps[:4] == [
        ("nowcerts", ("city",)),
        ("enqueue", "gohighlevel"),
        ("gohighlevel", ("website",)),
        ("enqueue", "nowcerts"),
    ]
    assert all(changed == () for _provider, changed in steps[4:-2])
    assert OutgoingWrite.objects.filter(operation="update").count() == 2
    assert (insured["website"], contact["city"]) == ("https://ana.example", "Orlando")


# What says nothing new ------------------------------------------------------------------------------------------------


def test_hint_reports_nothing_until_the_record_was_read(sides: HeldSides, trace: Trace) -> None:
    insured = sides.nowcerts.add_insured(**ANA)
    sides.settle()
    before = Contact.objects.get().mappings.get(provider="nowcerts").reported_at
    sides.nowcerts.edit(insured["id"], city="Tampa")
    trace.clear()
    sides.nowcerts.misbehave(*[AWAY] * 8)
    for hook in sides.hooks:
        assert hook[0] == NOWCERTS_HOOK
        sides.deliver(hook)
    sides.hooks.clear()
    sides.drain()
    assert InboxEvent.objects.latest("pk").status == "processed"
    assert trace == []
    assert Contact.objects.get().mappings.get(provider="nowcerts").reported_at == before


def test_change_whose_reading_failed_is_found_in_the_list(sides: HeldSides) -> None:
    """The hint came after the change: had it counted as a report, the list's row would be taken for known."""
    sides.ghl.add_contact(**AT_GHL)
    sides.settle()
    insured, contact = both(sides)
    sides.ghl.edit(contact["id"], city="Tampa")
    sides.ghl.misbehave(*[AWAY] * 8)
    for hook in sides.hooks:
        sides.deliver(hook)
    sides.hooks.clear()
    sides.drain()
    assert ContactRefresh.objects.filter(provider="gohighlevel").update(status="failed", next_attempt_at=None) == 1
    sides.ghl.behave()
    call_command("reconcile", "gohighlevel")
    sides.settle()
    assert (Contact.objects.get().city, insured["city"]) == ("Tampa", "Tampa")


def test_list_of_what_is_known_changes_and_writes_nothing(
    sides: HeldSides, traced: Callable[[], Trace], capsys: pytest.CaptureFixture[str]
) -> None:
    sides.nowcerts.add_insured(**ANA)
    sides.settle()
    sides.nowcerts.edit(both(sides)[0]["id"], city="Tampa")
    traced()
    for provider in ("nowcerts", "gohighlevel"):
        call_command("reconcile", provider)
        assert "done: " in (last := capsys.readouterr().out.splitlines()[-1])
        assert " 1 seen, 0 changed, 0 healed" in last
    assert [step for step in traced() if step[0] == "enqueue"] == []
    assert OutgoingWrite.objects.count() == 2


# A write settles with its own answer ----------------------------------------------------------------------------------


def test_emptied_values_are_not_filled_in_where_a_record_is_created(sides: HeldSides, settings: Any) -> None:
    """Neither a number that the person gave up, nor a mark in place of a source: the write would make another due."""
    settings.CONTACT_SYNC = False
    contact = sides.ghl.add_contact(**AT_GHL, source="Fair")
    sides.settle()
    sides.ghl.edit(contact["id"], phone=None, source="")
    sides.settle()
    settings.CONTACT_SYNC = True
    sides.ghl.edit(contact["id"], city="Tampa")
    sides.settle()
    (insured,) = sides.nowcerts.insureds.values()
    assert [row.operation for row in OutgoingWrite.objects.filter(provider="nowcerts")] == ["create"]
    assert (insured["city"], insured.get("phone"), insured.get("referralSourceCompanyName")) == ("Tampa", None, None)


def test_person_of_nothing_but_an_emptied_number_is_not_created(sides: HeldSides, settings: Any) -> None:
    settings.CONTACT_SYNC = False
    contact = sides.ghl.add_contact(firstName="Ana", lastName="Ruiz", phone=NUMBER)
    sides.settle()
    sides.ghl.edit(contact["id"], phone=None)
    sides.settle()
    settings.CONTACT_SYNC = True
    sides.ghl.edit(contact["id"], city="Tampa")
    sides.settle()
    assert len(sides.nowcerts.insureds) == 0
