"""Apply purchases, renewals, cancellations and refunds to members, their subscriptions and their mails."""

from collections.abc import Mapping
from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from accounts.mail import emails, questions
from accounts.memberships import plans, subscriptions
from accounts.memberships.facts import SALES, Fact, FactKind
from accounts.memberships.models import Plan
from accounts.memberships.notices import Mails
from accounts.memberships.purchase_state import Question
from accounts.memberships.subscriptions import Recorded
from accounts.memberships.terms import StatedTerms, interval_of
from accounts.people import lookup, members
from accounts.people.contact_report import NAMES, ContactReport
from accounts.people.lookup import Contradiction, Match
from accounts.people.models import User
from core.phrases import Phrase
from integrations.contracts.exceptions import Unmatched
from integrations.contracts.membership_events import (
    DisputeLost,
    DisputeOpened,
    DisputeWon,
    MembershipEvent,
    OfferPurchased,
    PaymentFailed,
    PaymentSucceeded,
    PurchaseConfirmed,
    PurchaseRefunded,
    SubscriptionCanceled,
    SubscriptionExpired,
    SubscriptionPaused,
    SubscriptionRenewed,
    SubscriptionResumed,
)
from integrations.handlers import effects, first_reading
from integrations.handlers.contacts import change_of
from integrations.handlers.context import Change, Context
from integrations.handlers.missing_plan import MissingPlan
from integrations.outbox import enqueue

_NO_OFFER = Phrase.worded(
    "no plan: the event names no offer; map it to a plan, then retry",
    _("It names no offer, and there is no single plan that it could be about"),
)

FACT_OF: Mapping[type[MembershipEvent], FactKind] = {
    OfferPurchased: FactKind.PURCHASED,
    PaymentSucceeded: FactKind.PAID,
    SubscriptionRenewed: FactKind.RENEWED,
    SubscriptionCanceled: FactKind.CANCELED,
    SubscriptionExpired: FactKind.EXPIRED,
    PurchaseRefunded: FactKind.REFUNDED,
    PaymentFailed: FactKind.PAYMENT_FAILED,
    SubscriptionPaused: FactKind.PAUSED,
    SubscriptionResumed: FactKind.RESUMED,
    DisputeOpened: FactKind.DISPUTED,
    DisputeWon: FactKind.DISPUTE_WON,
    DisputeLost: FactKind.DISPUTE_LOST,
    PurchaseConfirmed: FactKind.CONFIRMED,
}
_GREETED = SALES | {FactKind.CONFIRMED}


def apply(event: MembershipEvent, context: Context) -> list[Change]:
    """Record what happened on the buyer's subscription; whoever is granted a plan for the first time is greeted.

    Every kind of event makes the member and the subscription where they are missing, so that a cancellation which
    overtakes its purchase is not lost. Raises Unmatched: no plan for the offer; as `members.find_or_create`: no usable
    e-mail, a conflict for staff, or the person was erased and has not paid since.
    """
    kind = FACT_OF[type(event)]
    report = ContactReport(
        occurred_at=event.occurred_at,
        email=event.buyer.email,
        identities=event.buyer.identities,
        fields={name: value for name in NAMES if (value := getattr(event.buyer, name))},
    )
    found = lookup.match(provider=context.provider, identities=report.identities, email=report.email, hold=True)
    plan = _plan(event, context, found)
    member = members.find_or_create(
        report,
        provider=context.provider,
        cause=context.cause,
        bought_at=event.occurred_at if kind in SALES else None,
        found=found,
    )
    enqueue.contact_changed(member.reported, context.fields)
    mails = context.mails
    if mails is Mails.SEND and first_reading.is_older(context.provider, event.occurred_at):
        mails = Mails.HOLD
    recorded = subscriptions.record(
        member.user, plan, _fact(event, context), cause=context.cause, provider=context.provider, mails=mails
    )
    subscription, outcome = recorded.subscription, effects.NOTHING_CHANGED()
    if not recorded.known:
        end, transition = subscription.current_period_end, recorded.transition
        before = transition.from_status if transition else ""
        plain, with_day = effects.SUBSCRIPTION["moved" if before else "new" if transition else "noted"]
        day = f"{end:%Y-%m-%d}" if end else ""
        outcome = (with_day if day else plain)(before=before, status=subscription.status, day=day)
    changes = [
        Change(
            description=effects.MEMBER_CREATED() if member.created else effects.MEMBER_KNOWN(),
            target=member.user,
            changed=member.created,
        ),
        Change(
            description=outcome,
            target=subscription,
            changed=recorded.changed,
            review=effects.QUESTIONS[recorded.question]() if recorded.question not in ("", Question.SEATS) else "",
        ),
    ]
    # What a sale says of the person beside is no change of their membership.
    changes += [replace(change, changed=False) for change in [change_of(member.reported)] if change]
    return changes if mails is Mails.NONE else [*changes, *_notify(recorded, event, context, held=mails is Mails.HOLD)]


def _notify(recorded: Recorded, event: MembershipEvent, context: Context, *, held: bool) -> list[Change]:
    """Greet whoever bought, and ask staff what a new fact leaves open. Returns the mails of the greeting."""
    changes, fact = [], recorded.fact
    if FACT_OF[type(event)] in _GREETED:
        what = effects.MAIL_HELD if held else effects.MAIL_ENQUEUED
        messages = emails.greet(recorded.subscription, held=held)
        changes = [Change(description=what(mail=message.kind), target=message) for message in messages]
    if fact is None:
        return changes
    if recorded.question:
        is_about_seats = recorded.question == Question.SEATS
        about = f"purchase:{fact.purchase_id}" if is_about_seats else f"fact:{fact.pk}"
        questions.ask(
            recorded.question,
            key=f"{recorded.question}:{about}",
            provider=context.provider,
            details=lambda: [
                event.buyer.email,
                recorded.subscription.plan.name,
                str(event.quantity) if is_about_seats else str(FactKind(fact.kind).label),
            ],
            admin_path=f"/admin/accounts/subscription/{recorded.subscription.pk}/change/",
            list_path="/admin/accounts/subscriptionfact/?open=yes",
        )
    return changes


def _plan(event: MembershipEvent, context: Context, found: Match) -> Plan:
    """Return the plan of the purchase that an event is about. Raises Unmatched where it cannot be known.

    What is no sale and names a purchase of this person is about its plan, whatever offer it names. An event without an
    offer is about the only plan that its person has, or that there is.
    """
    known, is_sale = None, FACT_OF[type(event)] == FactKind.PURCHASED
    if event.purchase_id and not is_sale:
        known = subscriptions.with_purchase(event.purchase_id, user=_named(found))
    if known is not None:
        return known.plan
    if event.offers:
        plan = plans.sold_by(event.offers, provider=context.provider)
    else:
        plan = (None if is_sale else subscriptions.only_plan_of(_named(found))) or plans.only_one()
    if plan is None:
        missing = MissingPlan(offers=event.offers, title=event.offer_title) if event.offers else None
        raise Unmatched(
            missing.reason if missing else _NO_OFFER(),
            question="no_plan",
            about=f"{context.provider}:{event.offers[0] if event.offers else ''}",
            details=[missing.named if missing else event.buyer.email],
        )
    return plan


def _named(found: Match) -> User | None:
    """Return the member whom the event names; None where there is none, or it names several."""
    try:
        return found.member
    except Contradiction:
        return None


def _fact(event: MembershipEvent, context: Context) -> Fact:
    """Return the event as a fact about a purchase: the ids by which that one is known, and the terms that it states."""
    kind, member = next(iter(event.buyer.identities.items()), ("", ""))
    ids = {
        "member": member,
        "member_kind": kind,
        "offer": event.offers[0] if event.offers else "",
        "book": event.book,
        "purchase": event.purchase_id,
        "subscription": event.subscription_id,
        "order": event.order_id,
        "transaction": event.transaction_id,
    }
    terms = StatedTerms(
        billing=event.billing or None,
        interval=interval_of(*event.interval) if event.interval else None,
        trial_days=event.trial_days,
        quantity=event.quantity,
        starts_at=event.starts_at,
        amount=event.amount,
        refunded=event.refunded,
    )
    return Fact(
        key=f"{context.provider}:{context.key}"[:200],
        kind=FACT_OF[type(event)],
        occurred_at=event.occurred_at,
        period_end=event.period_end,
        references={name: external_id for name, external_id in ids.items() if external_id},
        terms=terms,
    )
