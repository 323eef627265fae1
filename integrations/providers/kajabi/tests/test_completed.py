"""Completed courses and assessments that a relay reports itself: what is read, and what points they give."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from accounts.courses import points
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.people.models import Contact, ContactMapping, User
from integrations.contracts.events import AssessmentCompleted, CompletedCourse, ContactReported, CourseCompleted
from integrations.contracts.exceptions import Unmatched
from integrations.contracts.webhook import StoredWebhook
from integrations.providers.kajabi import completed, webhooks
from integrations.providers.kajabi.provider import PROVIDER

TOLD_AT = datetime(2026, 3, 2, 10, 31, tzinfo=UTC)
COURSE = "AI Foundations for Educators"


def read(payload: dict[str, Any]) -> list[Any]:
    envelope = webhooks.read(payload)
    return PROVIDER.parse(
        StoredWebhook(
            endpoint="relay",
            event_type=envelope.event_type,
            external_id=envelope.external_id,
            payload=payload,
            received_at=TOLD_AT,
        )
    )


def done(payload: dict[str, Any]) -> Any:
    """The completed course or assessment in a payload."""
    return next(event for event in read(payload) if isinstance(event, CourseCompleted))


def course(event_id: str = "evt_1", title: str = COURSE, event_type: str = "course_completed", **data: Any) -> Any:
    told = {"member": {"email": "jane@example.com"}, "course": {"id": "c1", "title": title}}
    told["completed_at"] = "2026-03-02T10:00:00Z"  # type: ignore[assignment]
    return {"event_type": event_type, "event_id": event_id, "data": told | data}


def exam(event_id: str = "evt_1", title: str = "Final exam", **assessment: Any) -> Any:
    about = {"id": "a1", "title": title} | assessment
    return course(event_id, event_type="assessment_completed", assessment=about)


def counts(*lines: str, code: str = "LEARN", **columns: Any) -> Activity:
    activity, _made = Activity.objects.update_or_create(
        code=code, defaults={"name": code, "points": 20, "forms": "\n".join(lines)} | columns
    )
    return activity


# Reading --------------------------------------------------------------------------------------------------------------


def test_course_in_the_relays_envelope_is_read(fixture: Any) -> None:
    person, course_done = read(fixture("course_completed__leaps_relay"))
    assert person == ContactReported(
        occurred_at=datetime(2026, 3, 2, 10, 31, tzinfo=UTC),
        email="jane@example.com",
        identities={"relay": "mem_1001"},
        fields={"first_name": "Jane", "last_name": "Rivera"},
    )
    assert course_done == CourseCompleted(
        occurred_at=datetime(2026, 3, 2, 10, 29, 58, tzinfo=UTC),
        external_id="evt_leaps_0007",
        email="jane@example.com",
        identities={"relay": "mem_1001"},
        course_id="2149700001",
        completed=CompletedCourse(
            course=COURSE,
            completed_on=date(2026, 3, 2),
            certificate_url="https://academy.example.com/certificates/2149800001",
            student_name="Jane Rivera",
        ),
        details={"event": "course_completed", "course_id": "2149700001"},
    )


def test_course_at_the_root_is_read_alike(fixture: Any) -> None:
    nested, flat = done(fixture("course_completed__leaps_relay")), done(fixture("course.completed__nssa_relay"))
    assert (flat.email, flat.identities, flat.course_id) == (nested.email, nested.identities, nested.course_id)
    assert (flat.completed.course, flat.completed.student_name) == (COURSE, "Jane Rivera")


def test_assessment_is_read_with_its_course(fixture: Any) -> None:
    taken = done(fixture("assessment.completed__leaps_relay"))
    assert isinstance(taken, AssessmentCompleted)
    assert (taken.assessment_id, taken.title, taken.score, taken.passed) == ("2149600001", "Final exam", "92", True)
    assert taken.completed.course == COURSE


@pytest.mark.parametrize("event_type", sorted(completed.TYPES))
@pytest.mark.parametrize("envelope", ["leaps", "nssa", "nssa with data", "in-app"])
def test_every_spelling_in_every_envelope_is_understood(event_type: str, envelope: str) -> None:
    body = {"member": {"email": "jane@example.com"}, "course": {"title": COURSE}, "assessment": {"title": "Exam"}}
    payload = {
        "leaps": {"event_type": event_type, "event_id": "evt_1", "data": body},
        "nssa": {"type": event_type, "id": "evt_1", **body},
        "nssa with data": {"type": event_type, "id": "evt_1", "data": body},
        "in-app": {"event": event_type, "id": "evt_1", "payload": body},
    }[envelope]
    told = done(payload)
    assert (told.email, told.completed.course, told.external_id) == ("jane@example.com", COURSE, "evt_1")
    assert isinstance(told, AssessmentCompleted) is event_type.startswith("assessment")


@pytest.mark.parametrize(
    ("data", "email", "name"),
    [
        ({"student": {"email": "s@example.com", "name": "Sam Lee"}}, "s@example.com", "Sam Lee"),
        ({"contact": {"email": "s@example.com", "full_name": "Sam Lee"}}, "s@example.com", "Sam Lee"),
        ({"user": {"email": "s@example.com", "first_name": "Sam", "last_name": "Lee"}}, "s@example.com", "Sam Lee"),
        ({"student_email": "s@example.com", "student_name": "Sam Lee"}, "s@example.com", "Sam Lee"),
        ({"email": "s@example.com", "name": "The course's name, perhaps"}, "s@example.com", ""),
        ({"student": {"email": 7}, "email": "s@example.com"}, "7", ""),
    ],
)
def test_person_is_found_where_relays_put_them(data: Any, email: str, name: str) -> None:
    told = done({"event_type": "course_completed", "event_id": "1", "data": data | {"course": "AI"}})
    assert (told.email, told.completed.student_name, told.completed.course) == (email, name, "AI")


@pytest.mark.parametrize(
    ("data", "day"),
    [
        ({"completed_at": "2026-03-31T22:00:00-05:00"}, date(2026, 3, 31)),
        ({"completed_at": "2026-03-31"}, date(2026, 3, 31)),
        ({"completion": {"completed_at": "2026-03-31T00:30:00+13:00"}}, date(2026, 3, 31)),
        ({"completed_at": 1774994400}, date(2026, 3, 31)),
        ({"completed_at": "31/03/2026", "created_at": "2026-04-01T00:00:00Z"}, date(2026, 3, 31)),
        ({"completed_at": "03/04/2026", "created_at": "2026-04-01T00:00:00Z"}, date(2026, 4, 1)),
        ({}, None),
    ],
)
def test_day_is_the_one_that_was_written(data: Any, day: date | None) -> None:
    payload = course(**data)
    if "completed_at" not in data:
        del payload["data"]["completed_at"]
    assert done(payload).completed.completed_on == day


@pytest.mark.parametrize(
    ("assessment", "passed"),
    [
        ({"passed": True}, True),
        ({"passed": "true"}, True),
        ({"passed": 1}, True),
        ({"status": "Passed"}, True),
        ({"result": "aprobado"}, True),
        ({"passed": False}, False),
        ({"passed": "No"}, False),
        ({"status": "failed"}, False),
        ({"status": "completed"}, None),
        ({"passed": None, "score": 90}, None),
        ({"score": "80%", "passing_score": 80}, True),
        ({"score": 79.9, "pass_mark": "80"}, False),
        ({"passed": True, "status": "failed"}, None),
        ({"score": "A", "passing_score": "C"}, None),
        ({"score": "9" * 400, "passing_score": 1}, None),
        ({}, None),
    ],
)
def test_assessment_is_passed_where_the_event_says_so_and_nothing_else(assessment: Any, passed: bool | None) -> None:
    assert done(exam(**assessment)).passed is passed


@pytest.mark.parametrize("url", ["http://academy.example.com/1", "javascript:alert(1)", 7, None, {"id": 1}])
def test_certificate_that_is_no_https_address_is_none(url: Any) -> None:
    assert done(course(certificate=url)).completed.certificate_url == ""


def test_event_about_nobody_is_unmatched() -> None:
    with pytest.raises(Unmatched):
        read({"event_type": "course_completed", "event_id": "evt_1", "data": {"course": {"title": COURSE}}})


# Points ---------------------------------------------------------------------------------------------------------------

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["course_completed__leaps_relay", "course.completed__nssa_relay"])
def test_completed_course_gives_20_points_once(user: User, process: Any, fixture: Any, name: str) -> None:
    event = process(fixture(name))
    assert (event.status, event.person_email) == ("processed", "jane@example.com")
    kept = Completion.objects.get()
    assert (kept.channel, kept.state, kept.user, kept.course) == ("kajabi", "awarded", user, COURSE)
    assert (kept.completed_on, kept.event_id) == (date(2026, 3, 2), event.pk)
    assert "points given" in event.effects.values_list("description", flat=True)
    event.requeue()
    process(fixture(name) | {"event_id": "evt_other", "id": "evt_other"})
    assert points.balance(user) == 20


def test_course_reported_by_a_form_and_by_an_event_gives_points_once(user: User, process: Any, fixture: Any) -> None:
    process(fixture("course_completed__leaps_relay"))
    process(fixture("form.submitted__leaps_relay"))
    assert list(Completion.objects.order_by("pk").values_list("state", flat=True)) == ["awarded", "matched"]
    assert points.balance(user) == 20


def test_course_without_a_title_is_named_by_its_id(user: User, process: Any) -> None:
    process(course(course={"id": 2149700001}))
    assert (Completion.objects.get().course, points.balance(user)) == ("2149700001", 20)


def test_course_without_a_name_waits_for_a_person_with_the_reason(user: User, process: Any, staff: User) -> None:
    from accounts.courses import completions, decisions
    from core.cause import Cause

    assert process(course(course={})).status == "processed"
    kept = Completion.objects.get()
    assert (kept.state, kept.reason) == ("received", "the event names no course")
    assert completions.match_pending() == 0, "a person has to look"
    decisions.link(kept, user, remember=False, course=COURSE, cause=Cause.by_staff(staff))
    assert (kept.state, points.balance(user)) == ("awarded", 20)


def test_course_that_no_activity_counts_is_unmatched_until_one_does(user: User, process: Any, drain: Any) -> None:
    counts("*course completion*")
    event = process(course())
    assert event.status == "unmatched"
    assert "add the line course:AI Foundations for Educators" in event.reason
    assert Contact.objects.get().email == "jane@example.com", "the person is kept"
    counts("course:ai foundations*")
    event.requeue()
    drain()
    assert points.balance(user) == 20


@pytest.mark.parametrize(
    ("line", "counted"),
    [
        ("course:c1", True),
        ("Course: AI *", True),
        ("course:c2", False),
        ("c1", False),
        ("AI*", False),
        ("course:", False),
    ],
)
def test_lines_of_an_activity_choose_courses_by_id_or_title(user: User, process: Any, line: str, counted: bool) -> None:
    counts(line)
    assert process(course()).status == ("processed" if counted else "unmatched")
    assert points.balance(user) == (20 if counted else 0)


def test_line_for_courses_takes_no_form(user: User, process: Any, fixture: Any) -> None:
    counts("course:*")
    payload = fixture("form.submitted__leaps_relay")
    payload["data"]["form"]["name"] = "course: what did you think of it"
    process(payload)
    assert Completion.objects.count() == 0


def test_passed_assessment_counts_where_an_activity_names_it(user: User, process: Any) -> None:
    event = process(exam(passed=True))
    assert (event.status, points.balance(user)) == ("unmatched", 0)
    assert "assessment:Final exam" in event.reason
    counts("course:*", "assessment:final *")
    process(exam("evt_2", passed=True))
    assert (Completion.objects.get().course, points.balance(user)) == (COURSE, 20)
    process(course("evt_3"))
    assert points.balance(user) == 20, "the exam stood for its course"


def test_activity_for_assessments_alone_counts_each_of_a_course(user: User, process: Any) -> None:
    counts("assessment:*", code="QUIZ", points=5)
    for number in (1, 2, 2):
        process(exam(f"evt_{number}{Completion.objects.count()}", title=f"Quiz {number}", passed=True))
    assert points.balance(user) == 10
    awarded = Completion.objects.filter(state="awarded").order_by("pk")
    assert [one.course for one in awarded] == [f"{COURSE}: Quiz 1", f"{COURSE}: Quiz 2"]


def test_failed_assessment_is_kept_without_points_and_the_retake_counts(user: User, process: Any) -> None:
    counts("assessment:*")
    process(exam(passed=False, score=40))
    kept = Completion.objects.get()
    assert (kept.state, kept.user, kept.reason) == ("dismissed", user, "the assessment was not passed (score 40)")
    assert PointsEntry.objects.count() == 0
    process(exam("evt_2", passed=True, score=90))
    assert points.balance(user) == 20


def test_staff_may_link_a_failed_assessment_all_the_same(user: User, process: Any, staff: User) -> None:
    from accounts.courses import decisions
    from core.cause import Cause

    counts("assessment:*")
    process(exam(passed=False))
    decisions.link(Completion.objects.get(), user, remember=False, cause=Cause.by_staff(staff, "an oral exam"))
    assert points.balance(user) == 20


def test_failed_assessment_of_nobody_asks_nobody(process: Any) -> None:
    counts("assessment:*")
    process(exam(passed=False))
    assert Completion.objects.get().state == "dismissed"


def test_failed_assessment_that_no_activity_counts_needs_nobody(user: User, process: Any) -> None:
    event = process(exam(passed=False))
    assert (event.status, Completion.objects.count()) == ("processed", 0)
    assert "was not passed" in " ".join(event.effects.values_list("description", flat=True))


def test_assessment_that_does_not_say_whether_it_was_passed_waits_for_a_person(user: User, process: Any) -> None:
    counts("assessment:*")
    process(exam(score=78))
    kept = Completion.objects.get()
    assert kept.state == "received"
    assert kept.reason == "the event does not say whether the assessment was passed (score 78)"
    assert points.balance(user) == 0


def test_id_of_one_member_with_the_address_of_another_is_a_question(user: User, process: Any) -> None:
    newcomer = User.objects.create_user("new@example.com")
    contact = Contact.objects.create(user=newcomer, email=newcomer.email)
    ContactMapping.objects.create(contact=contact, provider="kajabi", kind="relay", external_id="mem_7")
    process(course(member={"id": "mem_7", "email": user.email}))
    kept = Completion.objects.get()
    assert (kept.state, kept.reason) == ("received", f"the id is of {newcomer.email}, the e-mail of {user.email}")
    assert PointsEntry.objects.count() == 0


def test_id_of_somebody_without_a_login_with_the_address_of_a_member_is_a_question(user: User, process: Any) -> None:
    Contact.objects.create(user=user, email=user.email).emails.create(email=user.email)
    other = Contact.objects.create(email="bob@example.com")
    ContactMapping.objects.create(contact=other, provider="kajabi", kind="relay", external_id="mem_7")
    process(course(member={"id": "mem_7", "email": user.email}))
    assert Completion.objects.get().reason == f"the id is of contact {other.pk}, the e-mail of {user.email}"
    assert points.balance(user) == 0


def test_title_of_any_length_is_kept_with_its_question(user: User, process: Any) -> None:
    counts("mail")
    event = process(course(title="x" * 50_000))
    assert event.status == "unmatched"
    assert len(event.reason) < 2_000


def test_known_id_with_a_new_address_is_the_member(user: User, process: Any) -> None:
    contact = Contact.objects.create(user=user, email=user.email)
    ContactMapping.objects.create(contact=contact, provider="kajabi", kind="relay", external_id="mem_7")
    process(course(member={"id": "mem_7", "email": "janet@new.example.com"}))
    process(course("evt_2", "Second", member={"id": "mem_7"}))
    assert points.balance(user) == 40


def test_unknown_person_waits_and_is_awarded_once_they_are_a_member(process: Any, relay: Any) -> None:
    from accounts.courses import completions

    process(course())
    assert Completion.objects.get().state == "received"
    process(relay())
    assert completions.match_pending() == 1
    assert points.balance(User.objects.get()) == 20


def test_address_that_is_none_waits_for_a_person(process: Any) -> None:
    process(course(member={"email": "jane at example.com"}))
    kept = Completion.objects.get()
    assert (kept.state, kept.email_received) == ("received", "jane at example.com")
