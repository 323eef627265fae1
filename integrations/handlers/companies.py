"""Handlers of a provider's accounts, which are our companies."""

from functools import partial

from django.db import transaction

from accounts.people import companies
from accounts.people.companies import AccountReport, InvalidAccount, Reported
from accounts.people.models import Contact
from integrations.contracts.events import CompanyClosed, CompanyReported
from integrations.contracts.exceptions import Unreadable
from integrations.handlers import effects
from integrations.handlers.context import Change, Context
from integrations.registry import provider as provider_of
from integrations.toolkit import log_lines


def report(event: CompanyReported, context: Context) -> list[Change]:
    """Create or rename the account's company. Raises Unreadable where the event names no account."""
    account = AccountReport(
        occurred_at=event.occurred_at,
        account_id=event.account_id,
        name=event.name,
        administrators=event.administrators,
    )
    try:
        reported = companies.apply_report(account, cause=context.cause)
    except InvalidAccount as error:
        raise Unreadable(str(error)) from error
    if reported.created:
        provider, company = provider_of(context.provider), reported.company
        names = {"account_id": company.chatwoot_account_id, "company_id": company.company_id}
        log_lines.company_creating(provider, **names)
        transaction.on_commit(partial(log_lines.company_created, provider, **names))
    return [_change_of(reported)]


def close(event: CompanyClosed, context: Context) -> list[Change]:
    """Close the account's company. Raises Unreadable where the event names no account."""
    try:
        return [_change_of(companies.close(event.account_id, at=event.occurred_at, cause=context.cause))]
    except InvalidAccount as error:
        raise Unreadable(str(error)) from error


def assign(contact: Contact, account_id: str) -> Change | None:
    """Assign a contact to the company of an account; None where it belongs to it already or there is no company."""
    company = companies.of_account(account_id)
    if company is None or not companies.assign_contact(contact, company):
        return None
    return Change(description=effects.CONTACT_OF_COMPANY(company=company.company_id), target=company)


def _change_of(reported: Reported) -> Change:
    if reported.created:
        description = effects.COMPANY_CREATED()
    elif reported.changed:
        description = effects.COMPANY_CHANGED(names=", ".join(reported.changed))
    else:
        description = effects.COMPANY_KNOWN()
    return Change(description=description, target=reported.company)
