"""The action on an event whose offer no plan sells: choose the plan, and give its buyers access."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.memberships.models import Plan
from core.console.actions import Action, Answer, Refused, Submission
from integrations.inbox import missing_plans
from integrations.inbox.models import InboxEvent


class ChoosePlanForm(forms.Form):
    plan = forms.ModelChoiceField(
        label=gettext_lazy("Plan"),
        queryset=Plan.objects.all(),
        help_text=gettext_lazy("Everybody who buys this offer gets access to this plan, from now on too."),
    )


def _choose(event: InboxEvent, submission: Submission) -> Answer:
    plan = submission.answers["plan"]
    missing = missing_plans.missing_plan_of(event)
    try:
        given = missing_plans.give_plan(event, plan)
    except missing_plans.MappedOtherwise as error:
        text = _("Offer %(offer)s was mapped to %(plan)s meanwhile. Retry the event, or change it on the plan's page.")
        raise Refused(text % {"offer": missing, "plan": error.plan}) from error
    except LookupError as error:
        raise Refused(_("This event does not wait for a plan any more.")) from error
    text = ngettext(
        "Offer %(offer)s gives access to %(plan)s. %(count)d event was queued again.",
        "Offer %(offer)s gives access to %(plan)s. %(count)d events were queued again.",
        given.retried,
    )
    return Answer(text=text % {"offer": missing, "plan": plan, "count": given.retried}, changed=True)


def _described(event: InboxEvent) -> str:
    missing = missing_plans.missing_plan_of(event)
    if missing is None:
        return str(event)
    waiting = sum(1 for _event in missing_plans.events_waiting_for(missing.offers[0], provider=event.provider))
    text = ngettext(
        "Offer %(offer)s: %(count)d event waits for its plan",
        "Offer %(offer)s: %(count)d events wait for its plan",
        waiting,
    )
    return text % {"offer": missing, "count": waiting}


CHOOSE_PLAN = Action(
    name="choose-plan",
    label=gettext_lazy("choose a plan and give access"),
    explanation=gettext_lazy(
        "The offer is mapped to the plan, and every event that waits for it is processed: its buyers get access."
    ),
    done="",
    run=_choose,
    applies_to=lambda event: missing_plans.missing_plan_of(event) is not None,
    form=ChoosePlanForm,
    shown=_described,
    in_list=False,
)
