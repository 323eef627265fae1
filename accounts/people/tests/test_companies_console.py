"""Companies in the console: what they are, who they are, what is set up for them, and how to repair it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from accounts.people import companies
from accounts.people.companies import AccountReport
from accounts.people.models import Company, Contact, ProvisioningStep
from accounts.tests.admin_clients import clerk, page_of, signed_in
from core.cause import Cause

pytestmark = pytest.mark.django_db
BROKEN = "accounts.people.tests.company_steps.broken"
FINE = "accounts.people.tests.company_steps.fine"
ADD = "/admin/accounts/company/add/"


@pytest.fixture(autouse=True)
def _steps(settings: Any) -> None:
    settings.COMPANY_PROVISIONING_STEPS = [FINE, BROKEN]


@pytest.fixture
def company() -> Company:
    told = AccountReport(
        occurred_at=timezone.now(),
        account_id="123",
        name="<b>Test</b> S.A.",
        administrators=[{"id": "7", "name": "Jane Doe", "email": "jane@example.com"}],
    )
    return companies.apply_report(told, cause=Cause(text="chatwoot account_created 123", event_id=77)).company


def test_page_shows_event_members_contacts_and_provisioning(company: Company, staff: Any, drain: Any) -> None:
    contact = Contact.objects.create(email="visitor@example.com", company=company)
    drain()
    text = signed_in(staff).get(page_of(company)).content.decode()
    for shown in (
        "chatwoot_123:",
        "chatwoot_123_documents",
        "/admin/integrations/inboxevent/77/change/",
        "/admin/integrations/inboxevent/?q=123&amp;provider=chatwoot",
        "Jane Doe · jane@example.com",
        str(contact),
        "company_steps.fine",
        "greeted chatwoot_123",
        "company_steps.broken",
        "the shelf is full",
    ):
        assert shown in text
    assert "<b>Test</b>" not in text


def test_failed_step_is_on_the_start_page_and_runs_again(company: Company, staff: Any, drain: Any) -> None:
    drain()
    browser = signed_in(staff)
    assert "Provisioning of companies that failed" in browser.get("/admin/").content.decode()
    step = ProvisioningStep.objects.get(step=BROKEN)
    assert (step.status, step.attempts) == ("failed", 1)
    answer = browser.post(f"/admin/accounts/provisioningstep/{step.pk}/act/run_again/", follow=True)
    assert "1 step was queued again." in answer.content.decode()
    step.refresh_from_db()
    assert (step.status, step.failures) == ("pending", 0)
    assert LogEntry.objects.get(object_id=str(step.pk)).change_message == "run_again"


def test_running_pending_steps_leaves_done_ones_and_adds_new_ones(
    company: Company, staff: Any, drain: Any, settings: Any
) -> None:
    drain()
    settings.COMPANY_PROVISIONING_STEPS = [FINE, BROKEN, "accounts.people.tests.company_steps.unneeded"]
    signed_in(staff).post(f"/admin/accounts/company/{company.pk}/act/provision/")
    waiting = ProvisioningStep.objects.filter(status="pending").values_list("step", flat=True)
    assert sorted(waiting) == [BROKEN, "accounts.people.tests.company_steps.unneeded"]


def test_account_whose_webhook_was_lost_is_added_by_hand(staff: Any) -> None:
    browser = signed_in(staff)
    assert browser.get(ADD).status_code == 200
    browser.post(ADD, {"chatwoot_account_id": " 55 ", "name": "By hand"})
    made = Company.objects.get()
    assert (made.company_id, made.name, made.source) == ("chatwoot_55", "By hand", f"staff: {staff.email}")
    assert made.steps.count() == 2


@pytest.mark.parametrize("given", ["", "x", "12:3", "0"])
def test_invalid_account_is_not_added(staff: Any, given: str) -> None:
    answer = signed_in(staff).post(ADD, {"chatwoot_account_id": given, "name": "By hand"})
    assert answer.status_code == 200
    assert Company.objects.count() == 0


def test_account_that_is_known_is_not_added_twice(company: Company, staff: Any) -> None:
    signed_in(staff).post(ADD, {"chatwoot_account_id": "123", "name": "Again"})
    assert Company.objects.count() == 1
    company.refresh_from_db()
    assert company.name == "b Test /b S.A."


def test_who_may_only_look_neither_adds_nor_runs(company: Company) -> None:
    browser = clerk("view_company", "view_provisioningstep")
    step = ProvisioningStep.objects.first()
    assert step is not None
    assert browser.get(page_of(company)).status_code == 200
    assert browser.get(ADD).status_code == 403
    assert browser.post(f"/admin/accounts/company/{company.pk}/act/provision/").status_code == 403
    assert browser.post(f"/admin/accounts/provisioningstep/{step.pk}/act/run_again/").status_code == 403
    assert browser.post(f"/admin/accounts/company/{company.pk}/delete/").status_code == 403


def test_lists_are_a_fixed_number_of_queries(company: Company, staff: Any, django_assert_max_num_queries: Any) -> None:
    for number in range(200, 230):
        companies.apply_report(
            AccountReport(occurred_at=timezone.now(), account_id=str(number), name="N"), cause=Cause(text="test")
        )
    browser = signed_in(staff)
    for path in ("/admin/accounts/company/", "/admin/accounts/provisioningstep/"):
        with django_assert_max_num_queries(8):
            assert browser.get(path).status_code == 200


def test_contacts_page_names_its_company_and_the_list_shows_one_companys_contacts(company: Company, staff: Any) -> None:
    contacts = [Contact.objects.create(email=f"visitor{number}@example.com", company=company) for number in range(22)]
    Contact.objects.create(email="somebody@example.com")
    browser = signed_in(staff)
    assert page_of(company) in browser.get(page_of(contacts[0])).content.decode()
    everyone = f"/admin/accounts/contact/?company__id__exact={company.pk}"
    assert everyone in browser.get(page_of(company)).content.decode()
    text = browser.get(everyone).content.decode()
    assert "visitor21@example.com" in text
    assert "somebody@example.com" not in text
