"""Certificates in the console: pages and permissions."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse

from accounts.courses import completions
from accounts.courses.completions import ReportedCompletion
from accounts.courses.models import Activity, CertificateCheck, Completion
from accounts.courses.tests.certificate_hosts import HOST, CertificateHost, pdf_for
from accounts.people.models import User
from accounts.staff.models import AuditEntry
from accounts.tests.admin_clients import signed_in
from core.cause import Cause
from tests.fakes.http_server import Answer

pytestmark = pytest.mark.django_db
LIST = reverse("admin:accounts_completion_changelist")


@pytest.fixture
def host(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[CertificateHost]:
    with CertificateHost(tmp_path) as running:
        running.use(settings, monkeypatch)
        yield running


@pytest.fixture
def complete(user: User) -> Any:
    def report(**told: Any) -> Completion:
        known: dict[str, Any] = {"source": f"kajabi:{Completion.objects.count()}", "email": user.email}
        known |= {"course": f"Course {Completion.objects.count()}", "channel": "kajabi", "name": "Jane Rivera"}
        known |= {"completed_on": date(2026, 3, 2), "certificate_url": f"https://{HOST}/1.pdf"}
        activity = Activity.objects.get(code="LEARN")
        return completions.receive(ReportedCompletion(**known | told), activity, cause=Cause(text="test")).completion

    return report


def page_of(completion: Completion, staff: User) -> str:
    url = reverse("admin:accounts_completion_change", args=[completion.pk])
    return str(signed_in(staff).get(url).content.decode())


def press(completion: Completion, act: str, staff: User, **answers: str) -> Any:
    url = reverse("admin:accounts_completion_act", args=[completion.pk, act])
    return signed_in(staff).post(url, {"answered": "1", **answers} if answers else {})


def test_page_says_why_nothing_is_checked_where_no_host_is_configured(
    complete: Any, staff: User, settings: Any
) -> None:
    settings.CERTIFICATE_HOSTS = []
    shown = page_of(complete(), staff)
    assert "Certificates are not checked: CERTIFICATE_HOSTS names no host." in shown
    assert "check-certificate" not in shown


def test_page_and_list_show_each_state(complete: Any, host: CertificateHost, staff: User, drain: Any) -> None:
    completion = complete()
    assert "It is checked in a moment." in page_of(completion, staff)
    assert "being checked" in signed_in(staff).get(LIST).content.decode()
    drain()
    assert "It names the student" in page_of(completion, staff)
    assert 'badge--processed">valid' in signed_in(staff).get(LIST).content.decode()


def test_last_trouble_is_shown_while_a_check_is_tried_again(
    complete: Any, host: CertificateHost, staff: User, drain: Any
) -> None:
    host.shows = Answer(status=503)
    completion = complete()
    drain()
    assert f"{HOST} answered with 503" in page_of(completion, staff)


def test_doubtful_certificates_want_staff_until_they_are_accepted_or_the_points_taken_back(
    complete: Any, host: CertificateHost, staff: User, drain: Any
) -> None:
    host.shows = pdf_for("Bob Lee")
    first, second = complete(), complete()
    drain()
    start = signed_in(staff).get("/admin/")
    (item,) = [one for one in start.context["attention"] if one.key == "certificates_in_doubt"]
    assert item.count == 2
    rows = signed_in(staff).get(item.url).content.decode()
    assert (first.course in rows, second.course in rows) == (True, True)
    assert press(first, "accept-certificate", staff, reason="married name").status_code == 302
    assert press(second, "reverse", staff, reason="not theirs").status_code == 302
    assert "certificates_in_doubt" not in [one.key for one in signed_in(staff).get("/admin/").context["attention"]]
    first.refresh_from_db()
    assert (first.certificate_state, first.certificate_reason) == ("accepted", "married name")
    assert AuditEntry.objects.filter(action="completion.accept_certificate").count() == 1


def test_staff_have_a_certificate_checked_again(complete: Any, host: CertificateHost, staff: User, drain: Any) -> None:
    host.shows = pdf_for("Bob Lee")
    completion = complete()
    drain()
    host.shows = pdf_for("Jane Rivera")
    assert press(completion, "check-certificate", staff).status_code == 302
    drain()
    completion.refresh_from_db()
    assert completion.certificate_state == "valid"
    assert AuditEntry.objects.filter(action="completion.check_certificate").count() == 1
    assert CertificateCheck.objects.count() == 1


def test_list_is_filtered_by_the_result_of_the_check(
    complete: Any, host: CertificateHost, staff: User, drain: Any
) -> None:
    complete(course="Valid course")
    drain()
    host.shows = pdf_for("Bob Lee")
    complete(course="Doubtful course")
    drain()
    shown = signed_in(staff).get(LIST, {"certificate_state__exact": "name_not_found"}).content.decode()
    assert ("Doubtful course" in shown, "Valid course" in shown) == (True, False)


def test_list_asks_as_many_queries_for_many_rows_as_for_one(
    complete: Any, host: CertificateHost, staff: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        complete()
    browser = signed_in(staff)
    browser.get(LIST)
    with django_assert_max_num_queries(14):
        browser.get(LIST)
