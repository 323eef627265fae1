"""Handler of insurance policies and quotes."""

from accounts.commerce import policies
from accounts.commerce.policies import AmbiguousPolicy, PolicyReport
from accounts.people.models import Contact
from core.phrases import KNOWN, TEXT, Phrase
from core.text import InvalidAddress
from integrations.contracts.events import PolicyReported
from integrations.contracts.exceptions import UnknownContact, Unmatched
from integrations.handlers import effects
from integrations.handlers.contacts import contact_of
from integrations.handlers.context import Change, Context
from integrations.outbox import enqueue
from integrations.registry import provider as provider_of

_POLICY = Phrase("policy {number}")
_QUOTE = Phrase("quote {number}")
_AMBIGUOUS = Phrase("{doubt}: its id at the provider, or the right person, must be named", doubt=TEXT)
_KNOWN_NOWHERE = Phrase("{policy} belongs to {contact}, whom neither {provider} nor we know", policy=KNOWN)
_NOT_KNOWN = Phrase("{policy} belongs to {contact}, who is not known here and is not named by an e-mail", policy=KNOWN)
_NOBODY = Phrase("{policy}: nobody is named, neither by an id nor by an e-mail, and it is not known here", policy=KNOWN)
_NOBODY_YET = Phrase(
    "{policy}: nobody is named, neither by an id nor by an e-mail, and it is not known here;"
    " with the API of {provider} set up it would be looked up there",
    policy=KNOWN,
)


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
        raise Unmatched(_AMBIGUOUS(doubt=doubt)) from doubt
    recorded, changed_to, known = effects.POLICY[event.is_quote]
    enqueue.policy_changed(changed, cause=context.cause)
    if changed.created:
        return [Change(description=recorded(), target=changed.policy)]
    if changed.changed:
        return [Change(description=changed_to(names=", ".join(changed.changed)), target=changed.policy)]
    return [Change(description=known(), target=changed.policy)]


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
    what = {"policy": (_QUOTE if event.is_quote else _POLICY)(number=event.number[:100] or event.external_id)}
    named = event.identities.get("contact", "")
    if named:
        belongs = {**what, "contact": named}
        unknown = _KNOWN_NOWHERE(**belongs, provider=title) if context.reads_contacts else _NOT_KNOWN(**belongs)
        raise UnknownContact(unknown, external_id=named)
    raise Unmatched(_NOBODY(**what) if context.reads_contacts else _NOBODY_YET(**what, provider=title))
