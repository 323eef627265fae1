"""Handler of insurance policies and quotes."""

from accounts.commerce import policies
from accounts.commerce.policies import AmbiguousPolicy, PolicyReport
from accounts.people.models import Contact
from core.text import InvalidAddress
from integrations.contracts.events import PolicyReported
from integrations.contracts.exceptions import UnknownContact, Unmatched
from integrations.handlers.contacts import contact_of
from integrations.handlers.context import Change, Context
from integrations.outbox import enqueue
from integrations.registry import provider as provider_of


def store(event: PolicyReported, context: Context) -> list[Change]:
    """Store what the event reports of a policy.

    Raises Unmatched where nobody is named, now or before, or the number is of another person; UnknownContact where it
    names somebody by an id whom the provider has not reported yet.
    """
    report = PolicyReport(
        occurred_at=event.occurred_at,
        external_id=event.external_id,
        is_quote=event.is_quote,
        currency=event.currency,
        number=event.number,
        line_of_business=event.line_of_business,
        status=event.status,
        carrier=event.carrier,
        premium=event.premium,
        effective_on=event.effective_on,
        expires_on=event.expires_on,
    )
    try:
        contact = _contact(event, context)
        changed = policies.apply_report(report, provider=context.provider, contact=contact)
    except AmbiguousPolicy as doubt:
        raise Unmatched(f"{doubt}: its id at the provider, or the right person, must be named") from doubt
    name = "quote" if event.is_quote else "policy"
    enqueue.policy_changed(changed, cause=context.cause)
    if changed.created:
        return [Change(description=f"{name} recorded", target=changed.policy)]
    if changed.changed:
        return [Change(description=f"{name} changed: {', '.join(changed.changed)}", target=changed.policy)]
    return [Change(description=f"{name} known already", target=changed.policy)]


def _contact(event: PolicyReported, context: Context) -> Contact:
    """Return the contact that the event names, else the one that the policy belongs to. Raises as `store`."""
    try:
        return contact_of(event, context)
    except (Unmatched, InvalidAddress):
        known = policies.find(
            provider=context.provider,
            external_id=event.external_id,
            number=event.number,
            effective_on=event.effective_on,
            expires_on=event.expires_on,
        )
    if known is not None:
        return known.contact
    title = provider_of(context.provider).title
    what = f"{'quote' if event.is_quote else 'policy'} {event.number[:100] or event.external_id}"
    named = event.identities.get("contact", "")
    if named:
        unknown = (
            f"whom neither {title} nor we know"
            if context.reads_contacts
            else "who is not known here and is not named by an e-mail"
        )
        raise UnknownContact(f"{what} belongs to {named}, {unknown}", external_id=named)
    hint = "" if context.reads_contacts else f"; with the API of {title} set up it would be looked up there"
    raise Unmatched(f"{what}: nobody is named, neither by an id nor by an e-mail, and it is not known here{hint}")
