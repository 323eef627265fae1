"""Addresses that get no mail, in the console: what staff see, and how they let mails through again."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from accounts.mail import emails, suppressions
from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.people.person import of_user
from accounts.privacy import prune
from accounts.privacy.erase import forget
from accounts.staff.models.audit_entry import AuditEntry
from accounts.tests.admin_clients import clerk, page_of, signed_in
from accounts.tests.presses import act_url, list_of, logged, press, rows_of
from core.queue import runner

pytestmark = pytest.mark.django_db


@pytest.fixture
def console(staff: Any) -> Client:
    return signed_in(staff)


@pytest.fixture
def row(newcomer: Any) -> SuppressedAddress:
    """An address that complained about its welcome mail."""
    message = emails.enqueue(EmailMessage.Kind.WELCOME, key="a reason", to=newcomer.email, user=newcomer, context={})
    suppressions.suppress("New@Example.com", reason="complained: abuse", message=message)
    return SuppressedAddress.objects.get()


def test_suppressed_address_shows_when_why_and_about_which_mail(console: Client, row: SuppressedAddress) -> None:
    page = console.get(page_of(row)).content.decode()
    assert "complained: abuse" in page
    assert date_format(row.complained_at, "SHORT_DATE_FORMAT") in page
    assert page_of(row.message) in page
    assert "mails about the password only" in page


def test_pages_of_the_user_and_of_the_mail_name_the_complaint(
    console: Client, row: SuppressedAddress, newcomer: Any
) -> None:
    for other in (newcomer, EmailMessage.objects.get()):
        assert page_of(row) in console.get(page_of(other)).content.decode()
    row.delete()
    assert "mails about the password only" not in console.get(page_of(newcomer)).content.decode()


def test_mail_that_was_not_sent_says_why(console: Client, row: SuppressedAddress, newcomer: Any) -> None:
    queued = emails.enqueue(EmailMessage.Kind.MEMBERSHIP_LINKED, key="k", to=newcomer.email, user=newcomer, context={})
    assert queued is not None
    runner.run(EmailMessage, queued.pk)
    assert queued in rows_of(console, EmailMessage, status__exact="suppressed")
    page = console.get(page_of(queued)).content.decode()
    assert "badge--suppressed" in page
    assert "this address complained: abuse" in page


def test_staff_let_mails_through_again_with_a_reason(console: Client, row: SuppressedAddress, staff: Any) -> None:
    assert press(console, row, "lift", reason="she asked for it") == ["1 address gets every mail again."]
    row.refresh_from_db()
    assert (row.is_active, row.lifted_by, row.lift_reason) == (False, staff, "she asked for it")
    assert logged(row) == ["lift: she asked for it"]
    entry = AuditEntry.objects.get(action="suppressedaddress.lift")
    assert (entry.actor, entry.facts["answers"]) == (staff, {"reason": "she asked for it"})
    assert suppressions.find("new@example.com") is None


def test_without_a_reason_nothing_is_lifted(console: Client, row: SuppressedAddress) -> None:
    console.post(act_url(row, "lift"), {"answered": "1", "reason": " "})
    row.refresh_from_db()
    assert row.is_active


def test_database_keeps_no_lifting_without_a_reason(row: SuppressedAddress) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        SuppressedAddress.objects.update(lifted_at=timezone.now())


@pytest.mark.parametrize(
    ("permissions", "status"),
    [(("view_suppressedaddress",), 403), (("view_suppressedaddress", "change_suppressedaddress"), 302)],
)
def test_lifting_needs_its_permission(row: SuppressedAddress, permissions: Any, status: int) -> None:
    answer = clerk(*permissions).post(act_url(row, "lift"), {"answered": "1", "reason": "x"})
    assert answer.status_code == status


@pytest.mark.parametrize("search", ["new@example.com", " NEW@example.com "])
def test_suppressed_addresses_are_found_by_the_whole_address(
    console: Client, row: SuppressedAddress, search: str
) -> None:
    assert rows_of(console, SuppressedAddress, q=search) == [row]
    assert rows_of(console, SuppressedAddress, q="new@") == []


def test_list_of_suppressed_addresses_is_read_with_few_queries_however_long(
    console: Client, row: SuppressedAddress, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        suppressions.suppress(f"a{number}@example.com", reason="complained: abuse")
    console.get(list_of(SuppressedAddress))
    with django_assert_max_num_queries(8):
        assert len(console.get(list_of(SuppressedAddress), {"state": "suppressed"}).context["cl"].result_list) == 31


def test_erased_person_leaves_no_suppressed_address(row: SuppressedAddress, newcomer: Any) -> None:
    forget(of_user(newcomer))
    assert not SuppressedAddress.objects.exists()


def test_lifted_suppression_is_removed_after_its_time_and_another_never(
    row: SuppressedAddress, staff: Any, settings: Any
) -> None:
    settings.RETENTION_DAYS = 90
    SuppressedAddress.objects.update(complained_at=timezone.now() - timedelta(days=1000))
    suppressions.suppress("other@example.com", reason="complained: abuse")
    suppressions.lift(SuppressedAddress.objects.get(email="other@example.com"), staff=staff, reason="x")
    SuppressedAddress.objects.filter(email="other@example.com").update(lifted_at=timezone.now() - timedelta(days=91))
    prune.prune()
    assert list(SuppressedAddress.objects.all()) == [row]


@pytest.mark.parametrize("email", ["", "x", "jane@", "jane@example.com\n", "ж@example.com", "a" * 600])
def test_text_that_is_no_address_is_not_suppressed(email: str) -> None:
    assert suppressions.suppress(email, reason="complained: abuse") is (email == "jane@example.com\n")


def test_address_is_valid_in_its_stored_form(row: SuppressedAddress) -> None:
    try:
        row.full_clean()
    except ValidationError as error:
        pytest.fail(str(error))


def test_lifted_addresses_are_listed_apart(console: Client, row: SuppressedAddress, staff: Any) -> None:
    assert rows_of(console, SuppressedAddress, state="suppressed") == [row]
    suppressions.lift(row, staff=staff, reason="x")
    assert rows_of(console, SuppressedAddress, state="suppressed") == []
    assert rows_of(console, SuppressedAddress, state="lifted") == [row]


def test_start_page_names_staff_whose_notifications_ended(console: Client, settings: Any) -> None:
    settings.ADMIN_EMAIL = ["Staff@example.com", "other@example.com"]
    assert "ADMIN_EMAIL" not in console.get("/admin/").content.decode()
    suppressions.suppress("staff@example.com", reason="complained: abuse")
    assert "Addresses of ADMIN_EMAIL that get no notifications" in console.get("/admin/").content.decode()
