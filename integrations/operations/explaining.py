"""One person explained: who they are, what they may use and why, and what is not processed."""

from typing import Any

from accounts.memberships import explain as explanations
from accounts.memberships.explain import PlanAccess
from accounts.people import person
from core.moments import iso
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status

SHOWN = 20  # events, the newest first
_NOT_THROUGH = (Status.PENDING, Status.FAILED, Status.UNMATCHED)


def explain(text: str) -> dict[str, Any]:
    """Return the explanation of whom `text` means, as JSON: a sentence, and the facts it follows from.

    `text` is an e-mail, contact:ID, user:ID, PROVIDER:ID or an id alone. Raises NobodyFound, SeveralFound.
    """
    who = person.find(text)
    found = explanations.explain(who)
    user = found.user
    waiting = InboxEvent.objects.filter(person_email__in=who.emails, status__in=_NOT_THROUGH).order_by("-pk")
    return {
        "sentence": found.sentence,
        "person": {
            "name": found.name,
            "emails": sorted(who.emails),
            "user_id": user.pk if user else None,
            "contact_ids": sorted(who.contacts),
            "is_locked": bool(user and not user.is_active),
            "has_password": bool(user and user.has_usable_password()),
            "ids": [dict(zip(("provider", "kind", "id"), one, strict=True)) for one in sorted(who.ids)],
        },
        "plans": [_plan(plan) for plan in found.plans],
        "events_not_processed": [
            {
                "id": event.pk,
                "provider": event.provider,
                "type": event.event_type,
                "status": event.status,
                "reason": event.reason or event.last_error,
                "received_at": iso(event.received_at),
            }
            for event in waiting.defer("body", "payload", "headers")[:SHOWN]
        ],
    }


def _plan(plan: PlanAccess) -> dict[str, Any]:
    subscription = plan.subscription
    return {
        "plan": subscription.plan.code,
        "name": subscription.plan.name,
        "status": subscription.status,
        "has_access": plan.has_access,
        "until": iso(subscription.current_period_end),
        "sentence": plan.sentence,
        "facts": [
            {
                "kind": fact.kind,
                "occurred_at": iso(fact.occurred_at),
                "cause": fact.cause,
                "event_id": fact.event_id,
                "status_after": state.status,
                "until_after": iso(state.period_end),
            }
            for fact, state in plan.facts
        ],
    }
