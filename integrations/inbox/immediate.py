"""Deliveries whose sender wants to know what became of them: handled in the request, where that succeeds at once.

The row was kept before, so everything here may fail: the row falls due again, a worker takes it, and the sender is told
that it is kept.
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
PATIENCE = 0.4  # seconds for each statement and each lock: whoever waits for the answer gives up after a few


def process_now(receipt: Receipt) -> Accepted:
    """Process a delivery that was stored, unless somebody else does, and return what its sender may know of it.

    A database that is busy or away is nobody's error here: a worker does it, and nothing is made yet.
    """
    event = receipt.event
    names = _names(event.external_id)
    accepted = replace(receipt.accepted, company=names)
    try:
        with _impatient():
            runner.run(InboxEvent, receipt.event_id)
            company = companies.of_account(event.external_id) if names else None
    except (DatabaseError, InterfaceError) as error:
        logger.warning("not handled in the request: %s", error, extra={"event_id": receipt.event_id})
        wake(InboxEvent, [receipt.event_id])  # it is committed
        return accepted
    if company is None:
        return accepted
    is_new = company.event_id == receipt.event_id and not receipt.duplicate
    names = {"company_id": company.company_id, "company_name": company.name} | names
    return replace(accepted, company=names, company_exists=True, is_new=is_new)


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
