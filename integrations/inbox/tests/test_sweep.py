"""The sweep wakes workers for rows that no worker was woken for, and not for the same row at each sweep."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.signin.models import LinkRequest
from core.queue import runner
from core.queue.tasks import run_jobs, sweep_jobs
from integrations.inbox.models import InboxEvent

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def test_new_row_waits_five_seconds_before_the_sweep_wakes_a_worker(
    receive: Any, relay: Any, wakeups: Any, travel: Any
) -> None:
    event = receive(relay())
    sweep_jobs()
    assert wakeups == []
    travel(6 * SECOND)
    sweep_jobs()
    assert wakeups == [("inboxevent", event.pk)]


def test_row_that_a_worker_was_woken_for_is_left_alone_for_twenty_seconds(
    receive: Any, relay: Any, wakeups: Any, travel: Any
) -> None:
    receive(relay())
    for seconds, woken in [(6, 1), (7, 1), (25, 1), (27, 2), (46, 2), (48, 3)]:
        travel(seconds * SECOND)
        sweep_jobs()
        assert len(wakeups) == woken, f"after {seconds} s"


def test_wake_up_does_not_keep_away_a_worker_that_is_already_coming(
    receive: Any, relay: Any, travel: Any, drain: Any
) -> None:
    event = receive(relay())
    travel(6 * SECOND)
    sweep_jobs()
    drain()
    event.refresh_from_db()
    assert (event.status, event.attempts) == ("processed", 1)


def test_finished_and_waiting_rows_wake_no_worker(
    process: Any, receive: Any, relay: Any, wakeups: Any, travel: Any
) -> None:
    process(relay(event_id="evt_done"))
    process({"type": "test", "id": "123"})
    waiting = receive(relay(event_id="evt_waits"))
    later = timezone.now() + timedelta(hours=1)
    InboxEvent.objects.filter(pk=waiting.pk).update(next_attempt_at=later, wake_at=later)
    EmailMessage.objects.update(wake_at=None)
    travel(10 * SECOND)
    sweep_jobs()
    assert wakeups == []
    travel(timedelta(hours=1, seconds=1))
    sweep_jobs()
    assert [key for _kind, key in wakeups] == [waiting.pk]


def test_row_whose_worker_died_is_woken_for_when_its_lease_ends(
    receive: Any, relay: Any, wakeups: Any, travel: Any
) -> None:
    event = receive(relay())
    InboxEvent.objects.claim(event.pk)
    for seconds, woken in [(10, []), (29, []), (31, [("inboxevent", event.pk)])]:
        travel(seconds * SECOND)
        sweep_jobs()
        assert wakeups == woken, f"after {seconds} s"


def test_oldest_rows_are_woken_for_first_and_at_most_so_many_at_once(receive: Any, relay: Any, travel: Any) -> None:
    keys = [receive(relay(event_id=f"evt_{number}")).pk for number in range(5)]
    travel(10 * SECOND)
    assert InboxEvent.objects.claim_wake_ups(limit=2) == keys[:2]
    assert InboxEvent.objects.claim_wake_ups(limit=2) == keys[2:4]
    assert InboxEvent.objects.claim_wake_ups() == keys[4:]
    assert InboxEvent.objects.claim_wake_ups() == []


def test_sweep_costs_two_queries_a_kind_however_many_rows_are_due(
    receive: Any, relay: Any, travel: Any, django_assert_num_queries: Any
) -> None:
    for number in range(5):
        receive(relay(event_id=f"evt_{number}"))
    travel(10 * SECOND)
    with django_assert_num_queries(len(runner.KINDS.values()) + 1):
        sweep_jobs()
    with django_assert_num_queries(len(runner.KINDS.values())):
        sweep_jobs()


def test_mails_and_requests_for_a_link_are_swept_the_same_way(
    receive: Any, relay: Any, wakeups: Any, travel: Any
) -> None:
    message = EmailMessage.objects.create(kind="welcome", key="k", to="jane@example.com", language="en")
    request = LinkRequest.objects.create(email="jane@example.com", language="en")
    travel(6 * SECOND)
    sweep_jobs()
    assert wakeups == [("linkrequest", request.pk), ("emailmessage", message.pk)]


def test_task_with_keys_of_rows_that_are_gone_or_done_does_nothing(process: Any, relay: Any) -> None:
    event = process(relay())
    run_jobs("inboxevent", [event.pk, 999_999])
    for kind in runner.KINDS.values():
        run_jobs(kind.name, [999_999])
    event.refresh_from_db()
    assert event.attempts == 1
