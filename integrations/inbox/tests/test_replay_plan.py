"""The plan of a replay: what processing events again would change, and nothing of it stays."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail.models import EmailMessage
from accounts.memberships.models import PlanOffer, Purchase, Subscription
from accounts.people.models import Contact, ContactEmail, User
from integrations.inbox.models import Effect, InboxAttempt, InboxEvent
from integrations.inbox.replays import plan as planning
from integrations.inbox.replays import summary
from integrations.inbox.replays.criteria import Criteria, CriteriaForm
from integrations.inbox.replays.plan import Plan

pytestmark = pytest.mark.django_db
NEW_OFFER = {"id": "off_new", "name": "New"}


@pytest.fixture
def unmatched(process: Any, relay: Any) -> Callable[..., InboxEvent]:
    """Returns a function that makes an event which is unmatched for want of a plan."""

    def make(event_id: str = "evt_1", email: str = "jane@example.com") -> InboxEvent:
        event: InboxEvent = process(relay(event_id=event_id, email=email, offer=NEW_OFFER))
        assert event.status == "unmatched"
        return event

    return make


def sell_offer(plan: Any) -> None:
    """Map the offer without what that sets off."""
    PlanOffer.objects.bulk_create([PlanOffer(plan=plan, provider="kajabi", external_id="off_new")])


def plan_of(*events: InboxEvent) -> Plan:
    return planning.plan([event.pk for event in events])


def everything() -> dict[str, Any]:
    models = (InboxEvent, InboxAttempt, Effect, Contact, User, Subscription, Purchase, EmailMessage)
    return {model.__name__: list(model._base_manager.order_by("pk").values()) for model in models}


def found(**filters: str) -> list[str]:
    form = CriteriaForm(filters)
    assert form.is_valid(), form.errors
    return [event.external_id for event in form.criteria.events()]


def test_event_that_would_go_through_shows_its_rows_and_mails(unmatched: Callable[..., InboxEvent], plan: Any) -> None:
    event = unmatched()
    sell_offer(plan)
    (planned,) = plan_of(event).events
    assert (planned.event.status, planned.status, planned.reason) == ("unmatched", "processed", "")
    created = {row.model.__name__ for row in planned.rows if row.verb == "created"}
    assert {"Contact", "User", "Subscription", "Purchase", "SubscriptionFact"} <= created
    assert set(planned.mails) == {
        ("welcome", "jane@example.com", "pending"),
        ("staff_new_member", "staff@example.com", "pending"),
    }


def test_plan_leaves_nothing_behind(
    unmatched: Callable[..., InboxEvent], plan: Any, wakeups: list[Any], lines: Any
) -> None:
    event = unmatched()
    sell_offer(plan)
    before, woken, logged = everything(), list(wakeups), lines.text
    assert plan_of(event).changing == 1
    assert (everything(), wakeups, lines.text) == (before, woken, logged)


def test_processed_event_would_change_nothing(process: Any, relay: Any) -> None:
    (planned,) = plan_of(process(relay())).events
    assert (planned.status, planned.changes_something) == ("processed", False)


def test_event_that_stays_unmatched_says_why(unmatched: Callable[..., InboxEvent]) -> None:
    (planned,) = plan_of(unmatched()).events
    assert planned.status == "unmatched"
    assert "off_new" in planned.reason
    assert not planned.changes_something


def test_later_event_of_a_plan_finds_what_an_earlier_one_would_leave(
    unmatched: Callable[..., InboxEvent], plan: Any
) -> None:
    events = unmatched("evt_1"), unmatched("evt_2")
    sell_offer(plan)
    first, second = plan_of(*events).events
    assert "Contact" in {row.model.__name__ for row in first.rows if row.verb == "created"}
    assert "Contact" not in {row.model.__name__ for row in second.rows if row.verb == "created"}
    assert len(first.mails) == 2
    assert second.mails == ()


def test_handler_that_breaks_is_planned_as_a_retry_and_the_next_event_goes_through(
    unmatched: Callable[..., InboxEvent], plan: Any, monkeypatch: Any
) -> None:
    events = unmatched("evt_1"), unmatched("evt_2", "joe@example.com")
    sell_offer(plan)
    from integrations.inbox import process

    real = process.handle

    def handle(fact: Any, context: Any) -> Any:
        changes = real(fact, context)
        if context.cause.event_id == events[0].pk:
            raise ZeroDivisionError("broken")
        return changes

    monkeypatch.setattr(process, "handle", handle)
    first, second = plan_of(*events).events
    assert (first.status, first.reason) == ("pending", "ZeroDivisionError: broken")
    assert first.rows == ()
    assert second.status == "processed"
    assert second.changes_something


def test_plan_ends_when_its_time_is_over_and_the_next_part_goes_on(process: Any, relay: Any, monkeypatch: Any) -> None:
    keys = [process(relay(event_id=f"evt_{n}")).pk for n in range(3)]
    monkeypatch.setattr(planning, "SECONDS", 0)
    assert [[one.event.pk for one in part.events] for part in planning.parts(keys)] == [[key] for key in keys]


def test_event_that_is_gone_is_passed_and_no_other_is_planned_twice(process: Any, relay: Any, monkeypatch: Any) -> None:
    keys = [process(relay(event_id=f"evt_{n}")).pk for n in range(3)]
    InboxEvent.objects.filter(pk=keys[0]).delete()
    monkeypatch.setattr(planning, "MOST", 2)
    assert [[one.event.pk for one in part.events] for part in planning.parts(keys)] == [[keys[1]], [keys[2]]]


def test_summary_counts_each_row_once(unmatched: Callable[..., InboxEvent], plan: Any) -> None:
    events = unmatched("evt_1"), unmatched("evt_2")
    sell_offer(plan)
    whole = plan_of(*events)
    lines = dict(summary.of_plan(whole))
    assert lines["Processed"] == "2 events"
    assert lines["Contacts"] == "1 new"
    assert lines["E-mail: welcome, with the set-up link"] == "1"
    document = summary.as_json([whole])
    assert (document["planned"], document["outcomes"]) == (2, {"processed": 2})
    assert {"model": "accounts.contact", "verb": "created", "count": 1} in document["rows"]
    assert document["events"][0]["rows"][0]["id"] is None


# The filter -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"provider": "kajabi"}, ["evt_1", "evt_2"]),
        ({"provider": "nowcerts"}, []),
        ({"status": "unmatched"}, ["evt_2"]),
        ({"type": "offer.purchased"}, ["evt_1", "evt_2"]),
        ({"person": "joe@example.com"}, ["evt_2"]),
        ({"until": "2026-01-01"}, []),
    ],
)
def test_filter_narrows_the_events(
    filters: dict[str, str], expected: list[str], process: Any, relay: Any, unmatched: Callable[..., InboxEvent]
) -> None:
    process(relay())
    unmatched("evt_2", "joe@example.com")
    assert found(**filters) == expected


def test_filter_by_days_is_in_the_time_zone_and_the_last_day_is_whole(process: Any, relay: Any, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    zone = timezone.get_default_timezone
    zone.cache_clear()
    try:
        event = process(relay())
        day = timezone.localtime(event.received_at, zone()).date()
        with timezone.override(zone()):
            assert found(since=str(day), until=str(day)) == ["evt_1"]
            assert found(until=str(day - timedelta(days=1))) == []
            assert found(since=str(day + timedelta(days=1))) == []
    finally:
        zone.cache_clear()


def test_filter_by_a_person_finds_the_events_of_their_other_addresses(process: Any, relay: Any) -> None:
    process(relay())
    ContactEmail.objects.create(contact=Contact.objects.get(), email="other@example.com")
    assert found(person="Other@Example.com ") == ["evt_1"]


def test_ignored_event_is_replayed_only_where_the_filter_says_so(process: Any, relay: Any) -> None:
    event = process(relay())
    InboxEvent.objects.update(status="ignored")
    assert found(provider="kajabi") == []
    assert found(status="ignored") == ["evt_1"]
    assert found(ids=str(event.pk)) == ["evt_1"]


def test_event_without_contents_or_handler_or_about_to_be_processed_is_left_alone(
    receive: Any, process: Any, relay: Any
) -> None:
    receive(relay(event_id="evt_new"))
    pruned, other = process(relay(event_id="evt_2")), process(relay(event_id="evt_3"))
    InboxEvent.objects.filter(pk=pruned.pk).update(pruned_at=timezone.now(), payload=None)
    InboxEvent.objects.filter(pk=other.pk).update(event_type="nothing.known")
    InboxEvent.objects.filter(external_id="evt_new").update(status="pending", failures=0, awaits="")
    assert found(provider="kajabi") == []
    assert Criteria(provider="kajabi").matching().count() == 3


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({}, "Narrow the events down: all of them at once are not processed again."),
        ({"provider": "", "ids": " , "}, "Narrow the events down: all of them at once are not processed again."),
        ({"ids": "1,x"}, "Enter numbers of events, with commas between them."),
        ({"ids": ",".join("1" * 501)}, "At most 500 events by their numbers."),
        ({"person": "jane"}, "Enter a whole e-mail address."),
        ({"provider": "acme"}, "Select a valid choice. acme is not one of the available choices."),
        ({"since": "yesterday"}, "Enter a valid date/time."),
    ],
)
def test_filter_that_narrows_nothing_or_cannot_be_read_is_refused(filters: dict[str, str], message: str) -> None:
    form = CriteriaForm(filters)
    assert not form.is_valid()
    assert [text for texts in form.errors.values() for text in texts] == [message]
