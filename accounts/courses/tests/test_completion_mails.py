"""The mail about a completed course: one for a completion that gave points, while it is news and stands."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.courses import certificates, completions, decisions, points
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, CertificateCheck, Completion
from accounts.courses.tests.certificate_hosts import HOST, CertificateHost, pdf_for
from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships import staff_actions
from accounts.people.models import User
from core.cause import Cause
from tests.fakes.http_server import Answer

pytestmark = pytest.mark.django_db
CAUSE = Cause(text="test")
KIND = EmailMessage.Kind.COURSE_COMPLETED


@pytest.fixture
def complete(db: None) -> Any:
    """Reports a completed course of today, and gives the completion."""

    def report(email: str = "jane@example.com", **told: Any) -> Completion:
        number = Completion.objects.count()
        known: dict[str, Any] = {"source": f"kajabi:{number}", "course": f"Course {number}", "channel": "kajabi"}
        known |= {"completed_on": timezone.now().date(), "name": "Jane Rivera"}
        activity = Activity.objects.get(code="LEARN")
        return completions.receive(ReportedCompletion(**known | told, email=email), activity, cause=CAUSE).completion

    return report


@pytest.fixture
def host(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[CertificateHost]:
    with CertificateHost(tmp_path) as running:
        running.use(settings, monkeypatch)
        yield running


def statuses() -> list[str]:
    return list(EmailMessage.objects.filter(kind=KIND).order_by("pk").values_list("status", flat=True))


def test_member_gets_one_mail_with_course_points_and_total(
    complete: Any, user: User, drain: Any, mailoutbox: Any
) -> None:
    complete(course="AI Foundations")
    complete(course="AI in Practice")
    drain()
    first, second = mailoutbox
    assert (first.to, first.subject) == (["jane@example.com"], "You completed “AI Foundations”")
    assert "You got 20 points for it, and have 40 altogether." in second.body
    assert "http://testserver/dashboard" in second.body
    assert "ertificate" not in second.body


def test_mail_is_in_the_members_language(complete: Any, user: User, drain: Any) -> None:
    User.objects.update(language="es")
    complete()
    assert EmailMessage.objects.get(kind=KIND).language == "es"


def test_mail_is_enqueued_in_the_transaction_of_the_award(complete: Any, user: User) -> None:
    def award_and_break() -> None:
        with transaction.atomic():
            complete()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        award_and_break()
    assert (statuses(), points.balance(user)) == ([], 0)


def test_completion_reported_again_sends_no_second_mail(complete: Any, user: User, drain: Any, mailoutbox: Any) -> None:
    completion = complete()
    complete(source=completion.source)
    complete(course=completion.course)
    drain()
    assert len(mailoutbox) == 1


@pytest.mark.parametrize(
    "told",
    [{"channel": "import"}, {"completed_on": timezone.now().date() - timedelta(days=15)}, {"refusal": "not passed"},
     {"question": "who is it"}],
    ids=["imported", "old", "failed", "open"],
)  # fmt: skip
def test_old_completion_or_one_without_points_sends_no_mail(complete: Any, user: User, told: Any) -> None:
    complete(**told)
    assert statuses() == []


def test_points_by_hand_bring_no_mail(user: User, staff: User) -> None:
    from uuid import uuid4

    learn = Activity.objects.get(code="LEARN")
    decisions.award_by_hand(user, learn, batch=uuid4(), cause=Cause.by_staff(staff, "why"))
    assert statuses() == []


def test_activity_may_bring_no_mails(complete: Any, user: User) -> None:
    Activity.objects.update(mail_member=False)
    complete()
    assert statuses() == []


def test_locked_member_gets_no_mail(complete: Any, user: User) -> None:
    User.objects.update(is_active=False)
    complete()
    assert statuses() == []


@pytest.mark.parametrize("channel", ["kajabi", "api"])
def test_completion_that_waited_brings_its_mail_with_its_points(
    complete: Any, drain: Any, mailoutbox: Any, channel: str
) -> None:
    complete("late@example.com", channel=channel)
    drain()
    assert mailoutbox == []
    User.objects.create_user("late@example.com")
    completions.match_pending()
    drain()
    assert [mail.to for mail in mailoutbox] == [["late@example.com"]]


def test_completion_by_mail_brings_one_once_staff_linked_it(
    complete: Any, user: User, staff: User, drain: Any, mailoutbox: Any
) -> None:
    completion = complete(channel="mail")
    assert statuses() == []
    decisions.link(completion, user, remember=False, cause=Cause.by_staff(staff))
    drain()
    assert len(mailoutbox) == 1


def test_award_that_was_taken_back_before_it_was_sent_brings_no_mail_until_it_is_given_again(
    complete: Any, user: User, staff: User, drain: Any, mailoutbox: Any
) -> None:
    completion = complete()
    points.reverse(completion, cause=Cause.by_staff(staff, "wrong"))
    drain()
    assert (mailoutbox, statuses()) == ([], ["held"])
    decisions.award_again(completion, cause=Cause.by_staff(staff, "right after all"))
    drain()
    assert (len(mailoutbox), statuses()) == (1, ["sent"])
    points.reverse(completion, cause=Cause.by_staff(staff, "wrong"))
    decisions.award_again(completion, cause=Cause.by_staff(staff, "right after all"))
    drain()
    assert len(mailoutbox) == 1, "once"


def test_right_member_gets_the_mail_where_a_wrong_one_was_linked_first(
    complete: Any, user: User, staff: User, drain: Any, mailoutbox: Any
) -> None:
    wrong = User.objects.create_user("wrong@example.com")
    completion = complete("unknown@example.com")
    decisions.link(completion, wrong, remember=False, cause=Cause.by_staff(staff))
    points.reverse(completion, cause=Cause.by_staff(staff, "wrong"))
    decisions.link(completion, user, remember=False, cause=Cause.by_staff(staff))
    drain()
    assert [mail.to for mail in mailoutbox] == [[user.email]]


def test_mail_is_due_after_the_check_and_links_a_certificate_that_names_the_member(
    complete: Any, host: CertificateHost, user: User, drain: Any, mailoutbox: Any
) -> None:
    complete(certificate_url=f"https://{HOST}/1.pdf")
    message = EmailMessage.objects.get(kind=KIND)
    assert message.next_attempt_at > timezone.now() + timedelta(minutes=1)
    drain()
    assert f"https://{HOST}/1.pdf" in mailoutbox[0].body, "and it is sent as soon as that is known"


@pytest.mark.parametrize("shows", [pdf_for("Bob Lee"), Answer(status=503)], ids=["another name", "away"])
def test_certificate_that_was_not_found_to_be_the_members_is_not_linked_to(
    complete: Any, host: CertificateHost, user: User, drain: Any, travel: Any, mailoutbox: Any, shows: Answer
) -> None:
    host.shows = shows
    complete(certificate_url=f"https://{HOST}/1.pdf")
    drain()
    travel(timedelta(minutes=3))
    drain()
    assert len(mailoutbox) == 1
    assert HOST not in mailoutbox[0].body


def test_without_a_check_the_mail_goes_at_once_and_without_a_link(
    complete: Any, user: User, drain: Any, mailoutbox: Any
) -> None:
    complete(certificate_url=f"https://{HOST}/1.pdf")
    drain()
    assert HOST not in mailoutbox[0].body


def test_second_check_of_a_certificate_sends_nothing(
    complete: Any, host: CertificateHost, user: User, drain: Any, mailoutbox: Any
) -> None:
    completion = complete(certificate_url=f"https://{HOST}/1.pdf")
    drain()
    certificates.check_again(completion)
    drain()
    assert CertificateCheck.objects.get().status == "done"
    assert len(mailoutbox) == 1


def test_member_whose_greeting_is_held_gets_it_after_the_greeting(
    complete: Any, user: User, plan: Any, drain: Any, travel: Any, mailoutbox: Any
) -> None:
    until = timezone.now() + timedelta(days=300)
    subscription = staff_actions.grant(user, plan, until=until, cause=CAUSE).subscription
    emails.greet(subscription, held=True)
    completion = complete()
    points.reverse(completion, cause=CAUSE)
    decisions.award_again(completion, cause=CAUSE)
    drain()
    assert (mailoutbox, statuses()) == ([], ["held"])
    assert emails.release_greetings(per_minute=60) == 1
    drain()
    assert {mail.subject[:13] for mail in mailoutbox} == {"Your NSSA mem", "You completed"}


def test_held_mail_that_is_no_news_any_more_stays_held(
    complete: Any, user: User, plan: Any, drain: Any, travel: Any, mailoutbox: Any
) -> None:
    until = timezone.now() + timedelta(days=300)
    subscription = staff_actions.grant(user, plan, until=until, cause=CAUSE).subscription
    emails.greet(subscription, held=True)
    complete()
    travel(timedelta(days=20))
    assert emails.release_greetings(per_minute=60) == 1
    drain()
    assert statuses() == ["held"]


def test_nobody_gets_more_than_ten_of_them_a_day(complete: Any, user: User) -> None:
    for _ in range(12):
        complete()
    assert (len(statuses()), points.balance(user)) == (10, 240)


def test_page_of_the_mail_says_why_it_is_held(complete: Any, user: User, staff: User, drain: Any) -> None:
    from django.urls import reverse

    from accounts.tests.admin_clients import signed_in

    completion = complete()
    points.reverse(completion, cause=CAUSE)
    drain()
    url = reverse("admin:accounts_emailmessage_change", args=[EmailMessage.objects.get(kind=KIND).pk])
    assert "the points were taken back before it was sent" in signed_in(staff).get(url).content.decode()
