"""Provisioning steps of a company: one row for each step that the settings name."""

from collections.abc import Iterable

from django.conf import settings

from accounts.people.models import Company, ProvisioningStep
from core.insert_once import insert_once
from core.queue.wakeup import wake_on_commit

PROVISION_TASK = "accounts.provision_companies"
Status = ProvisioningStep.Status


class NotNeeded(Exception):
    """A step has nothing to do here; the message says why."""


class CannotProvision(Exception):
    """A step will not work, however often it is tried; the message says what to change."""


def owe(company: Company) -> list[ProvisioningStep]:
    """The steps of the settings that this company has no row for yet, written down and owed."""
    owed = []
    for path in settings.COMPANY_PROVISIONING_STEPS:
        step = ProvisioningStep(company=company, step=path)
        step.wake_after_grace()
        if insert_once(step):
            wake_on_commit(PROVISION_TASK, step.pk)
            owed.append(step)
    return owed


def run_again(steps: Iterable[ProvisioningStep]) -> int:
    """Make steps due at once, done ones too, since each may be done twice; how many. One that is due waits already."""
    count = 0
    for step in steps:
        if step.status != Status.PENDING or step.failures:
            step.requeue(result="")
            wake_on_commit(PROVISION_TASK, step.pk)
            count += 1
    return count


def complete(company: Company) -> int:
    """Let everything run that is not done: failed and skipped steps, and those that the settings name by now."""
    return len(owe(company)) + run_again(company.steps.exclude(status=Status.DONE))
