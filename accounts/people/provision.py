"""Doing what is owed for a company: claim the step, call its function, close the row with its words.

A worker that dies between the function's end and the row's does it once more: every step must stand being done twice.
"""

import logging
from collections.abc import Callable
from functools import partial

from django.utils.module_loading import import_string

from accounts.people.models import Company, ProvisioningStep
from accounts.people.provisioning import CannotProvision, NotNeeded
from core.queue.attempts import attempt

logger = logging.getLogger(__name__)
Status = ProvisioningStep.Status


def run(step_id: int) -> None:
    """Do the step if it is due and nobody else does it. Whatever goes wrong is on the row, and it is tried again."""
    row = ProvisioningStep.objects.claim(step_id)
    if row is not None:
        attempt(row, partial(_do, row), is_permanent=lambda error: isinstance(error, CannotProvision))


def _do(row: ProvisioningStep) -> None:
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
    """The function at a dotted path: it takes the company and says in a few words what it did."""
    try:
        function: Callable[[Company], str] = import_string(path)
    except ImportError as error:
        raise CannotProvision(f"COMPANY_PROVISIONING_STEPS names {path}, which is not there: {error}") from error
    return function
