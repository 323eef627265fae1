"""A mail that did not arrive is a problem until somebody corrected it, or a later mail arrived."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.mail import emails, undelivered
from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.people.models import User
from accounts.tests.admin_clients import page_of, signed_in

pytestmark = pytest.mark.django_db
Kind, Status = EmailMessage.Kind, EmailMessage.Status
number = iter(range(10_000))


def mail(user: User | None, status: str, *, to: str = "", kind: str = "welcome", **columns: Any) -> EmailMessage:
    address = to or (user.email if user else "")
    return EmailMessage.objects.create(
        user=user, to=address, kind=kind, status=status, key=f"k{next(number)}", **columns
    )


def is_open(message: EmailMessage) -> bool:
    return undelivered.unresolved(message.status).filter(pk=message.pk).exists()


@pytest.fixture
def member() -> User:
    return User.objects.create_user("jane@example.com")


@pytest.fixture
def bounced(member: User) -> EmailMessage:
    return mail(member, "bounced", bounced_at=timezone.now())


def test_bounce_is_open(bounced: EmailMessage) -> None:
    assert is_open(bounced)


@pytest.mark.parametrize(
    ("status", "kind", "is_over"),
    [
        ("delivered", "welcome", True),
        ("delivered", "password_setup", True),  # it holds a link as well
        ("delivered", "course_completed", False),
        ("sent", "welcome", False),  # to the address that bounced: nobody knows yet
        ("bounced", "welcome", False),
        ("pending", "welcome", False),
    ],
)
def test_bounce_ends_with_a_later_mail_that_arrived(
    status: str, kind: str, is_over: bool, bounced: EmailMessage, member: User
) -> None:
    mail(member, status, kind=kind)
    assert is_open(bounced) is not is_over


def test_earlier_delivery_ends_nothing(member: User) -> None:
    mail(member, "delivered")
    assert is_open(mail(member, "bounced", bounced_at=timezone.now()))


def test_bounce_ends_when_the_address_was_corrected_and_the_mail_was_sent_there(
    bounced: EmailMessage, member: User, drain: Any
) -> None:
    User.objects.filter(pk=member.pk).update(email="jane@example.org")
    bounced.refresh_from_db()
    assert is_open(bounced), "she has no link yet"
    again = emails.resend(EmailMessage.objects.select_related("user").get(pk=bounced.pk))
    assert is_open(bounced)
    EmailMessage.objects.filter(pk=again.pk).update(status="sent")
    assert (again.to, is_open(bounced)) == ("jane@example.org", False)
    EmailMessage.objects.filter(pk=again.pk).update(status="bounced")
    assert is_open(bounced)
    assert is_open(EmailMessage.objects.get(pk=again.pk))


def test_bounce_of_a_mail_without_a_link_ends_with_the_correction(member: User) -> None:
    lost = mail(member, "bounced", kind="ends_soon")
    assert is_open(lost)
    User.objects.filter(pk=member.pk).update(email="jane@example.org")
    assert not is_open(lost)


def test_bounced_link_is_needless_once_the_member_has_signed_in(bounced: EmailMessage, member: User) -> None:
    member.set_password("violet kettle under the stairs")
    member.save()
    assert is_open(bounced), "the password may be an old one"
    User.objects.filter(pk=member.pk).update(last_login=timezone.now())
    assert not is_open(bounced)


def test_failed_mail_ends_when_it_was_sent_again(member: User) -> None:
    failed = mail(member, "failed")
    assert is_open(failed)
    mail(member, "sent")
    assert not is_open(failed)


def test_mail_to_staff_ends_when_a_later_one_arrived_at_that_address() -> None:
    lost = mail(None, "bounced", to="staff@example.com", kind="staff_alert")
    mail(None, "delivered", to="other@example.com", kind="staff_alert")
    assert is_open(lost)
    mail(None, "delivered", to="staff@example.com", kind="staff_question")
    assert not is_open(lost)


def test_mail_of_an_erased_person_is_no_problem() -> None:
    assert not is_open(mail(None, "bounced", to="forgotten@forgotten.invalid"))


def test_pending_mail_is_open_once_it_failed(member: User) -> None:
    assert is_open(mail(member, "pending", failures=1))
    assert not is_open(mail(member, "pending"))
    assert not undelivered.unresolved("pending").filter(status="sent").exists()


def test_delayed_mail_is_tried_again_at_once_unless_a_worker_has_it(member: User) -> None:
    later = timezone.now() + timedelta(hours=1)
    delayed = mail(member, "pending", failures=3, next_attempt_at=later, wake_at=later)
    taken = mail(member, "pending", failures=3, crashes=1, next_attempt_at=later, wake_at=later)
    fresh = mail(member, "pending", next_attempt_at=later, wake_at=later)
    assert [emails.try_again(message) for message in (delayed, taken, fresh)] == [True, False, False]
    due = EmailMessage.objects.filter(next_attempt_at__lte=timezone.now())
    assert (due.get(), due.get().failures) == (delayed, 3)
    assert not emails.try_again(delayed), "it is due"


def test_error_stands_whole_on_the_page_of_the_mail(staff: User, member: User) -> None:
    error = "bounced: " + "no such mailbox " * 25 + "[end]"
    page = signed_in(staff).get(page_of(mail(member, "bounced", last_error=error))).content.decode()
    assert error in page
    reported = SuppressedAddress.objects.create(email="x@example.com", reason=error, complained_at=timezone.now())
    assert error in signed_in(staff).get(page_of(reported)).content.decode()
