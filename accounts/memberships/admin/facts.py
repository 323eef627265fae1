"""Facts of subscriptions, and staff's answers where one could be about several purchases."""

from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.memberships import answers, subscriptions
from accounts.memberships.facts import FactKind
from accounts.memberships.models import Purchase, SubscriptionFact
from accounts.memberships.purchase_state import Question, Status
from accounts.memberships.terms import Billing
from core.console import attention, columns
from core.console.actions import AboutRows, Action, ReasonForm, Refused, Submission
from core.console.base import ConsoleAdmin, NeverDeleted
from core.console.facets import ConditionFilter
from core.console.links import NOTHING, row_link, source_of
from core.money import money

_AS_IT_IS, _PAID_EARLY, _END = "as-it-is", "paid-early", "end"
_ABOUT_REFUNDS = (Question.PARTIAL_REFUNDS, Question.REFUND_OF_UNKNOWN)
_UNITS = {"days": _("days"), "weeks": _("weeks"), "months": _("months"), "years": _("years")}


def open_among(facts: QuerySet[SubscriptionFact]) -> QuerySet[SubscriptionFact]:
    """Return those whose question waits for staff. The seats of a purchase that ended are none any more."""
    over = {"question": Question.SEATS, "purchase__status__in": (Status.EXPIRED, Status.REFUNDED)}
    return facts.exclude(question="").filter(answered_at=None).exclude(**over)


OPEN = open_among(SubscriptionFact.objects.all())


class IsOpen(ConditionFilter):
    title = _("to be decided")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes"))]

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        return open_among(rows)


class DecideForm(ReasonForm, AboutRows):
    field_order = ("answer", "reason")
    answer = forms.ChoiceField(label=_("Answer"), widget=forms.RadioSelect)

    def set_rows(self, rows: Sequence[SubscriptionFact]) -> None:
        self.fields["answer"].choices = [choice for row in rows for choice in _answers(row)]  # type: ignore[attr-defined]


def _answers(fact: SubscriptionFact) -> list[tuple[str, Any]]:
    """Return the answers that a fact's question has."""
    if fact.question == Question.EARLY_PAYMENT:
        return [
            (_AS_IT_IS, _("an instalment: access stays as it is")),
            (_PAID_EARLY, _("paid early: the purchase lasts one more period")),
        ]
    if fact.question in _ABOUT_REFUNDS:
        return [(_AS_IT_IS, _("access stays as it is")), (_END, _("access by this purchase ends now"))]
    if fact.question == Question.SEATS:
        return [(_AS_IT_IS, _("the others have access, or need none"))]
    purchases = fact.subscription.purchases.all()
    return [
        *((str(one.pk), _described(one)) for one in purchases if one.is_grant == (fact.kind == FactKind.EXTENDED)),
        (_AS_IT_IS, _("none of them: leave it as it is")),
    ]


def _described(purchase: Purchase) -> str:
    ends = filter(None, (purchase.started_at, purchase.paid_until))
    days = " – ".join(date_format(timezone.localtime(day), "DATE_FORMAT") for day in ends)
    return f"{purchase} · {purchase.get_status_display()} · {days}"


def _asked(fact: SubscriptionFact) -> str:
    """Describe a fact with its question, as the form of its answer shows it."""
    day = date_format(timezone.localtime(fact.occurred_at), "DATE_FORMAT")
    return " · ".join(
        filter(None, (str(fact.subscription), fact.get_kind_display(), day, str(fact.get_question_display())))
    )


def _decide(fact: SubscriptionFact, submission: Submission) -> bool:
    answer, cause = submission.answers["answer"], submission.cause
    try:
        if answer == _PAID_EARLY:
            answers.paid_early(fact, cause=cause)
        elif answer == _END:
            answers.end_purchase(fact, cause=cause)
        elif answer != _AS_IT_IS:
            subscriptions.decide(fact, purchase=fact.subscription.purchases.get(pk=answer), cause=cause)
        elif fact.question in (Question.EARLY_PAYMENT, Question.SEATS, *_ABOUT_REFUNDS):
            answers.confirm(fact, cause=cause)
        else:
            subscriptions.decide(fact, purchase=None, cause=cause)
    except (LookupError, Purchase.DoesNotExist) as error:
        raise Refused(_("This purchase is another one by now. Look at the fact again.")) from error
    return True


def stated(fact: SubscriptionFact) -> str:
    """Return the terms that a fact states, in words."""
    terms, plan = fact.fact.terms, fact.subscription.plan
    stated: list[tuple[Any, Any]] = [
        (_("billing"), Billing(terms.billing).label if terms.billing in Billing.values else terms.billing),
        (_("period"), f"{terms.interval.count} {_UNITS[terms.interval.unit]}" if terms.interval else None),
        (_("trial days"), terms.trial_days),
        (_("seats"), terms.quantity),
        (_("starts"), terms.starts_at and date_format(timezone.localtime(terms.starts_at), "DATE_FORMAT")),
        (_("price"), None if terms.amount is None else money(terms.amount, plan.currency)),
        (_("refunded"), None if terms.refunded is None else money(terms.refunded, plan.currency)),
    ]
    return "; ".join(f"{label}: {value}" for label, value in stated if value is not None) or NOTHING


@admin.register(SubscriptionFact)
class SubscriptionFactAdmin(NeverDeleted, ConsoleAdmin):
    """Read-only: a question is answered by an action, which computes the subscription anew."""

    list_display = ("kind", "member", "occurred_at", "question", "source")
    list_filter = (IsOpen, "kind")
    list_select_related = ("subscription__user", "subscription__plan")
    fields = readonly_fields = (
        "member",
        "kind",
        "occurred_at",
        "learned_at",
        "period_end",
        "ids",
        "stated",
        "purchase",
        "rule",
        "question",
        "answered_at",
        "source",
        "staff",
        "reason",
    )
    row_actions = (
        Action(
            name="decide",
            label=_("decide"),
            explanation=_("Access is computed anew with your answer. It can be changed later."),
            done=ngettext_lazy("%(count)d question was answered.", "%(count)d questions were answered.", "count"),
            run=_decide,
            applies_to=lambda fact: bool(fact.question or fact.answered_at),
            form=DecideForm,
            shown=_asked,
            in_list=False,
        ),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    member = columns.of(
        lambda fact: row_link("admin:accounts_subscription", fact.subscription_id, str(fact.subscription)), _("member")
    )
    ids = columns.of(
        lambda fact: ", ".join(f"{name}: {value}" for name, value in fact.references.items()) or NOTHING, _("ids")
    )
    stated = columns.of(stated, _("stated terms"))
    source = columns.of(source_of, _("source"))


@attention.source
def _questions() -> Iterator[attention.Item]:
    yield attention.Item(
        key="membership_questions",
        label=_("Facts to be decided by staff"),
        rows=OPEN.all(),
        occurred="learned_at",
        url=reverse("admin:accounts_subscriptionfact_changelist") + "?open=yes",
        permission="accounts.view_subscriptionfact",
    )
