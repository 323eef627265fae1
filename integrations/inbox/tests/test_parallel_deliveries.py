"""Parallel deliveries, each from a thread with a connection of its own."""

from typing import Any

import pytest

from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import User
from core.queue import runner
from integrations.inbox.models import InboxEvent
from integrations.issues import failed
from integrations.issues.models import Issue

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _plan(plan: Any) -> None:
    """Create the plan again: tables are emptied around these tests."""


def test_same_id_posted_fifty_times_at_once_is_one_row_and_one_effect(
    post: Any, relay: Any, at_once: Any, drain: Any
) -> None:
    answers = at_once([lambda: post(relay())] * 50)

    assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * 50
    first = [answer for answer in answers if answer.json() == {"status": "success"}]
    again = [answer for answer in answers if answer.json() == {"status": "success", "duplicate": True}]
    assert (len(first), len(again)) == (1, 49)
    drain()
    event = InboxEvent.objects.get()
    assert (event.status, event.duplicates, event.conflicts, event.attempts) == ("processed", 49, 0, 1)
    assert Subscription.objects.get().facts.count() == 1
    assert EmailMessage.objects.count() == 2


def test_twenty_bodies_under_one_id_at_once_are_all_stored_and_one_is_processed(
    post: Any, relay: Any, at_once: Any, drain: Any
) -> None:
    bodies = [relay(name=f"Jane {number}") for number in range(20)]
    answers = at_once([lambda body=body: post(body) for body in bodies])
    assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * 20
    drain()
    stands = InboxEvent.objects.get(status="processed")
    assert (stands.duplicates, stands.conflicts) == (19, 19)
    assert InboxEvent.objects.filter(status="ignored").count() == 19
    assert User.objects.get().email == "jane@example.com"


def test_batches_in_opposite_order_at_once_store_each_event_once(post: Any, relay: Any, at_once: Any) -> None:
    """Each of the two holds rows that the other one needs next, unless both take them in one order."""
    batch = [relay(event_id=f"evt_{number}") for number in range(40)]
    answers = at_once([lambda order=order: post(order) for order in (batch, batch[::-1]) * 3])
    assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * 6
    assert InboxEvent.objects.count() == 40
    assert set(InboxEvent.objects.values_list("duplicates", flat=True)) == {5}


def test_batches_with_unreadable_events_of_two_causes_at_once_are_stored(post: Any, at_once: Any) -> None:
    """Their rows come in the order of their digests, which is another one than that of the issues for half of them."""
    batches = [[number, {"id": f"evt_{number}"}] for number in range(12)]
    answers = at_once([lambda batch=batch: post(batch) for batch in batches])
    assert [getattr(answer, "status_code", answer) for answer in answers] == [400] * 12
    assert sorted(Issue.objects.values_list("failures", flat=True)) == [12, 12]


def test_contradictory_batches_in_opposite_order_at_once_are_stored(post: Any, relay: Any, at_once: Any) -> None:
    batches = [[relay(event_id=f"evt_{number}", name=f"J {one}") for number in range(20)] for one in range(4)]
    answers = at_once(
        [lambda order=order: post(order) for order in (*batches[:2], *(one[::-1] for one in batches[2:]))]
    )
    assert [getattr(answer, "status_code", answer) for answer in answers] == [200] * 4
    assert InboxEvent.objects.filter(status="pending").count() == 20
    assert InboxEvent.objects.filter(status="ignored").count() == 60


def test_eight_workers_on_one_event_make_one_attempt(receive: Any, relay: Any, at_once: Any) -> None:
    event = receive(relay())
    assert sorted(at_once([lambda: runner.run(InboxEvent, event.pk)] * 8)) == [False] * 7 + [True]
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("processed", 1)
    assert event.attempt_rows.get().outcome == "done"
    assert event.effects.count() == 5


def test_events_of_one_member_handled_at_once_end_in_one_subscription(receive: Any, relay: Any, at_once: Any) -> None:
    told = [
        receive(relay("offer.purchased", f"evt_{number}", occurred_at=f"2026-06-01T10:00:0{number}Z"))
        for number in range(8)
    ]
    at_once([lambda event=event: runner.run(InboxEvent, event.pk) for event in told])
    errors = InboxEvent.objects.exclude(status="processed").values_list("last_error", flat=True)
    assert list(errors) == []
    subscription = Subscription.objects.get()
    assert subscription.facts.count() == 8
    assert subscription.started_at.isoformat() == "2026-06-01T10:00:00+00:00"
    assert subscription.current_period_end.isoformat() == "2027-06-01T10:00:00+00:00"
    assert subscription.transitions.count() == 1
    assert EmailMessage.objects.filter(kind="welcome").count() == 1


def test_issues_of_a_batch_are_taken_in_one_order_once_all_its_rows_are_stored(
    post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[list[str]] = []
    note = failed.note_event

    def noting(event: InboxEvent, error: str) -> Issue:
        assert InboxEvent.objects.filter(status="failed").count() % 2 == 0, "all rows first"
        issue = note(event, error)
        taken[-1].append(issue.cause)
        return issue

    monkeypatch.setattr(failed, "note_event", noting)
    for number in range(6):
        taken.append([])
        post([number, {"id": f"evt_{number}"}])
    assert taken == [sorted(taken[0])] * 6
    assert len(set(taken[0])) == 2
