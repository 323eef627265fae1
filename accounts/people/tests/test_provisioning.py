"""Provisioning steps of a company: queued once each, repeated until done, reported in words."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.checks import check_provisioning
from accounts.people import companies, provisioning
from accounts.people.companies import AccountReport
from accounts.people.models import Company, ProvisioningStep
from core.cause import Cause
from core.queue import runner

pytestmark = pytest.mark.django_db
STEPS = "accounts.people.tests.company_steps"


@pytest.fixture
def company_with(settings: Any) -> Any:
    def make(*steps: str) -> Company:
        settings.COMPANY_PROVISIONING_STEPS = [f"{STEPS}.{step}" for step in steps]
        told = AccountReport(occurred_at=timezone.now(), account_id="123", name="Test")
        return companies.apply_report(told, cause=Cause(text="test")).company

    return make


def rows() -> list[tuple[str, str, str]]:
    found = ProvisioningStep.objects.order_by("pk")
    return [(row.step.removeprefix(f"{STEPS}."), row.status, row.result or row.last_error) for row in found]


def test_each_step_stores_its_result(company_with: Any, drain: Any) -> None:
    company_with("fine", "broken", "unneeded")
    drain()
    assert rows() == [
        ("fine", "done", "greeted chatwoot_123"),
        ("broken", "failed", "the shelf is full"),
        ("unneeded", "skipped", "nobody wants it"),
    ]


def test_worker_is_woken_for_each_step_once_the_company_is_committed(
    company_with: Any, wakeups: list[tuple[str, int]], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        company_with("fine", "broken")
    keys = list(ProvisioningStep.objects.order_by("pk").values_list("pk", flat=True))
    assert wakeups == [("provisioningstep", key) for key in keys]


def test_temporary_failure_is_retried_with_back_off(company_with: Any, drain: Any, travel: Any) -> None:
    company_with("flaky")
    drain()
    step = ProvisioningStep.objects.get()
    assert (step.status, step.attempts, step.last_error) == ("pending", 1, "ConnectionError: not now")
    assert step.next_attempt_at > timezone.now()
    travel(timedelta(seconds=10))
    drain()
    step.refresh_from_db()
    assert (step.status, step.attempts, step.failures) == ("pending", 2, 2)


def test_missing_step_fails_and_names_the_setting(company_with: Any, drain: Any) -> None:
    company_with("nowhere")
    drain()
    step = ProvisioningStep.objects.get()
    assert step.status == "failed"
    assert f"COMPANY_PROVISIONING_STEPS names {STEPS}.nowhere" in step.last_error


def test_second_report_enqueues_no_step_twice(company_with: Any) -> None:
    company_with("fine")
    company_with("fine")
    assert provisioning.enqueue(Company.objects.get()) == []
    assert rows() == [("fine", "pending", "")]


def test_closed_company_is_not_provisioned_any_more(company_with: Any, drain: Any) -> None:
    company_with("fine")
    companies.close("123", at=timezone.now(), cause=Cause(text="test"))
    drain()
    assert rows() == [("fine", "skipped", "the company is closed")]


def test_two_workers_at_one_step_do_it_once(company_with: Any) -> None:
    company_with("fine")
    step = ProvisioningStep.objects.get()
    runner.run(ProvisioningStep, step.pk)
    runner.run(ProvisioningStep, step.pk)
    step.refresh_from_db()
    assert (step.status, step.attempts) == ("done", 1)


def test_done_step_may_run_again_and_a_pending_one_stays_pending(company_with: Any, drain: Any) -> None:
    company_with("fine")
    assert provisioning.run_again(ProvisioningStep.objects.all()) == 0
    drain()
    assert provisioning.run_again(ProvisioningStep.objects.all()) == 1
    drain()
    assert rows() == [("fine", "done", "greeted chatwoot_123")]
    assert ProvisioningStep.objects.get().attempts == 2


def test_step_that_is_not_there_is_found_before_the_start(settings: Any) -> None:
    settings.COMPANY_PROVISIONING_STEPS = [f"{STEPS}.fine", f"{STEPS}.nowhere", "nowhere"]
    assert [found.msg for found in check_provisioning()] == [
        f"There is no provisioning step {STEPS}.nowhere.",
        "There is no provisioning step nowhere.",
    ]
