"""Deliveries whose sender wants to know what became of them: handled in the request, where that succeeds at once.

The row was kept before, so everything here may fail: the row falls due again, a worker takes it, and the sender is told
that it is kept.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from accounts.people import companies
from accounts.people.companies import InvalidAccount
from core.queue.wakeup import wake
from integrations.contracts.provider import Endpoint, Provider
from integrations.contracts.webhook import Outcome
from integrations.inbox import process
from integrations.inbox.receive import PROCESS_TASK, Receipt

logger = logging.getLogger(__name__)
PATIENCE = 0.4  # seconds for each statement and each lock: whoever waits for the answer gives up after a few


def handled_and_answered(provider: Provider, endpoint: Endpoint, receipt: Receipt) -> Mapping[str, Any]:
    """Bring a delivery that was kept to its end, unless somebody else does, and give the answer for its sender.

    A database that is busy or away is nobody's error here: the answer says that a worker does it.
    """
    assert endpoint.answer_with is not None, "for such endpoints only"
    event = receipt.event
    is_about_a_company = provider.company_pages is not None and event.event_type in provider.company_pages.synced
    names = _names(event.external_id) if is_about_a_company else {}
    outcome = Outcome(payload=event.payload or {}, names=names)
    try:
        with _impatient():
            process.process(receipt.event_id)
            company = companies.of_account(event.external_id) if names else None
    except (DatabaseError, InterfaceError) as error:
        logger.warning("not handled in the request: %s", error, extra={"event_id": receipt.event_id})
        wake(PROCESS_TASK, [receipt.event_id])  # it is committed
        return endpoint.answer_with(outcome)
    if company is not None:
        is_new = company.event_id == receipt.event_id and not receipt.duplicate
        names = {"company_id": company.company_id, "company_name": company.name} | names
        outcome = Outcome(payload=outcome.payload, names=names, is_made=True, is_new=is_new)
    return endpoint.answer_with(outcome)


def _names(account_id: str) -> dict[str, str]:
    try:
        return companies.names_of(account_id)
    except InvalidAccount:
        return {}


@contextmanager
def _impatient() -> Iterator[None]:
    """Let no statement wait for long, for a lock least of all; what takes longer raises OperationalError."""
    milliseconds = int(PATIENCE * 1000)
    if connection.vendor == "postgresql":
        limit, unlimit = f"SET statement_timeout = {milliseconds}", "RESET statement_timeout"
    else:
        patience = int(settings.DATABASES["default"]["OPTIONS"]["timeout"] * 1000)
        limit, unlimit = f"PRAGMA busy_timeout = {milliseconds}", f"PRAGMA busy_timeout = {patience}"
    _say(limit)
    try:
        yield
    finally:
        try:
            _say(unlimit)
        except (DatabaseError, InterfaceError):
            connection.close()  # or the next request would be as impatient


def _say(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
