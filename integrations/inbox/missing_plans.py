"""Events that are unmatched for want of a plan: which offer they name, and giving it a plan."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import transaction

from accounts.memberships import plans
from accounts.memberships.models import Plan, PlanOffer
from core.insert_once import insert_once
from integrations.contracts.exceptions import Permanent, Unmatched, Unreadable
from integrations.contracts.membership_events import MembershipEvent
from integrations.handlers.missing_plan import MissingPlan
from integrations.inbox import process
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.inbox.reading import as_webhook
from integrations.registry import all_providers


class MappedOtherwise(Exception):
    """The offer sells another plan already."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(f"The offer sells {plan} already.")
        self.plan = plan


@dataclass(frozen=True, kw_only=True)
class Given:
    """How many events were queued again."""

    retried: int
    is_new: bool


def missing_plan_of(event: InboxEvent) -> MissingPlan | None:
    """Return the offer that keeps `event` unmatched; None where it is something else, or nothing is left to process.

    The event's payload says the ids exactly. One that is confirmed at its provider may name them there only: then they
    are those of the reason.
    """
    if event.status != Status.UNMATCHED or event.pruned_at is not None or event.payload is None:
        return None
    by_reason = MissingPlan.from_reason(event.reason)
    provider = all_providers().get(event.provider)
    if by_reason is None or provider is None:
        return None
    try:
        facts = provider.parse(as_webhook(event))
    except (Unreadable, Unmatched, Permanent):
        return by_reason
    for fact in facts:
        if isinstance(fact, MembershipEvent) and fact.offers:
            exact = MissingPlan(offers=fact.offers, title=fact.offer_title)
            if exact.reason in event.reason:
                return exact
    return by_reason


def events_waiting_for(offer: str, *, provider: str) -> Iterator[InboxEvent]:
    """Return the unmatched events that a plan for `offer` would let through, oldest first."""
    rows = InboxEvent.objects.filter(provider=provider, status=Status.UNMATCHED, pruned_at=None, reason__contains=offer)
    for event in rows.defer("body").order_by("pk").iterator(chunk_size=200):
        missing = missing_plan_of(event)
        if missing is not None and offer in missing.offers:
            yield event


def offer_mapped(offer: PlanOffer) -> int:
    """Retry every event that waited for a plan of this offer; return how many."""
    return process.retry(events_waiting_for(offer.external_id, provider=offer.provider))


def give_plan(event: InboxEvent, plan: Plan) -> Given:
    """Map the event's offer to `plan`, and retry every event that waits for it.

    Two at once: the second finds the first one's row. The same plan again only retries what is left; another one raises
    MappedOtherwise. Raises LookupError where the event does not wait for a plan.
    """
    missing = missing_plan_of(event)
    if missing is None:
        raise LookupError("This event does not wait for a plan.")
    with transaction.atomic():
        is_new = False
        if plans.sold_by(missing.offers, provider=event.provider) is None:
            row = PlanOffer(plan=plan, provider=event.provider, external_id=missing.offers[0])
            is_new = insert_once(row)
        sold = plans.sold_by(missing.offers, provider=event.provider)
        if sold != plan:
            raise MappedOtherwise(sold or plan)
        waiting = {event.pk: event}
        for offer in missing.offers:
            waiting |= {one.pk: one for one in events_waiting_for(offer, provider=event.provider)}
        return Given(retried=process.retry(waiting.values()), is_new=is_new)
