"""What providers say of insurance policies and quotes → rows that belong to a contact."""

from accounts.services import policies
from accounts.services.policies import PolicyReport
from integrations.contracts.events import PolicyReported
from integrations.contracts.exceptions import ForgottenHere, Unmatched
from integrations.handlers.contacts import whose
from integrations.handlers.context import Change, Context


def keep(event: PolicyReported, context: Context) -> list[Change]:
    """Bring the policy to what the event says. Raises Unmatched where nobody is named, now or before."""
    told = PolicyReport(
        occurred_at=event.occurred_at,
        external_id=event.external_id,
        is_quote=event.is_quote,
        currency=event.currency,
        number=event.number,
        line_of_business=event.line_of_business,
        carrier=event.carrier,
        premium=event.premium,
        effective_on=event.effective_on,
        expires_on=event.expires_on,
    )
    try:
        contact = whose(event, context)
    except ForgottenHere:
        raise
    except Unmatched:
        known = policies.find(provider=context.provider, external_id=event.external_id, number=event.number)
        if known is None:
            raise
        contact = known.contact
    kept = policies.keep(told, provider=context.provider, contact=contact, cause=context.cause)
    name = "quote" if event.is_quote else "policy"
    if kept.created:
        return [Change(description=f"{name} recorded", target=kept.policy)]
    if kept.changed:
        return [Change(description=f"{name} changed: {', '.join(kept.changed)}", target=kept.policy)]
    return [Change(description=f"{name} known already", target=kept.policy)]
