"""Completed courses in answers, and the effects of a delivery with such answers."""

from datetime import date
from typing import Any

import pytest

from accounts.commerce.models import FormSubmission
from accounts.courses import completions, points
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.people.models import User
from integrations.contracts.events import CompletedCourse
from integrations.inbox.models import InboxEvent
from integrations.providers.kajabi import completion

ADDRESS = "https://academy.example.com/certificates/1"


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (
            {"course_name": "AI", "completion_date": "2024-09-02", "certificate_url": ADDRESS, "student_name": "Jane"},
            CompletedCourse(course="AI", completed_on=date(2024, 9, 2), certificate_url=ADDRESS, student_name="Jane"),
        ),
        (
            {"Course Name:": " AI ", "Date completed": "2024-09-02T10:00:00Z", "Certificate (link)": ADDRESS},
            CompletedCourse(course="AI", completed_on=date(2024, 9, 2), certificate_url=ADDRESS),
        ),
        (
            {"Nombre del curso": "IA", "Fecha de finalización": "2024-09-02", "Nombre": "José"},
            CompletedCourse(course="IA", completed_on=date(2024, 9, 2), student_name="José"),
        ),
        (
            {"custom_1": "AI", "custom_2": "2024-09-02", "custom_3": ADDRESS, "phone_number": "1"},
            CompletedCourse(course="AI", completed_on=date(2024, 9, 2), certificate_url=ADDRESS),
        ),
        (
            {"Curso": "IA", "Fecha de finalización": "2026-03-31T22:00:00-05:00", "Nombre completo": "José"},
            CompletedCourse(course="IA", completed_on=date(2026, 3, 31), student_name="José"),
        ),
        ({"custom_1": "AI", "custom_2": "It was great"}, CompletedCourse()),
        ({"completion_date": "9/2/2024", "date": "0000-00-00"}, CompletedCourse()),
        ({"course": ["AI"], "certificate": None, "": "x"}, CompletedCourse()),
        ({}, CompletedCourse()),
    ],
)
def test_course_is_read_from_many_spellings(answers: dict[str, Any], told: CompletedCourse) -> None:
    assert completion.read(answers) == told


@pytest.mark.django_db
def test_relays_completion_form_gives_20_points_once(user: User, process: Any, fixture: Any, post: Any) -> None:
    event = process(fixture("form.submitted__leaps_relay"))
    assert (event.status, event.person_email) == ("processed", "jane@example.com")
    kept = Completion.objects.get()
    assert (kept.source, kept.channel, kept.state, kept.user) == ("kajabi:sub_123", "kajabi", "awarded", user)
    assert (kept.course, kept.completed_on) == ("AI Foundations for Educators", date(2026, 3, 2))
    assert kept.certificate_url == "https://academy.example.com/certificates/2149800001"
    assert (kept.name, kept.event_id, kept.rule) == ("Jane Rivera", event.pk, "the member's address")
    assert "points given" in event.effects.values_list("description", flat=True)

    again = process(fixture("form.submitted__leaps_relay") | {"event_id": "evt_other"})
    assert again.status == "processed"
    assert list(PointsEntry.objects.values_list("points", "source", "event_id")) == [(20, "kajabi:sub_123", event.pk)]


@pytest.mark.django_db
def test_native_form_gives_points_where_staff_configured_it(user: User, process: Any, fixture: Any) -> None:
    Activity.objects.update(forms="2149900001", points=5)
    event = process(fixture("form_submission__native"), "/kajabi-webhook")
    assert event.status == "processed"
    kept = Completion.objects.get()
    assert (kept.source, kept.course, kept.state) == ("kajabi:2149800001", "AI Foundations for Educators", "awarded")
    assert points.balance(user) == 5


@pytest.mark.django_db
def test_form_that_is_not_configured_gives_nothing_until_it_is_and_the_event_is_retried(
    user: User, process: Any, fixture: Any, drain: Any
) -> None:
    Activity.objects.update(forms="")
    event = process(fixture("form.submitted__leaps_relay"))
    assert (event.status, FormSubmission.objects.count(), Completion.objects.count()) == ("processed", 1, 0)
    Activity.objects.update(forms="form_123")
    event.requeue()
    drain()
    assert points.balance(user) == 20


@pytest.mark.django_db
def test_unknown_address_waits_and_the_purchase_that_comes_later_solves_it(
    process: Any, fixture: Any, relay: Any
) -> None:
    event = process(fixture("form.submitted__leaps_relay"))
    assert event.status == "processed"
    assert Completion.objects.get().state == "received"
    assert User.objects.count() == 0
    process(relay())
    assert completions.match_pending() == 1
    assert points.balance(User.objects.get()) == 20


@pytest.mark.django_db
def test_answers_with_an_address_that_is_none_wait_as_well(process: Any, fixture: Any) -> None:
    payload = fixture("form.submitted__leaps_relay")
    payload["data"]["submission"]["fields"]["email"] = "jane at example.com"
    event = process(payload)
    assert event.status == "unmatched"
    kept = Completion.objects.get()
    assert (kept.state, kept.email, kept.email_received) == ("received", "", "jane at example.com")
    assert InboxEvent.objects.get().effects.get().target == kept


@pytest.mark.django_db
def test_one_submission_may_report_two_activities(user: User, process: Any, fixture: Any) -> None:
    Activity.objects.create(code="ATTEND", name="Attended", points=3, forms="form_*\n*completion*")
    process(fixture("form.submitted__leaps_relay"))
    lines = PointsEntry.objects.order_by("pk").values_list("activity__code", "points", "source")
    assert list(lines) == [("ATTEND", 3, "kajabi:sub_123"), ("LEARN", 20, "kajabi:sub_123")]


@pytest.mark.django_db
@pytest.mark.parametrize("course", [None, "", 7, ["x"]])
def test_form_that_names_no_course_is_the_form_of_one(user: User, process: Any, fixture: Any, course: Any) -> None:
    payload = fixture("form.submitted__leaps_relay")
    payload["data"]["submission"]["fields"]["course_name"] = course
    process(payload)
    assert Completion.objects.get().course == ("7" if course == 7 else "Course Completion Form")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["Correo electrónico", "Dirección de correo electrónico", "Correo:", "E-mail", "EMAIL"]
)
def test_address_is_read_from_a_field_in_english_or_spanish(user: User, process: Any, fixture: Any, name: str) -> None:
    payload = fixture("form.submitted__leaps_relay")
    answers = payload["data"]["submission"]["fields"]
    answers[name] = answers.pop("email").replace("@", "\u200b@")
    process(payload)
    assert Completion.objects.get().user == user
