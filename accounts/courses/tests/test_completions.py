"""Matching of completions: exact addresses and aliases at once, everything else by staff."""

from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps as django_apps
from django.utils import timezone

from accounts.courses import completions, decisions, points
from accounts.courses.completions import ReportedCompletion
from accounts.courses.decisions import CannotLink
from accounts.courses.models import Activity, Completion
from accounts.mail.models import EmailMessage
from accounts.people import contacts, lookup
from accounts.people.contact_report import ContactReport
from accounts.people.models import Contact, ContactEmail, PossibleDuplicate, User
from core.cause import Cause

pytestmark = pytest.mark.django_db
EVENT = Cause(text="kajabi form.submitted evt_1", event_id=7)


@pytest.fixture
def learn() -> Activity:
    return Activity.objects.get(code="LEARN")


@pytest.fixture
def tell(learn: Activity) -> Any:
    def receive(
        source: str, email: str, course: str = "Foundations", channel: str = "kajabi", **more: Any
    ) -> Completion:
        told = ReportedCompletion(
            source=source, email=email, course=course, channel=channel, completed_on=date(2024, 9, 2), **more
        )  # fmt: skip
        return completions.receive(told, learn, cause=EVENT).completion

    return receive


def test_fresh_installation_gives_20_points_for_the_completion_form(learn: Activity) -> None:
    assert (learn.points, learn.once_per_course, learn.is_active) == (20, True, True)
    found = completions.activities_for_form(form_id="form_123", form_title="Course Completion Form")
    assert found == [learn]
    assert completions.activities_for_form(form_id="form_1", form_title="Newsletter") == []


def test_fresh_installation_counts_completed_courses_and_no_assessment(learn: Activity) -> None:
    assert completions.activities_for_event("course", external_id="1", title="Any") == [learn]
    assert completions.activities_for_event("course", external_id="", title="") == [learn]
    assert completions.activities_for_event("assessment", external_id="1", title="Any") == []


def test_installation_of_before_counts_completed_courses_and_keeps_its_forms(learn: Activity) -> None:
    migration = import_module("accounts.migrations.0016_completed_courses")
    Activity.objects.update(forms="*completion*\nCourse: the end*\nmail")
    migration.count_completed_courses(django_apps, None)
    learn.refresh_from_db()
    assert learn.forms.splitlines() == ["*completion*", "?ourse: the end*", "mail", "course:*"]
    assert learn.takes_form(form_id="", form_title="Course: The end of it")
    assert not learn.takes_form(form_id="", form_title="Course: feedback")


@pytest.mark.parametrize(
    ("lines", "form_id", "title", "means"),
    [
        ("form_123", "form_123", "", True),
        ("form_123", "form_1234", "", False),
        ("*completion*", "", "COMPLETION of a course", True),
        ("completion", "", "Completion of a course", False),
        ("one\n\n  two  forms ", "", "Two forms", True),
        ("[ab]*", "", "", False),
        ("", "", "", False),
        ("\n \n", "", "anything", False),
    ],
)
def test_staff_say_which_forms_an_activity_means(lines: str, form_id: str, title: str, means: bool) -> None:
    assert Activity(code="X", points=1, forms=lines).takes_form(form_id=form_id, form_title=title) is means


def test_activity_that_is_not_active_gives_nothing() -> None:
    Activity.objects.update(is_active=False)
    assert completions.activities_for_form(form_id="", form_title="Course Completion Form") == []


def test_alias_is_the_member(tell: Any, user: User) -> None:
    contact = Contact.objects.create(user=user, email=user.email)
    ContactEmail.objects.create(contact=contact, email="janet@work.example.com")
    completion = tell("kajabi:1", "Janet@Work.Example.com")
    assert (completion.state, completion.user, completion.rule) == ("awarded", user, "an alias of the member")


@pytest.mark.parametrize("email", ["jane+courses@example.com", "jan@example.com", "", "no address", "jane@exámple.com"])
def test_address_that_only_resembles_a_members_needs_review(tell: Any, user: User, email: str) -> None:
    completion = tell("kajabi:1", email, name="Janet Original")
    assert (completion.state, completion.user, completion.email_received) == ("received", None, email)
    assert points.balance(user) == 0


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://certificates.example.com/1?x=2", "https://certificates.example.com/1?x=2"),
        ("http://certificates.example.com/1", ""),
        ("javascript:alert(1)", ""),
        ("https://user:pass@example.com/", ""),
        ("https://", ""),
        ("https://localhost/1", ""),
        ("https://example.com/<script>", ""),
        ("https://example.com:x/", ""),
        ("https://example.com/" + "x" * 500, ""),
        ("https://...", ""),
    ],
)
def test_certificate_is_an_https_address_or_none(tell: Any, url: str, kept: str) -> None:
    assert tell("kajabi:1", "x@example.com", certificate_url=url).certificate_url == kept


def test_linking_awards_at_once_and_links_all_of_that_address(tell: Any, user: User, staff: User) -> None:
    waiting = [tell(f"kajabi:{n}", "janet@work.example.com", course=f"Course {n}") for n in range(3)]
    other = tell("kajabi:other", "somebody@example.com")
    assert decisions.link(waiting[1], user, remember=False, cause=Cause.by_staff(staff)) == 3
    for completion in waiting:
        completion.refresh_from_db()
        assert (completion.state, completion.user, completion.staff) == ("awarded", user, staff)
        assert completion.rule == "linked by staff: staff@example.com"
    other.refresh_from_db()
    assert other.state == "received"
    assert points.balance(user) == 60
    assert tell("kajabi:later", "janet@work.example.com", course="Later").state == "received", "not remembered"


@pytest.mark.parametrize("is_a_contact", [False, True])
def test_remembered_alias_is_the_member_from_then_on(tell: Any, user: User, staff: User, is_a_contact: bool) -> None:
    if is_a_contact:
        told = ContactReport(occurred_at=timezone.now(), email="janet@work.example.com")
        contacts.apply_report(told, provider="kajabi", cause=EVENT)
    decisions.link(tell("kajabi:1", "janet@work.example.com"), user, remember=True, cause=Cause.by_staff(staff))
    assert lookup.with_email("janet@work.example.com") == user.contact
    assert tell("kajabi:2", "janet@work.example.com", course="Next").state == "awarded"
    assert points.balance(user) == 40
    assert PossibleDuplicate.objects.filter(status="open").count() == int(is_a_contact), "staff may merge the contacts"


def test_address_of_another_member_does_not_become_an_alias(tell: Any, user: User, newcomer: User, staff: User) -> None:
    completion = tell("kajabi:1", "janet@work.example.com")
    contact = Contact.objects.create(user=newcomer, email=newcomer.email)
    ContactEmail.objects.create(contact=contact, email="janet@work.example.com")
    decisions.link(completion, user, remember=True, cause=Cause.by_staff(staff))
    assert lookup.with_email("janet@work.example.com") == contact
    assert points.balance(user) == 20


def test_corrected_course_counts(tell: Any, user: User, staff: User) -> None:
    tell("kajabi:1", user.email, course="Foundations")
    completion = tell("kajabi:2", "janet@work.example.com", course="I did it")
    decisions.link(completion, user, remember=False, course=" foundations", cause=Cause.by_staff(staff))
    assert (completion.state, completion.course, points.balance(user)) == ("matched", "foundations", 20)


def test_awarded_completion_cannot_be_linked_to_another_member(
    tell: Any, user: User, newcomer: User, staff: User
) -> None:
    completion = tell("kajabi:1", user.email)
    assert decisions.link(completion, newcomer, remember=False, cause=Cause.by_staff(staff)) == 0
    assert (points.balance(user), points.balance(newcomer)) == (20, 0)


def test_new_member_is_created_with_all_pending_completions(tell: Any, staff: User) -> None:
    for number in range(2):
        completion = tell(f"kajabi:{number}", "New@Example.com", course=f"Course {number}", name="Nova Star Light")
    member = decisions.create_member(completion, cause=Cause.by_staff(staff)).user
    assert (member.email, member.first_name, member.last_name) == ("new@example.com", "Nova", "Star Light")
    assert not member.has_usable_password()
    assert points.balance(member) == 40
    again = decisions.create_member(completion, cause=Cause.by_staff(staff))
    assert (again.user, again.created) == (member, False)
    assert (User.objects.filter(email="new@example.com").count(), points.balance(member)) == (1, 40)
    assert EmailMessage.objects.get().context == {"course": "Course 1"}, "once, for the one that was pressed"


def test_two_requests_at_once_create_one_member_and_one_mail(
    transactional_db: None, learn: Activity, tell: Any, staff: User, at_once: Any
) -> None:
    completion = tell("kajabi:1", "new@example.com")
    made = at_once([lambda: decisions.create_member(completion, cause=Cause.by_staff(staff))] * 2)
    assert sorted(one.created for one in made) == [False, True]
    assert EmailMessage.objects.count() == 1


def test_nobody_is_made_without_an_address(tell: Any, staff: User) -> None:
    completion = tell("kajabi:1", "no address")
    with pytest.raises(CannotLink):
        decisions.create_member(completion, cause=Cause.by_staff(staff))
    assert User.objects.exclude(pk=staff.pk).count() == 0


def test_dismissed_completion_stays_dismissed(tell: Any, staff: User) -> None:
    completion = tell("kajabi:1", "new@example.com")
    assert decisions.dismiss(completion, cause=Cause.by_staff(staff, "a test")) is True
    assert decisions.dismiss(completion, cause=Cause.by_staff(staff, "again")) is False
    User.objects.create_user("new@example.com")
    assert completions.match_pending() == 0
    assert tell("kajabi:1", "new@example.com").state == "dismissed"
    completion.refresh_from_db()
    assert (completion.reason, completion.staff) == ("a test", staff)


def test_completion_that_was_faster_than_its_member_is_awarded_later(tell: Any) -> None:
    tell("kajabi:1", "new@example.com")
    tell("kajabi:2", "else@example.com")
    assert completions.match_pending() == 0
    member = User.objects.create_user("new@example.com")
    assert completions.match_pending() == 1
    assert completions.match_pending() == 0
    assert points.balance(member) == 20
    assert Completion.objects.get(source="kajabi:1").rule == "the member's address"


def test_mail_needs_review_even_from_a_members_address(tell: Any, user: User, staff: User) -> None:
    mail = tell("mail:1", user.email, channel="mail", course="A mail")
    assert (mail.state, completions.match_pending()) == ("received", 0)
    tell("kajabi:1", user.email)
    other = tell("kajabi:2", "janet@work.example.com", course="Next")
    decisions.link(other, user, remember=True, cause=Cause.by_staff(staff))
    mail.refresh_from_db()
    assert mail.state == "received"
    decisions.link(mail, user, remember=False, cause=Cause.by_staff(staff))
    assert points.balance(user) == 60


def test_staff_get_one_digest_a_day_and_none_without_pending_completions(
    tell: Any, travel: Any, drain: Any, mailoutbox: Any, settings: Any
) -> None:
    until_noon = (timezone.now().replace(hour=12, minute=0) + timedelta(days=1)) - timezone.now()
    travel(until_noon)
    assert decisions.enqueue_digest() == []
    for number in range(3):
        tell(f"kajabi:{number}", f"unknown{number}@example.com", course="AI Foundations")
    assert len(decisions.enqueue_digest()) == 1
    assert decisions.enqueue_digest() == []
    drain()
    (mail,) = mailoutbox
    assert mail.to == ["staff@example.com"]
    assert "3" in mail.subject
    assert "unknown0@example.com" in mail.body
    assert "/admin/accounts/completion/?state__exact=received" in mail.body
    travel(until_noon + timedelta(hours=13))
    assert decisions.enqueue_digest() == [], "it is one in the night"
    travel(until_noon + timedelta(hours=20))
    assert len(decisions.enqueue_digest()) == 1
    assert EmailMessage.objects.count() == 2


def test_points_by_hand_are_given_once_in_a_press_and_undone_together(
    learn: Activity, user: User, newcomer: User, staff: User
) -> None:
    from uuid import uuid4

    batch, by_staff = uuid4(), Cause.by_staff(staff, "spring event")
    for _press in range(2):
        given = [decisions.award_by_hand(one, learn, batch=batch, cause=by_staff) for one in (user, newcomer)]
    assert given == [None, None]
    decisions.award_by_hand(user, learn, batch=uuid4(), cause=by_staff)
    assert (points.balance(user), points.balance(newcomer)) == (40, 20)
    one = Completion.objects.filter(user=newcomer).get()
    assert (one.state, one.channel, one.reason, one.staff) == ("awarded", "staff", "spring event", staff)
    assert decisions.undo_award_by_hand(one, cause=Cause.by_staff(staff, "wrong list")) == 2
    assert decisions.undo_award_by_hand(one, cause=Cause.by_staff(staff, "wrong list")) == 0
    assert (points.balance(user), points.balance(newcomer)) == (20, 0)


def test_points_by_hand_for_a_course_are_that_courses(tell: Any, learn: Activity, user: User, staff: User) -> None:
    from uuid import uuid4

    tell("kajabi:1", user.email, course="Foundations")
    again = decisions.award_by_hand(
        user, learn, batch=uuid4(), course="FOUNDATIONS", cause=Cause.by_staff(staff, "why")
    )
    assert again is None
    assert (points.balance(user), Completion.objects.count()) == (20, 1)
