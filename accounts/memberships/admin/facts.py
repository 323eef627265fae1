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

from accounts.memberships import subscriptions
from accounts.memberships.models import Purchase, SubscriptionFact
from core.console import attention, columns
from core.console.actions import AboutRows, Action, ReasonForm, Refused, Submission
from core.console.base import ConsoleAdmin, NeverDeleted
from core.console.links import row_link, source_of

OPEN = SubscriptionFact.objects.exclude(question="").filter(answered_at=None)


class IsOpen(admin.SimpleListFilter):
    title = _("to be decided")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.exclude(question="").filter(answered_at=None) if self.value() == "yes" else queryset


class DecideForm(ReasonForm, AboutRows):
    field_order = ("purchase", "reason")
    purchase = forms.ChoiceField(label=_("It is about"), required=False, widget=forms.RadioSelect)

    def set_rows(self, rows: Sequence[SubscriptionFact]) -> None:
        known = {purchase.pk: purchase for row in rows for purchase in row.subscription.purchases.all()}
        self.fields["purchase"].choices = [  # type: ignore[attr-defined]
            *((str(key), _described(purchase)) for key, purchase in known.items()),
            ("", _("none of them: leave it as it is")),
        ]


def _described(purchase: Purchase) -> str:
    ends = filter(None, (purchase.started_at, purchase.paid_until))
    days = " – ".join(date_format(timezone.localtime(day), "DATE_FORMAT") for day in ends)
    return f"{purchase} · {purchase.get_status_display()} · {days}"


def _decide(fact: SubscriptionFact, submission: Submission) -> bool:
    key = submission.answers["purchase"]
    purchase = fact.subscription.purchases.filter(pk=key).first() if key else None
    if key and purchase is None:
        raise Refused(_("This purchase belongs to another subscription."))
    subscriptions.decide(fact, purchase=purchase, cause=submission.cause)
    return True


@admin.register(SubscriptionFact)
class SubscriptionFactAdmin(NeverDeleted, ConsoleAdmin):
    """Read-only: a question is answered by an action, which computes the subscription anew."""

    list_display = ("kind", "member", "occurred_at", "question", "rule", "source")
    list_filter = (IsOpen, "kind")
    list_select_related = ("subscription__user", "subscription__plan")
    fields = readonly_fields = (
        "member",
        "kind",
        "occurred_at",
        "learned_at",
        "period_end",
        "references",
        "terms",
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
            applies_to=lambda fact: bool(fact.question),
            form=DecideForm,
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
    source = columns.of(source_of, _("source"))


@attention.source
def _questions() -> Iterator[attention.Item]:
    yield attention.Item(
        key="membership_questions",
        label=_("Facts that could be about several purchases"),
        count=attention.capped(OPEN),
        url=reverse("admin:accounts_subscriptionfact_changelist") + "?open=yes",
        permission="accounts.view_subscriptionfact",
    )
