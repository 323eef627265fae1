"""Admin of orders, payments and form answers, as reported."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from accounts.people.admin.contacts import FOUND_AT_MOST, person_link
from accounts.people.admin.filters import ProviderFilter
from accounts.people.models import ContactEmail
from core.console import columns
from core.console.base import ReadOnlyAdmin, ReadOnlyInline
from core.console.format import block, indented
from core.console.links import NOTHING, shortened


class OfSomebody(ReadOnlyAdmin):
    """Rows that belong to a contact and have an id at a provider."""

    list_select_related = ("contact",)
    search_fields = ("external_id",)
    search_help_text = _("Beginning of the person's e-mail, or the whole remote ID")
    own_names: ClassVar[tuple[str, ...]] = ()  # columns with an index that name one row, beside the id

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        if "@" in term:
            people = ContactEmail.objects.filter(email__startswith=term.lower()).values_list("contact", flat=True)
            return queryset.filter(contact__in=list(people[:FOUND_AT_MOST])), False
        own = ((name, term) for name in ("external_id", *self.own_names))
        return queryset.filter(Q(*own, _connector=Q.OR)), False

    person = columns.attribute("contact", _("contact"), show=person_link)


class LineInline(ReadOnlyInline):
    model = OrderLine
    fields = readonly_fields = ("what", "offer_id", "quantity", "amount")

    @admin.display(description=_("what"))
    def what(self, line: OrderLine) -> str:
        return str(line)

    amount = columns.money("total", _("total"), currency="order.currency")


@admin.register(Order)
class OrderAdmin(OfSomebody):
    list_display = ("placed", "number_there", "person", "amount", "provider")
    list_filter = (ProviderFilter,)
    search_help_text = _("Beginning of the person's e-mail, the whole number or id of the order")
    own_names = ("number",)
    fields = (("person", "provider"), ("number", "external_id"), ("amount", "tax_shown", "discount_shown"), "placed")
    readonly_fields = ("person", "amount", "tax_shown", "discount_shown", "placed")
    inlines = (LineInline,)

    placed = columns.moment("placed_at", _("placed"))

    @admin.display(description=_("number"))
    def number_there(self, order: Order) -> str:
        return order.number or order.external_id

    amount = columns.money("total", _("total"))
    tax_shown = columns.money("tax", _("tax"))
    discount_shown = columns.money("discount", _("discount"))


@admin.register(Payment)
class PaymentAdmin(OfSomebody):
    list_display = ("happened", "sort", "person", "shown_amount", "state", "provider")
    list_filter = ("kind", ProviderFilter)
    fields = (
        ("sort", "state"),
        ("person", "provider"),
        ("shown_amount", "tax_shown"),
        ("external_id", "external_order_id"),
        "purchases_shown",
        "happened",
    )
    readonly_fields = ("sort", "person", "shown_amount", "tax_shown", "purchases_shown", "happened")

    happened = columns.moment("occurred_at", _("happened"))
    sort = columns.badge("kind", _("kind"))
    shown_amount = columns.money("amount", _("amount"))
    tax_shown = columns.money("tax", _("tax"))

    @admin.display(description=_("purchases"))
    def purchases_shown(self, payment: Payment) -> str:
        return shortened(", ".join(map(str, payment.purchase_ids)), 500) or NOTHING


@admin.register(FormSubmission)
class FormSubmissionAdmin(OfSomebody):
    list_display = ("submitted", "form_shown", "person", "provider")
    list_filter = (ProviderFilter,)
    fields = ("form_shown", ("person", "provider"), "external_id", "submitted", "answers_shown")
    readonly_fields = ("form_shown", "person", "submitted", "answers_shown")

    def get_queryset(self, request: HttpRequest) -> QuerySet[FormSubmission]:
        return super().get_queryset(request).defer("answers")

    submitted = columns.moment("submitted_at", _("submitted"))

    @admin.display(description=_("form"))
    def form_shown(self, submission: FormSubmission) -> str:
        number = f"({submission.form_id})" if submission.form_title and submission.form_id else submission.form_id
        return f"{submission.form_title} {number}".strip() or NOTHING

    @admin.display(description=_("answers"))
    def answers_shown(self, submission: FormSubmission) -> str:
        return block(indented(submission.answers)) if submission.answers else NOTHING
