"""Explanation of one person: identity, access to each plan and why, and events that are not processed."""

from typing import Any

from accounts.memberships import explain as explanations
from accounts.memberships.explain import PlanAccess
from accounts.people import person
from core import phrases
from core.moments import iso
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status

MAX_EVENTS = 20  # the newest first
_NOT_PROCESSED = (Status.PENDING, Status.FAILED, Status.UNMATCHED)


def explain(text: str) -> dict[str, Any]:
    """Return the explanation of a person as JSON in the active language: a sentence, and the facts it follows from.

    `text` is an e-mail, contact:ID, user:ID, PROVIDER:ID or an id alone. Raises NobodyFound, SeveralFound.
    """
    found = person.find(text)
    explanation = explanations.explain(found)
    user = explanation.user
    events = InboxEvent.objects.filter(person_email__in=found.emails, status__in=_NOT_PROCESSED).order_by("-pk")
    return {
        "sentence": explanation.sentence,
        "person": {
            "name": explanation.name,
            "emails": sorted(found.emails),
            "user_id": user.pk if user else None,
            "contact_ids": sorted(found.contacts),
            "is_locked": bool(user and not user.is_active),
            "has_password": bool(user and user.has_usable_password()),
            "ids": [{"provider": provider, "kind": kind, "id": number} for provider, kind, number in sorted(found.ids)],
        },
        "plans": [_plan(plan) for plan in explanation.plans],
        "events_not_processed": [
            {
                "id": event.pk,
                "provider": event.provider,
                "type": event.event_type,
                "status": event.status,
                "reason": phrases.shown(event.reason or event.last_error),
                "received_at": iso(event.received_at),
            }
            for event in events.defer("body", "payload", "headers")[:MAX_EVENTS]
        ],
    }


def _plan(plan: PlanAccess) -> dict[str, Any]:
    subscription = plan.subscription
    return {
        "plan": subscription.plan.code,
        "name": subscription.plan.name,
        "status": plan.state.status,
        "has_access": plan.has_access,
        "until": iso(plan.state.period_end),
        "sentence": plan.sentence,
        "facts": [
            {
                "kind": fact.kind,
                "occurred_at": iso(fact.occurred_at),
                "cause": phrases.shown(fact.cause),
                "event_id": fact.event_id,
                "rule": str(assigned.rule.label),
                "status_after": state.status,
                "until_after": iso(state.period_end),
            }
            for fact, assigned, state in plan.facts
        ],
        "questions": [
            {
                "fact_id": fact.pk,
                "kind": fact.kind,
                "occurred_at": iso(fact.occurred_at),
                "question": str(fact.get_question_display()),
                "event_id": fact.event_id,
            }
            for fact in plan.questions
        ],
    }
