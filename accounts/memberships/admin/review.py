"""Questions about memberships in *Review*: what a fact means for access."""

from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.memberships import purchase_state
from accounts.memberships.admin.facts import OPEN, stated
from accounts.memberships.models import Purchase, SubscriptionFact
from core.console import review
from core.console.links import moment, source_of
from core.console.review import Decision, Kind, Question, Weight

SIDES = 4  # purchases beside the fact; its form has all


def _meaning(fact: SubscriptionFact) -> Question:
    purchases = list(fact.subscription.purchases.all()[:SIDES])
    ids = ", ".join(str(value) for value in fact.references.values())
    return Question(
        title=f"{fact.subscription}: {fact.get_question_display()}",
        why=_why(fact),
        facts=[
            (_("what"), fact.get_kind_display()),
            (_("stated terms"), stated(fact)),
            (_("source"), source_of(fact)),
        ],
        heads=[_("this fact"), *(_purchase(one, fact) for one in purchases)],
        lines=[
            (_("from"), [moment(fact.occurred_at), *(moment(one.started_at) for one in purchases)]),
            (_("until"), [moment(fact.period_end), *(moment(one.paid_until) for one in purchases)]),
            (_("ids"), [ids, *(one.external_id for one in purchases)]),
        ],
    )


def _why(fact: SubscriptionFact) -> Any:
    if fact.question != purchase_state.Question.SEATS:
        return ""
    new_one = format_html('<a href="{}">{}</a>', reverse("admin:accounts_subscription_add"), _("Give access"))
    return format_html("{} {}", _("Ask the buyer, and give the others access before you answer:"), new_one)


def _purchase(purchase: Purchase, fact: SubscriptionFact) -> Any:
    text = f"{_('purchase')} {purchase} · {purchase.get_status_display()}"
    return _("%(purchase)s (taken for now)") % {"purchase": text} if purchase.pk == fact.purchase_id else text


review.register(
    Kind(
        key="membership_questions",
        label=gettext_lazy("Memberships"),
        model=SubscriptionFact,
        permission="accounts.view_subscriptionfact",
        weight=Weight.ACCESS,
        rows=lambda: OPEN.select_related("subscription__user", "subscription__plan"),
        occurred="learned_at",
        about="subscription__user__email",
        show=_meaning,
        decisions=(
            Decision(
                action="decide",
                key="d",
                undo=gettext_lazy("It can be changed later: decide again."),
                undo_by=("decide",),
            ),
        ),
        url=lambda: reverse("admin:accounts_subscriptionfact_changelist") + "?open=yes",
    )
)
