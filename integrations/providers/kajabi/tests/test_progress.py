"""Progress in courses as relays report it: how numbers are read, and what a delivery leads to."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.courses import progress as progress_rows
from accounts.courses.models import CourseProgress, PointsEntry
from accounts.people.models import Contact, ContactEmail, User
from accounts.people.person import of_user
from accounts.privacy import erase
from integrations.contracts.exceptions import Unreadable
from integrations.inbox.models import InboxEvent
from integrations.providers.kajabi import progress

COURSES = "/api/kajabi/webhook"
NAME = "progress__leaps_relay"


@pytest.mark.parametrize(
    ("body", "percent"),
    [
        ({"progress": 45}, 45),
        ({"progress": "45"}, 45),
        ({"progress": "45%"}, 45),
        ({"progress": " 45 % "}, 45),
        ({"progress": "45,5 %"}, 45),
        ({"progress": 0}, 0),
        ({"progress": 0.45}, 45),
        ({"progress": 0.29}, 29),
        ({"progress": "0.999"}, 99),
        ({"progress": "0.45%"}, 0),
        ({"progress": 99.9}, 99),
        ({"progress": 100}, 100),
        ({"progress": 100.0}, 100),
        ({"progress": 1.5}, 1),
        ({"percent": 45}, 45),
        ({"percentage": "45%"}, 45),
        ({"percent": 0.45}, 0),
        ({"percent": 1}, 1),
        ({"progress": {"percent": 45}}, 45),
        ({"progress": {"value": 0.5}}, 50),
        ({"course": {"title": "AI", "progress": 45}}, 45),
        ({"completed_lessons": 1, "total_lessons": 3}, 33),
        ({"progress": {"completed_lessons": 3, "total_lessons": 3}}, 100),
        ({"progress": {"completed": "9", "total": "20"}}, 45),
        ({"progress": 0.9, "percent": 80, "completed_lessons": 1, "total_lessons": 2}, 50),
        ({"progress": 0.9, "percent": 80}, 80),
        ({"progress": {"completed": True, "percent": 60}}, 60),
        ({"progress": 45, "completed": "2026-03-02", "total": "299.00"}, 45),
        ({"progress": 45, "value": 99}, 45),
    ],
)
def test_number_is_read_by_the_most_exact_rule(body: dict[str, Any], percent: int) -> None:
    assert progress.percent(body) == percent


@pytest.mark.parametrize("one", [1, 1.0, "1", "1.0"])
def test_bare_one_is_never_a_completed_course(one: Any) -> None:
    assert progress.percent({"progress": one}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"progress": None},
        {"progress": True},
        {"progress": "almost done"},
        {"progress": -1},
        {"progress": 101},
        {"progress": "101%"},
        {"percent": 100.1},
        {"progress": "NaN"},
        {"progress": float("inf")},
        {"progress": "1e999999999"},
        {"progress": "9" * 5000},
        {"progress": "4_5"},
        {"progress": [45]},
        {"completed_lessons": 4, "total_lessons": 3},
        {"completed_lessons": 0, "total_lessons": 0},
        {"completed_lessons": -1, "total_lessons": 3},
        {"completed_lessons": 1.5, "total_lessons": 3},
        {"completed_lessons": "9" * 5000, "total_lessons": "9" * 5000},
        {"completed_lessons": 4, "total_lessons": 3, "percent": 50},
    ],
)
def test_number_that_says_nothing_certain_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(Unreadable, match="the progress cannot be read"):
        progress.percent(body)


@pytest.mark.django_db
def test_progress_of_a_member_is_stored_with_its_event(user: User, process: Any, fixture: Any) -> None:
    event = process(fixture(NAME), COURSES)
    assert (event.status, event.person_email) == ("processed", "jane@example.com")
    row = CourseProgress.objects.get()
    assert (row.user, row.email, row.percent, row.highest) == (user, "jane@example.com", 45, 45)
    assert (row.course, row.course_id) == ("AI Foundations for Educators", "course_77")
    assert (row.occurred_at, row.event_id) == (datetime(2026, 3, 2, 10, 31, tzinfo=UTC), event.pk)
    assert event.effects.get().description == "progress: 45 % of AI Foundations for Educators"
    assert not PointsEntry.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("event_type", sorted(progress.TYPES))
@pytest.mark.parametrize("person", ["member", "student", "contact", "customer"])
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_progress_is_read_in_every_envelope(
    user: User, process: Any, event_type: str, person: str, is_wrapped: bool
) -> None:
    body = {person: {"id": "7", "email": "Jane@Example.com"}, "course": {"id": 5, "name": "AI"}, "progress": 30}
    envelope = {"event_type": event_type, "event_id": "evt_1", "created_at": "2026-03-02T10:31:00Z"}
    event = process(envelope | ({"data": body} if is_wrapped else body), COURSES)
    assert event.status == "processed"
    row = CourseProgress.objects.get()
    assert (row.user, row.course, row.percent, row.occurred_at.day) == (user, "AI", 30, 2)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"progress": "soon"}, "failed", "the progress cannot be read: 'soon'"),
        ({"progress": 140}, "failed", "the progress cannot be read: '140'"),
        ({"member": {"id": "mem_1"}}, "unmatched", "the event names no e-mail"),
        ({"member": {"email": "jane at example.com"}}, "unmatched", "'jane at example.com' is no e-mail address"),
        ({"course": {}}, "unmatched", "the event names no course"),
        ({"course": " \t "}, "unmatched", "the event names no course"),
    ],
)
def test_what_cannot_be_stored_is_kept_for_staff_with_the_reason(
    user: User, process: Any, fixture: Any, change: dict[str, Any], status: str, reason: str
) -> None:
    payload = fixture(NAME)
    payload["data"] |= change
    event = process(payload, COURSES)
    assert event.status == status
    assert reason in f"{event.reason} {event.last_error}"
    assert not CourseProgress.objects.exists()


@pytest.mark.django_db
def test_course_without_a_title_goes_by_its_id(user: User, process: Any, fixture: Any) -> None:
    payload = fixture(NAME)
    payload["data"]["course"] = {"id": 77}
    process(payload, COURSES)
    row = CourseProgress.objects.get()
    assert (row.course, row.course_key, row.course_id) == ("77", "77", "77")


@pytest.mark.django_db
def test_date_in_the_future_counts_as_the_receipt(user: User, process: Any, fixture: Any) -> None:
    process(fixture(NAME) | {"created_at": "2199-01-01T00:00:00Z"}, COURSES)
    event = InboxEvent.objects.get()
    assert CourseProgress.objects.get().occurred_at == event.received_at


@pytest.mark.django_db
def test_day_of_the_enrolment_is_not_the_day_of_the_progress(user: User, process: Any, fixture: Any) -> None:
    payload = fixture(NAME)
    payload["data"]["created_at"] = "2025-01-01T00:00:00Z"
    process(payload, COURSES)
    assert CourseProgress.objects.get().occurred_at == datetime(2026, 3, 2, 10, 31, tzinfo=UTC)


@pytest.mark.django_db
def test_progress_of_a_stranger_is_the_members_who_buys_later(process: Any, fixture: Any, relay: Any) -> None:
    event = process(fixture(NAME), COURSES)
    assert "nobody has this address yet" in event.effects.get().description
    assert CourseProgress.objects.get().user is None
    assert progress_rows.match_pending() == 0
    process(relay())
    assert progress_rows.match_pending() == 1
    assert CourseProgress.objects.get().user == User.objects.get()
    assert progress_rows.match_pending() == 0


@pytest.mark.django_db
def test_progress_under_an_alias_is_the_members(user: User, process: Any, fixture: Any) -> None:
    process(fixture(NAME) | {"data": fixture(NAME)["data"] | {"member": {"email": "janet@work.example.com"}}}, COURSES)
    contact = Contact.objects.create(user=user, email=user.email)
    ContactEmail.objects.create(contact=contact, email="janet@work.example.com")
    assert progress_rows.match_pending() == 1
    assert CourseProgress.objects.get().user == user


@pytest.mark.django_db(transaction=True)
def test_erased_persons_progress_is_deleted_and_does_not_come_back(user: User, process: Any, fixture: Any) -> None:
    process(fixture(NAME), COURSES)
    erase.forget(of_user(user))
    assert not CourseProgress.objects.exists()
    event = process(fixture(NAME) | {"event_id": "evt_late"}, COURSES)
    assert (event.status, event.payload) == ("ignored", None)
    assert not CourseProgress.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_erasing_finds_the_events_of_an_address_that_was_an_alias(user: User, process: Any, fixture: Any) -> None:
    contact = Contact.objects.create(user=user, email=user.email)
    alias = ContactEmail.objects.create(contact=contact, email="janet@work.example.com")
    payload = fixture(NAME)
    payload["data"]["member"]["email"] = alias.email
    event = process(payload, COURSES)
    alias.delete()
    erase.forget(of_user(user))
    event.refresh_from_db()
    assert (event.payload, event.body, event.person_email) == (None, b"", "")
    assert not CourseProgress.objects.exists()


@pytest.mark.django_db
def test_same_event_twice_is_one(user: User, process: Any, fixture: Any) -> None:
    process(fixture(NAME), COURSES)
    row = CourseProgress.objects.values().get()
    event = process(fixture(NAME) | {"event_id": "evt_copy"}, COURSES)
    assert event.effects.get().description == "progress known better already"
    assert CourseProgress.objects.values().get() == row


@pytest.mark.django_db
def test_later_lower_value_stands_and_the_highest_is_remembered(user: User, process: Any, fixture: Any) -> None:
    def report(number: int, percent: int, days: int) -> None:
        payload = fixture(NAME) | {"event_id": f"evt_{number}"}
        payload["created_at"] = (datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=days)).isoformat()
        payload["data"]["progress"] = percent
        process(payload, COURSES)

    report(1, 80, days=2)
    report(2, 40, days=1)  # older: it came late
    row = CourseProgress.objects.get()
    assert (row.percent, row.highest, row.highest_at.day) == (80, 80, 4)
    report(3, 60, days=3)  # newer: the course got new lessons
    row.refresh_from_db()
    assert (row.percent, row.highest, row.highest_at.day, row.occurred_at.day) == (60, 80, 4, 5)
