"""Provisioning steps of a company: one row for each step that the settings name.

A worker that dies between the end of a step's function and its row's runs it once more: every step must stand being run
twice.
"""

import logging
from collections.abc import Callable, Iterable

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.people.models import Company, ProvisioningStep
from core.insert_once import insert_once
from core.phrases import Phrase
from core.queue.outcomes import Permanent
from core.queue.runner import JobKind
from core.queue.wakeup import wake_on_commit

_NOT_THERE = Phrase("COMPANY_PROVISIONING_STEPS names {path}, which is not there: {error}")

logger = logging.getLogger(__name__)
Status = ProvisioningStep.Status


class NotNeeded(Exception):
    """The step has nothing to do; the message says why."""


class CannotProvision(Permanent):
    """A step will not work, however often it is tried; the message says what to change."""


def enqueue(company: Company) -> list[ProvisioningStep]:
    """Enqueue the steps of the settings that this company has no row for yet, and return them."""
    queued = []
    for path in settings.COMPANY_PROVISIONING_STEPS:
        step = ProvisioningStep(company=company, step=path)
        step.schedule_wake_up()
        if insert_once(step):
            wake_on_commit(step)
            queued.append(step)
    return queued


def run_again(steps: Iterable[ProvisioningStep]) -> int:
    """Make steps due now, done ones too, since each may run twice; return how many. Pending ones are due already."""
    count = 0
    for step in steps:
        if step.status != Status.PENDING or step.failures:
            step.requeue(result="")
            wake_on_commit(step)
            count += 1
    return count


def complete(company: Company) -> int:
    """Make every step due that is not done: failed and skipped ones, and those that the settings name by now."""
    return len(enqueue(company)) + run_again(company.steps.exclude(status=Status.DONE))


def _run(row: ProvisioningStep) -> None:
    company: Company = row.company
    if company.status == Company.Status.CLOSED:
        row.close(Status.SKIPPED, result="the company is closed")
        return
    try:
        result = _function(row.step)(company)
    except NotNeeded as reason:
        row.close(Status.SKIPPED, result=str(reason)[:300])
        return
    row.close(Status.DONE, result=result[:300])
    logger.info("provisioning step done", extra={"company": company.company_id, "step": row.step})


def _function(path: str) -> Callable[[Company], str]:
    """Return the function at a dotted path: it takes the company and returns its result in a few words."""
    try:
        function: Callable[[Company], str] = import_string(path)
    except ImportError as error:
        raise CannotProvision(_NOT_THERE(path=path, error=error)) from error
    return function


JOBS = JobKind(model=ProvisioningStep, work=_run)
