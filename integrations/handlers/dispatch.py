"""The handler of each kind of fact."""

from collections.abc import Callable, Mapping
from typing import Any

from accounts.people.contacts import Unidentified
from accounts.people.forgotten import PersonForgotten
from accounts.people.lookup import NeedsStaff
from core.text import InvalidAddress
from integrations.contracts.events import (
    CompanyClosed,
    CompanyReported,
    ContactGone,
    ContactReported,
    CourseCompleted,
    CourseProgressed,
    Event,
    FormSubmitted,
    MoneyMoved,
    OrderPlaced,
    PolicyReported,
)
from integrations.contracts.exceptions import PersonErased, Unmatched
from integrations.contracts.membership_events import MembershipEvent
from integrations.handlers import companies, contacts, direct_completions, memberships, policies, progress
from integrations.handlers.context import Change, Context

# A kind of event, with all that derive from it, and its handler: called with the event and its context.
HANDLERS: Mapping[type[Event], Callable[[Any, Context], list[Change]]] = {
    MembershipEvent: memberships.apply,
    ContactReported: contacts.report,
    ContactGone: contacts.note_gone,
    CompanyReported: companies.report,
    CompanyClosed: companies.close,
    OrderPlaced: contacts.store_order,
    MoneyMoved: contacts.store_payment,
    FormSubmitted: contacts.store_submission,
    CourseCompleted: direct_completions.store,
    PolicyReported: policies.store,
    CourseProgressed: progress.store,
}


def handle(event: Event, context: Context) -> list[Change]:
    """Apply `event` inside the caller's transaction and return its changes.

    Raises Unmatched where staff must decide, PersonErased where the person was erased (handlers let pass what services
    raise about a person), Retryable where it may work later.
    """
    handler = next((handler for kind, handler in HANDLERS.items() if isinstance(event, kind)), None)
    if handler is None:
        raise TypeError(f"no handler for {type(event).__name__}")
    try:
        return handler(event, context)
    except PersonForgotten as error:
        raise PersonErased(str(error)) from error
    except (InvalidAddress, NeedsStaff, Unidentified) as error:
        raise Unmatched(str(error)) from error
