"""The action on an event whose id two people claim: choose the member who has it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.people.models import User
from core.console.actions import AboutRows, Action, Answer, ReasonForm, Refused, Submission
from integrations.inbox import claims
from integrations.inbox.models import InboxEvent


class ChooseMemberForm(AboutRows, ReasonForm):
    member = forms.ModelChoiceField(label=gettext_lazy("Member"), queryset=User.objects.none())
    field_order = ("member", "reason")

    def set_rows(self, rows: Sequence[Any]) -> None:
        found = [claim for event in rows if (claim := claims.claim_of(event))]
        keys = {member.pk for claim in found for member in claim.choices}
        field: Any = self.fields["member"]
        field.queryset = User.objects.filter(pk__in=keys).order_by("email")
        if len(keys) == 1:
            field.initial = keys.pop()


def _choose(event: InboxEvent, submission: Submission) -> Answer:
    member = submission.answers["member"]
    try:
        count = claims.give_ids(event, member)
    except LookupError as error:
        raise Refused(_("This event does not wait for this member any more.")) from error
    text = ngettext(
        "The ID belongs to %(member)s. %(count)d event was queued again.",
        "The ID belongs to %(member)s. %(count)d events were queued again.",
        count,
    )
    return Answer(text=text % {"member": member, "count": count}, changed=True)


CHOOSE_MEMBER = Action(
    name="choose-member",
    label=gettext_lazy("give the ID to one member"),
    explanation=gettext_lazy(
        "The other people lose the ID, and the member has it from now on, beside an ID of their own. The event is"
        " processed again, and so are the others of this person that wait for it."
    ),
    done="",
    run=_choose,
    applies_to=lambda event: claims.claim_of(event) is not None,
    form=ChooseMemberForm,
    in_list=False,
)
