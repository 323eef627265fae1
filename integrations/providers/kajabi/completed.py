"""Parsing of completed courses and assessments that a relay reports, with all the paths where a value may be.

Kajabi has no such event today, so a relay makes it: {"event_type": "course_completed", "event_id", "created_at",
"data": {"member": {…}, "course": {…}, "completed_at": …}}, or the same at the root. What stands in `data` comes first.

A completion is known by the id of its event. Other ids in it (of an enrollment, an attempt) may be shared by several.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from core.text import plain_key
from integrations.contracts import reasons
from integrations.contracts.events import AssessmentCompleted, CompletedCourse, ContactReported, CourseCompleted, Event
from integrations.contracts.exceptions import Unmatched
from integrations.toolkit.reading import first_text, moment_at, read_day, text_at

COURSES = frozenset({"course.completed", "course_completed"})
ASSESSMENTS = frozenset({"assessment.completed", "assessment_completed"})
TYPES = COURSES | ASSESSMENTS

_PEOPLE = ("member", "student", "contact", "customer", "user", "learner")
_TESTS = ("assessment", "quiz", "exam")


def _paths(holders: Iterable[str], *names: str) -> tuple[tuple[str, ...], ...]:
    """Return the paths of {"member": {"id"}} and {"member_id"} for each of `holders`, the best first."""
    pairs = [(holder, name) for holder in holders for name in names]
    return (*pairs, *((f"{holder}_{name}",) for holder, name in pairs))


_EMAIL = (*_paths(_PEOPLE, "email"), ("email",))
_NAME = (*_paths(_PEOPLE, "name", "full_name"), ("full_name",))
_FIRST_NAME = (*_paths(_PEOPLE, "first_name"), ("first_name",))
_LAST_NAME = (*_paths(_PEOPLE, "last_name"), ("last_name",))
_MEMBER_ID = _paths(("member", "student", "customer"), "id")
_CONTACT_ID = _paths(("contact",), "id")
_COURSE_ID = _paths(("course", "product"), "id")
_COURSE = (*_paths(("course",), "title", "name"), ("course",), *_paths(("product",), "title", "name"))
_ASSESSMENT_ID = _paths(_TESTS, "id")
_ASSESSMENT = (*_paths(_TESTS, "title", "name"), *((test,) for test in _TESTS))
_RESULTS = (*_TESTS, "result", "attempt", "submission")
_SCORE = (*_paths(_RESULTS, "score", "percentage", "grade"), ("score",), ("percentage",), ("grade",))
_PASSING = (*_paths(_RESULTS, "passing_score", "pass_mark"), ("passing_score",), ("pass_mark",))
_PASSED = (*_paths(_RESULTS, "passed", "status", "result"), ("passed",), ("result",), ("status",))
_AT = ("completed_at", "completed_on", "completion_date", "finished_at", "date_completed")
_COMPLETED = (*((name,) for name in _AT), *((holder, name) for holder in ("completion", "course", *_RESULTS)
              for name in (*_AT, "date")))  # fmt: skip
_REPORTED_AT = (("occurred_at",), ("created_at",), ("timestamp",))
_CERTIFICATE = (*_paths(("certificate", "certificate_of_completion"), "url", "link"), ("certificate",),
                *((holder, "certificate_url") for holder in ("completion", "course", *_RESULTS)))  # fmt: skip
_VERDICTS = {
    **dict.fromkeys(("true", "yes", "1", "pass", "passed", "approved", "si", "aprobado", "aprobada"), True),
    **dict.fromkeys(("false", "no", "0", "fail", "failed", "not_passed", "reprobado", "reprobada"), False),
}


def read(event_type: str, body: Mapping[str, Any], *, event_id: str, kind: str, occurred_at: datetime) -> list[Event]:
    """Return the person as a contact, then what they completed: so that the points find the person by the ids.

    `kind` is that of the member's id. Raises Unmatched where the event names nobody.
    """
    email, name = first_text(body, _EMAIL), first_text(body, _NAME)
    first, last = first_text(body, _FIRST_NAME), first_text(body, _LAST_NAME)
    identities = {kind: first_text(body, _MEMBER_ID), "contact": first_text(body, _CONTACT_ID)}
    if not first and not last:
        first, _space, last = name.partition(" ")
    names = {"first_name": first, "last_name": last.strip()}
    done_at = moment_at(body, _COMPLETED) or occurred_at
    course_id = first_text(body, _COURSE_ID)
    whole: dict[str, Any] = {
        "occurred_at": done_at,
        "email": email,
        "identities": identities,
        "course_id": course_id,
        "completed": CompletedCourse(
            course=first_text(body, _COURSE),
            completed_on=_day(body),
            certificate_url=_certificate(body),
            student_name=name or f"{first} {last}".strip(),
        ),
    }
    person = ContactReported(
        occurred_at=occurred_at,
        email=email,
        identities=identities,
        fields={column: value for column, value in names.items() if value},
    )
    if not email and not person.identities:
        raise Unmatched(reasons.NO_EMAIL())
    if event_type in COURSES:
        done = CourseCompleted(
            external_id=event_id,
            details=_details({"event": event_type, "course_id": course_id}),
            **whole,
        )
        return [person, done]
    assessment_id, score = first_text(body, _ASSESSMENT_ID), first_text(body, _SCORE)
    passed = _passed(body, score)
    taken = AssessmentCompleted(
        external_id=event_id,
        assessment_id=assessment_id,
        title=first_text(body, _ASSESSMENT),
        score=score,
        passed=passed,
        details=_details(
            {
                "event": event_type,
                "assessment_id": assessment_id,
                "assessment": first_text(body, _ASSESSMENT),
                "score": score,
                "passed": {True: "yes", False: "no", None: ""}[passed],
                "course_id": course_id,
            }
        ),
        **whole,
    )
    return [person, taken]


def _day(body: Mapping[str, Any]) -> Any:
    texts = (text_at(body, *path) for path in (*_COMPLETED, *_REPORTED_AT))
    return next((day for text in texts if (day := read_day(text))), None)


def _certificate(body: Mapping[str, Any]) -> str:
    texts = (text_at(body, *path) for path in _CERTIFICATE)
    return next((text for text in texts if text.lower().startswith("https://")), "")


def _passed(body: Mapping[str, Any], score: str) -> bool | None:
    """Return the event's verdict, or what its score says against its own pass mark; None without one, or with two."""
    stated = {verdict for path in _PASSED if (verdict := _verdict(body, path)) is not None}
    if stated:
        return stated.pop() if len(stated) == 1 else None
    reached, wanted = _number(score), _number(first_text(body, _PASSING))
    return None if reached is None or wanted is None else reached >= wanted


def _verdict(body: Mapping[str, Any], path: tuple[str, ...]) -> bool | None:
    *way, name = path
    holder: Any = body
    for step in way:
        holder = holder.get(step) if isinstance(holder, Mapping) else None
    value = holder.get(name) if isinstance(holder, Mapping) else None
    return value if isinstance(value, bool) else _VERDICTS.get(plain_key(text_at(holder, name)))


def _number(text: str) -> float | None:
    digits = text.strip().removesuffix("%").strip()
    return float(digits) if len(digits) < 10 and digits.replace(".", "", 1).isdecimal() else None


def _details(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
