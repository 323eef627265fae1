"""Companies: created once for each account, named by the newest report, closed for good. Their only writer."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.people import forgotten, provisioning
from accounts.people.models import Company, Contact
from core.cause import Cause
from core.insert_once import insert_once
from core.text import EMAIL, LINE, clean_name, fits, identifier, one_line

ADMINISTRATORS_AT_MOST = 50
_ACCOUNT_ID = re.compile(r"[1-9][0-9]{0,18}")
_NOT_IN_NAMES = re.compile(r"[<>]")


class InvalidAccount(ValueError):
    """Not an account's id."""


@dataclass(frozen=True, kw_only=True)
class AccountReport:
    """An account as it was at `occurred_at`. `name` is "" and `administrators` None where they were not reported.

    An administrator is {"id", "name", "email"}.
    """

    occurred_at: datetime
    account_id: str
    name: str = ""
    administrators: Sequence[Mapping[str, str]] | None = None


@dataclass(frozen=True, kw_only=True)
class Reported:
    """The result of a report; `changed` names what is different now."""

    company: Company
    created: bool = False
    changed: tuple[str, ...] = ()


def account_id_of(text: str) -> str:
    """Return `text` as an account's id. Raises InvalidAccount for everything but digits.

    Prefixes and indexes are made of it: "12:3" would put one company's keys among another's.
    """
    account_id = fits(text, 50).strip()
    if not _ACCOUNT_ID.fullmatch(account_id):
        raise InvalidAccount(f"an account's id is a number, not {account_id[:50]!r}")
    return account_id


def names_of(account_id: str) -> dict[str, str]:
    """Return the names of a company's rows, keys and documents, which follow from the account's id."""
    company_id = f"chatwoot_{account_id_of(account_id)}"
    return {
        "company_id": company_id,
        "redis_prefix": f"{company_id}:",
        "vectorstore_index": f"{company_id}_documents",
    }


def of_account(account_id: str) -> Company | None:
    """Return the company of an account; None where there is none, or where this is no account's id."""
    return Company.objects.filter(chatwoot_account_id=fits(account_id, 50).strip()).first()


def apply_report(report: AccountReport, *, cause: Cause) -> Reported:
    """Apply a report to the company of its account; created, and its provisioning enqueued, where there is none.

    Two at once make one (unique constraints). An older report than the newest changes nothing. Raises InvalidAccount.
    """
    with transaction.atomic(savepoint=False):
        company = of_account(account_id_of(report.account_id))
        if company is None:
            company = _new(report, cause=cause)
            if insert_once(company):
                provisioning.enqueue(company)
                return Reported(company=company, created=True)
            company = Company.objects.get(chatwoot_account_id=company.chatwoot_account_id)
        changed = [name for name, value in _values(report).items() if _set(company, name, value, at=report.occurred_at)]
        return Reported(company=company, changed=tuple(changed))


def close(account_id: str, *, at: datetime, cause: Cause) -> Reported:
    """Close the company of an account that is gone. Final: ids are not used again, and its report may come late.

    Where the company is not known yet it is made, closed, so that a late report of its creation does not open it.
    Raises InvalidAccount.
    """
    with transaction.atomic(savepoint=False):
        company = of_account(account_id_of(account_id))
        if company is None:
            company = _new(AccountReport(occurred_at=at, account_id=account_id), cause=cause)
            company.status, company.closed_at = Company.Status.CLOSED, at
            if insert_once(company):
                return Reported(company=company, created=True)
            company = Company.objects.get(chatwoot_account_id=company.chatwoot_account_id)
        still_open = Company.objects.filter(pk=company.pk, status=Company.Status.ACTIVE)
        closed = still_open.update(status=Company.Status.CLOSED, closed_at=at)
        company.refresh_from_db()
        return Reported(company=company, changed=("status",) if closed else ())


def assign_contact(contact: Contact, company: Company) -> bool:
    """Assign a contact to a company; False where it belongs to one already, since no account hands people on."""
    taken = Contact.objects.filter(pk=contact.pk, company=None).update(company=company)
    if taken:
        contact.company = company
    return bool(taken)


def _new(report: AccountReport, *, cause: Cause) -> Company:
    values = _values(report)
    return Company(
        **names_of(report.account_id),
        chatwoot_account_id=account_id_of(report.account_id),
        **values,
        **{f"{_MOMENT[name]}": report.occurred_at for name in values},
        event_id=cause.event_id,
        source=cause.text[:200],
    )


_MOMENT = {"name": "named_at", "administrators": "administrators_at"}


def _values(report: AccountReport) -> dict[str, Any]:
    """Return the reported values in their stored form: a payload is hostile, and longer than a column."""
    values: dict[str, Any] = {}
    if name := one_line(_NOT_IN_NAMES.sub(" ", report.name[:LINE]), 255):
        values["name"] = name
    if report.administrators is not None:
        erased = forgotten.among(
            ("email", str(item.get("email", "")).strip().lower()) for item in report.administrators
        )
        values["administrators"] = [
            {
                "id": identifier(str(item.get("id", ""))),
                "name": clean_name(str(item.get("name", ""))),
                "email": fits(str(item.get("email", "")).strip(), EMAIL),
            }
            for item in list(report.administrators)[:ADMINISTRATORS_AT_MOST]
            if ("email", str(item.get("email", "")).strip().lower()) not in erased
        ]
    return values


def _set(company: Company, name: str, value: Any, *, at: datetime) -> bool:
    """Store a value unless a newer report named it; return whether it changed. One statement: no race."""
    moment, before = _MOMENT[name], getattr(company, name)
    newer = Company.objects.filter(Q(**{moment: None}) | Q(**{f"{moment}__lt": at}), pk=company.pk)
    if not newer.update(**{name: value, moment: at}):
        return False
    setattr(company, name, value)
    setattr(company, moment, at)
    return bool(before != value)
