"""Replays in the background: progress, pace, stop, and what happens when a worker dies or two of them come."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import PlanOffer, Purchase
from core.cause import Cause
from core.queue import runner
from integrations.inbox import process as inbox
from integrations.inbox.models import InboxAttempt, InboxEvent, Replay
from integrations.inbox.replays import actions
from integrations.inbox.replays.criteria import Criteria

CAUSE = Cause(text="test")
KAJABI = Criteria(provider="kajabi")


class Died(BaseException):
    """The worker's process is gone: nothing catches that."""


@pytest.fixture
def events(process: Any, relay: Any) -> Callable[[int], list[InboxEvent]]:
    """Returns a function that makes events, unmatched for want of a plan, each of another person."""

    def make(count: int) -> list[InboxEvent]:
        offer = {"id": "off_new", "name": "New"}
        members = [{"id": f"mem_{n}", "email": f"p{n}@example.com", "first_name": "P"} for n in range(count)]
        return [process(relay(event_id=f"evt_{n}", member=member, offer=offer)) for n, member in enumerate(members)]

    return make


def sell_offer(plan: Any) -> None:
    """Map the offer without what that sets off."""
    PlanOffer.objects.bulk_create([PlanOffer(plan=plan, provider="kajabi", external_id="off_new")])


def started(criteria: Criteria = KAJABI, **options: Any) -> Replay:
    replay, is_new = actions.start(criteria, cause=CAUSE, **options)
    assert is_new
    return replay


def run(replay: Replay) -> Replay:
    """Make one attempt, due or not."""
    Replay.objects.filter(pk=replay.pk, status="pending").update(next_attempt_at=timezone.now())
    runner.run(Replay, replay.pk)
    replay.refresh_from_db()
    return replay


def counted(replay: Replay) -> tuple[str, int, int, int]:
    replay.refresh_from_db()
    return replay.status, replay.done, replay.changed, replay.unsettled


def attempts() -> list[int]:
    return list(InboxEvent.objects.order_by("pk").values_list("attempts", flat=True))


@pytest.mark.django_db
def test_replay_processes_its_events_and_counts_what_changed(events: Any, process: Any, relay: Any, plan: Any) -> None:
    events(2)
    process(relay(event_id="evt_done"))
    process(relay(event_id="evt_other", email="z@example.com", offer={"id": "off_other", "name": "Other"}))
    sell_offer(plan)
    replay = started()
    assert (replay.total, replay.status) == (4, "pending")
    assert counted(run(replay)) == ("done", 4, 2, 1)
    assert attempts() == [2, 2, 2, 2]
    assert Purchase.objects.count() == 3


@pytest.mark.django_db
def test_pace_is_kept(events: Any) -> None:
    events(5)
    replay = started(pace=24)  # two in five seconds
    began = timezone.now()
    run(replay)
    assert counted(replay)[:2] == ("pending", 2)
    assert replay.next_attempt_at is not None
    assert timedelta(seconds=4.5) < replay.next_attempt_at - began < timedelta(seconds=6)
    assert not runner.run(Replay, replay.pk), "it is not due yet"
    run(replay)
    assert counted(run(replay))[:2] == ("done", 5)


@pytest.mark.django_db
def test_event_that_came_or_left_the_filter_meanwhile_is_left_alone(events: Any, receive: Any, relay: Any) -> None:
    first, second = events(2)
    replay = started(Criteria(status="unmatched"))
    runner.run(InboxEvent, receive(relay(event_id="evt_later", offer={"id": "off_new", "name": "New"})).pk)
    inbox.ignore([second], reason="a test", cause=CAUSE)
    assert counted(run(replay)) == ("done", 1, 0, 1)
    assert attempts() == [2, 1, 1]
    assert first.pk == replay.place


@pytest.mark.django_db
def test_stopped_replay_begins_no_further_event_and_resumes_at_its_place(events: Any) -> None:
    events(3)
    replay = started(pace=12)
    run(replay)
    assert actions.stop(replay)
    assert not actions.stop(replay)
    assert counted(run(replay))[:2] == ("stopped", 1)
    assert actions.resume(replay)
    assert not actions.resume(replay)
    run(replay)
    assert counted(run(replay))[:2] == ("done", 3)
    assert attempts() == [2, 2, 2]


@pytest.mark.django_db
def test_replay_that_is_stopped_during_an_event_finishes_that_one(events: Any, plan: Any, monkeypatch: Any) -> None:
    events(3)
    sell_offer(plan)
    replay = started()
    real = inbox.handle

    def handle(fact: Any, context: Any) -> Any:
        actions.stop(replay)
        return real(fact, context)

    monkeypatch.setattr(inbox, "handle", handle)
    assert counted(run(replay)) == ("stopped", 1, 1, 0)
    assert attempts() == [2, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_worker_that_dies_over_an_event_loses_nothing_and_doubles_nothing(
    events: Any, plan: Any, monkeypatch: Any
) -> None:
    made = events(3)
    sell_offer(plan)
    replay = started()
    with monkeypatch.context() as patch:

        def die(*_: Any) -> None:
            raise Died

        patch.setattr(inbox, "handle", die)
        with pytest.raises(Died):
            run(replay)
    assert counted(replay) == ("pending", 1, 0, 0)
    run(replay)
    assert counted(replay) == ("pending", 1, 0, 0), "the dead worker's lease of the event holds"
    assert "is being processed" in replay.last_error
    InboxEvent.objects.filter(pk=made[0].pk).update(next_attempt_at=timezone.now())  # the lease has run out
    assert counted(run(replay)) == ("done", 3, 3, 0)
    assert attempts() == [3, 2, 2]
    assert Purchase.objects.count() == 3
    assert EmailMessage.objects.filter(kind="welcome").count() == 3


@pytest.mark.django_db(transaction=True)
def test_worker_that_dies_before_the_place_is_stored_begins_the_event_once(events: Any, monkeypatch: Any) -> None:
    events(1)
    replay = started()
    with monkeypatch.context() as patch:

        def die(self: Any, **_: Any) -> None:
            raise Died

        patch.setattr(Replay, "update_fenced", die)
        with pytest.raises(Died):
            run(replay)
    assert InboxEvent.objects.get().status == "unmatched"
    assert counted(run(replay))[:2] == ("done", 1)
    assert InboxAttempt.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_same_plan_confirmed_twice_at_once_starts_one_replay(events: Any, at_once: Any) -> None:
    events(2)
    key = uuid4()
    answers = at_once([lambda: actions.start(KAJABI, cause=CAUSE, key=key) for _press in range(4)])
    assert sorted(is_new for _replay, is_new in answers) == [False, False, False, True]
    assert {replay.pk for replay, _is_new in answers} == {Replay.objects.get().pk}


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_begin_each_event_once(events: Any, plan: Any, at_once: Any) -> None:
    events(4)
    sell_offer(plan)
    replay = started()
    at_once([lambda: runner.run(Replay, replay.pk) for _worker in range(3)])
    assert counted(replay) == ("done", 4, 4, 0)
    assert attempts() == [2, 2, 2, 2]


@pytest.mark.django_db(transaction=True)
def test_two_replays_of_the_same_events_at_once_change_them_once(events: Any, plan: Any, at_once: Any) -> None:
    events(4)
    sell_offer(plan)
    replays = [started(), started()]
    at_once([lambda replay=replay: runner.run(Replay, replay.pk) for replay in replays])
    while Replay.objects.filter(status="pending").exists():
        for replay in replays:
            run(replay)
    assert Purchase.objects.count() == 4
    assert EmailMessage.objects.filter(kind="welcome").count() == 4


@pytest.mark.django_db
def test_filter_without_events_starts_nothing() -> None:
    with pytest.raises(actions.NothingToReplay):
        actions.start(KAJABI, cause=CAUSE)
    assert not Replay.objects.exists()


# Failures -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_replay_has_failures_until_its_events_are_retried_or_ignored(events: Any, plan: Any) -> None:
    first, second = events(2)
    replay = run(started())
    assert counted(replay) == ("done", 2, 0, 2)
    assert set(replay.unsettled_events.all()) == {first, second}
    assert list(Replay.objects.with_failures()) == [replay]
    first.refresh_from_db()
    inbox.ignore([first], reason="a test sale", cause=CAUSE)
    assert list(Replay.objects.with_failures()) == [replay], "the second one is still unmatched"
    sell_offer(plan)
    second.refresh_from_db()
    inbox.retry([second], wake=False)
    assert not Replay.objects.with_failures().exists()
    runner.run(InboxEvent, second.pk)
    assert not Replay.objects.with_failures().exists()


@pytest.mark.django_db
def test_replay_that_settles_its_events_remembers_none(events: Any, plan: Any) -> None:
    events(2)
    sell_offer(plan)
    replay = run(started())
    assert counted(replay) == ("done", 2, 2, 0)
    assert not replay.unsettled_events.exists()
    assert not Replay.objects.with_failures().exists()


@pytest.mark.django_db
def test_replay_remembers_as_many_events_as_the_home_page_may_look_at(
    events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _second = events(2)
    monkeypatch.setattr("integrations.inbox.replays.work.REMEMBERED", 1)
    replay = run(started())
    assert counted(replay) == ("done", 2, 0, 2)
    assert list(replay.unsettled_events.all()) == [first]


@pytest.mark.django_db
def test_replay_that_failed_has_failures_until_it_goes_on() -> None:
    replay = Replay.objects.create(status="failed", pace=1, last_id=1, total=1, cause="test")
    Replay.objects.create(status="stopped", pace=1, last_id=1, total=1, cause="test", unsettled=1)
    assert list(Replay.objects.with_failures()) == [replay]
    actions.resume(replay, wake=False)
    assert not Replay.objects.with_failures().exists()
