"""Questions about events in *Review*: purchases and messages for which no plan or person was found."""

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.memberships.models import Plan, Subscription
from accounts.people import lookup
from accounts.people.admin.contacts import person_link
from core import phrases
from core.console import review
from core.console.links import EVENTS, list_url, moment
from core.console.review import Decision, Kind, Question, Rule, Suggestion, Weight
from core.provider_names import provider_title
from integrations.contracts.membership_events import MembershipEvent
from integrations.handlers.missing_plan import BEGINNING, MissingPlan
from integrations.inbox import claims, missing_plans, questions
from integrations.inbox.models import InboxEvent

# Somebody bought something, and has no access to it for want of a plan.
_PAID = Q(reason__contains=BEGINNING)


def _event(event: InboxEvent) -> Question:
    fact, missing = _fact(event), missing_plans.missing_plan_of(event)
    known = lookup.with_email(event.person_email) if event.person_email else None
    has = Subscription.objects.giving_access().filter(user=known.user_id) if known and known.user_id else None
    plans = ", ".join(has.values_list("plan__name", flat=True)) if has is not None else ""
    name = f"{fact.buyer.first_name} {fact.buyer.last_name}".strip() if fact else ""
    return Question(
        title=_title(event, missing),
        why=phrases.shown(event.reason),
        facts=[
            (_("event type"), f"{provider_title(event.provider)} {event.event_type}"),
            (_("date"), moment(fact.occurred_at if fact else event.received_at)),
            (_("offer"), missing.named if missing else fact.offer_title if fact else ""),
            (_("plans with access"), plans),
        ],
        heads=[_("as received"), person_link(known) if known else _("nobody is known here")],
        lines=[
            (_("e-mail"), [event.person_email, known.email if known else ""]),
            (_("name"), [name, known.name if known else ""]),
        ],
        suggestion=_plan_of_the_same_name(missing),
        rules={"choose-plan": _rule(missing)} if missing else {},
    )


def _title(event: InboxEvent, missing: MissingPlan | None) -> str:
    if missing is not None:
        return _("Which plan does the offer %(offer)s sell?") % {"offer": missing}
    return _("What belongs to this? %(event)s of %(person)s") % {
        "event": event.event_type,
        "person": event.person_email or _("nobody who is named"),
    }


def _fact(event: InboxEvent) -> MembershipEvent | None:
    """Return what the event says about a membership; None where it says nothing, or cannot be read here."""
    return next((fact for fact in claims.facts_of(event) if isinstance(fact, MembershipEvent)), None)


def _plan_of_the_same_name(missing: MissingPlan | None) -> Suggestion | None:
    plans = list(Plan.objects.filter(name__iexact=missing.title)[:2]) if missing and missing.title else []
    if len(plans) != 1:
        return None
    return Suggestion(
        action="choose-plan",
        reason=_("the plan %(plan)s has the offer's name") % {"plan": plans[0]},
        answers={"plan": plans[0].pk},
    )


def _rule(missing: MissingPlan) -> Rule:
    text = _("the offer %(offer)s sells the plan that you choose: whoever buys it gets access.")
    return Rule(text=text % {"offer": missing}, url=reverse("admin:accounts_plan_changelist"))


review.register(
    Kind(
        key="unmatched_events",
        label=gettext_lazy("Unmatched purchases and messages"),
        model=InboxEvent,
        permission="integrations.view_inboxevent",
        weight=Weight.ACCESS,
        rows=questions.about_the_rest,
        occurred="received_at",
        about=review.first_text("person_email", "external_id", "event_type"),
        show=_event,
        urgent=_PAID,
        decisions=(
            Decision(
                action="choose-plan",
                key="p",
                undo=gettext_lazy(
                    "The offer can be taken from the plan on the plan's page. Access that was given stays until you"
                    " end it."
                ),
            ),
            Decision(action="retry", key="r", undo=gettext_lazy("You see what would follow before anything is done.")),
            Decision(
                action="ignore",
                key="i",
                undo=gettext_lazy("It can be taken back: the event is processed again."),
                undo_by=("replay", "retry"),
            ),
        ),
        url=lambda: list_url(EVENTS, asks="rest"),
    )
)
