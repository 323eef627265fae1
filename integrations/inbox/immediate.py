"""Deliveries whose sender waits for the result: processed in the request, where that succeeds quickly.

The row was stored before, so everything here may fail: the row falls due again, a worker takes it, and the sender is
answered that it is stored.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from accounts.people import companies
from accounts.people.companies import InvalidAccount
from core.queue import runner
from core.queue.wakeup import wake
from integrations.contracts.reply import Accepted
from integrations.inbox.models import InboxEvent
from integrations.inbox.receive import Receipt

logger = logging.getLogger(__name__)
PATIENCE = 0.4  # seconds for each statement and each lock: the sender gives up after a few


def process_now(receipt: Receipt) -> Accepted:
    """Process a delivery that was stored, unless a worker does, and return what its sender may know of it.

    Where the database is busy or away a worker does it, and no company exists yet.
    """
    event, accepted = receipt.event, receipt.accepted
    try:
        names = companies.names_of(event.external_id)
    except InvalidAccount:
        names = {}
    accepted = replace(accepted, company=names)
    try:
        with _impatient():
            runner.run(InboxEvent, event.pk)
            company = companies.of_account(event.external_id) if names else None
    except (DatabaseError, InterfaceError) as error:
        logger.warning("not handled in the request: %s", error, extra={"event_id": event.pk})
        wake(InboxEvent, [event.pk])  # it is committed
        return accepted
    if company is None:
        return accepted
    is_new = company.event_id == event.pk and not accepted.duplicate
    names = {"company_id": company.company_id, "company_name": company.name} | names
    return replace(accepted, company=names, company_exists=True, is_new=is_new)


@contextmanager
def _impatient() -> Iterator[None]:
    """Let no statement wait for long, for a lock least of all; what takes longer raises OperationalError."""
    milliseconds = int(PATIENCE * 1000)
    if connection.vendor == "postgresql":
        limit, unlimit = f"SET statement_timeout = {milliseconds}", "RESET statement_timeout"
    else:
        patience = int(settings.DATABASES["default"]["OPTIONS"]["timeout"] * 1000)
        limit, unlimit = f"PRAGMA busy_timeout = {milliseconds}", f"PRAGMA busy_timeout = {patience}"
    _execute(limit)
    try:
        yield
    finally:
        try:
            _execute(unlimit)
        except (DatabaseError, InterfaceError):
            connection.close()  # or the next request would be as impatient


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
