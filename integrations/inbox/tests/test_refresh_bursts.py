"""Refreshes of contacts that are kept equal: a lone change is read at once, a burst is one more read behind it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.queue import runner
from integrations.inbox.models import ContactRefresh, InboxEvent
from integrations.inbox.models.contact_refresh import AT_MOST, BREATH
from tests.harness.held_sides import A_MOMENT, HeldSides

pytestmark = pytest.mark.django_db
Wakeups = list[tuple[str, int]]


def reads(sides: HeldSides, contact: Any) -> int:
    """Return how often GoHighLevel was asked for this contact."""
    path = f"/contacts/{contact['id']}"
    return sum((one.asked.method, one.asked.path) == ("GET", path) for one in sides.ghl.exchanges)


@pytest.fixture
def pair(sides: HeldSides) -> tuple[Any, Any]:
    """One person, equal on both sides and not read for a while: (insured, contact)."""
    insured = sides.nowcerts.add_insured(eMail="ana@example.com", firstName="Ana", lastName="Ruiz", city="Miami")
    sides.settle()
    (contact,) = sides.ghl.contacts.values()
    sides.forward(A_MOMENT)
    sides.ghl.exchanges.clear()
    return insured, contact


def deliver_all(sides: HeldSides) -> None:
    hooks, sides.hooks[:] = list(sides.hooks), []
    for hook in hooks:
        assert sides.deliver(hook).status_code == 200


def test_lone_change_reaches_the_other_side_without_any_wait(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.ghl.edit(contact["id"], city="Orlando")
    deliver_all(sides)
    sides.drain()
    assert insured["city"] == "Orlando", "the clock stood still, and no sweep ran"
    assert reads(sides, contact) == 1


def test_each_step_wakes_the_worker_of_the_next(
    sides: HeldSides, pair: tuple[Any, Any], wakeups: Wakeups, django_capture_on_commit_callbacks: Any
) -> None:
    """The webhook wakes the event's worker, the event the refresh's, the refresh the write's: no sweep is needed."""
    insured, contact = pair
    sides.ghl.edit(contact["id"], city="Orlando")
    wakeups.clear()
    steps = []
    with django_capture_on_commit_callbacks(execute=True):
        deliver_all(sides)
    while wakeups:
        kind, key = wakeups.pop(0)
        steps.append(kind)
        with django_capture_on_commit_callbacks(execute=True):
            runner.run(runner.KINDS[kind].model, key)
    assert steps == ["inboxevent", "contactrefresh", "outgoingwrite"]
    assert insured["city"] == "Orlando"


def test_burst_of_fifty_webhooks_is_two_reads(
    sides: HeldSides, pair: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    insured, contact = pair
    moment = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: moment)  # on a busy machine fifty webhooks take longer than BREATH
    for number in range(50):
        sides.ghl.edit(contact["id"], city=f"Town {number}")
        deliver_all(sides)
        sides.drain()
    assert insured["city"] == "Town 0", "the first is read at once"
    sides.forward(BREATH * 2)
    sides.drain()
    assert (insured["city"], reads(sides, contact)) == ("Town 49", 2)


def test_requests_before_the_first_read_are_answered_by_it(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    for number in range(50):
        sides.ghl.edit(contact["id"], city=f"Town {number}")
        deliver_all(sides)
    sides.drain()
    assert (insured["city"], reads(sides, contact)) == ("Town 49", 1)


def test_doubled_wake_up_reads_once(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    _insured, contact = pair
    sides.ghl.edit(contact["id"], city="Orlando")
    deliver_all(sides)
    sides.drain()
    refresh = ContactRefresh.objects.get(provider="gohighlevel")
    assert not runner.run(ContactRefresh, refresh.pk), "nothing is due any more"
    assert reads(sides, contact) == 1


def test_lost_wake_up_is_found_by_the_sweep() -> None:
    row = ContactRefresh.objects.enqueue(provider="gohighlevel", external_id="1", at_once=True)
    assert ContactRefresh.objects.claim_wake_ups() == [], "its worker is on its way"
    later = timezone.now() + timedelta(seconds=6)
    assert ContactRefresh.objects.claim_wake_ups(now=later) == [row.pk]


def test_echo_of_our_own_write_is_known_without_a_read(sides: HeldSides, pair: tuple[Any, Any]) -> None:
    insured, contact = pair
    sides.nowcerts.edit(insured["id"], city="Tampa")
    sides.settle()
    assert contact["city"] == "Tampa"
    assert reads(sides, contact) == 1  # before the write, to merge
    assert len(sides.writes(sides.ghl)) == 1


def test_contact_that_never_rests_is_read_each_minute() -> None:
    start = timezone.now()
    row = ContactRefresh.objects.enqueue(provider="gohighlevel", external_id="1", at_once=True)
    ContactRefresh.objects.filter(pk=row.pk).update(status="done", read_at=start)
    again = ContactRefresh.objects.enqueue(provider="gohighlevel", external_id="1", at_once=True)
    assert again.next_attempt_at > timezone.now(), "it was read just now: a burst is coalesced"
    long_ago = timezone.now() - AT_MOST - timedelta(seconds=1)
    ContactRefresh.objects.filter(pk=row.pk).update(requested_at=long_ago)
    newest = ContactRefresh.objects.enqueue(provider="gohighlevel", external_id="1", at_once=True)
    assert newest.next_attempt_at <= timezone.now()


# Several contacts -----------------------------------------------------------------------------------------------------


def test_contacts_that_are_due_together_are_read_by_one_call(sides: HeldSides) -> None:
    for number in range(10):
        sides.nowcerts.add_insured(eMail=f"person{number}@example.com", firstName="Ana", lastName=str(number))
    deliver_all(sides)
    sides.drain()
    by_id = [
        one for one in sides.nowcerts.asked_for("/api/InsuredDetailList()") if "(id eq" in dict(one.query)["$filter"]
    ]
    assert len(by_id) == 1
    assert len(sides.ghl.contacts) == 10


def test_reading_for_another_is_not_used_where_a_request_came_since(sides: HeldSides) -> None:
    """A contact may have changed after it was read beside another one; its webhook says so."""
    insureds = [sides.nowcerts.add_insured(eMail=f"p{number}@example.com", firstName="Ana") for number in range(2)]
    deliver_all(sides)
    for event in InboxEvent.objects.order_by("pk"):
        runner.run(InboxEvent, event.pk)
    first, second = ContactRefresh.objects.order_by("pk")
    runner.run(ContactRefresh, first.pk)
    sides.forward(timedelta(seconds=1))
    sides.nowcerts.edit(second.external_id, city="Tampa")
    sides.settle()
    changed = next(one for one in insureds if one["id"] == second.external_id)
    assert [one.get("city") for one in sides.ghl.contacts.values() if one["email"] == changed["eMail"]] == ["Tampa"]
