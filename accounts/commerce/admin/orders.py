"""Admin of orders, payments and form answers, as reported."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment
from accounts.people.admin.contacts import FOUND_AT_MOST, person_link
from accounts.people.admin.filters import ProviderFilter, providers_of
from accounts.people.models import ContactEmail
from core.console.base import ReadOnlyAdmin, ReadOnlyInline
from core.console.format import block, indented
from core.console.links import NOTHING, badge, moment, shortened
from core.money import money


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
        match = Q(provider__in=providers_of(self.model), external_id=term)
        for name in self.own_names:
            match |= Q(**{name: term})
        return queryset.filter(match), False

    @admin.display(description=_("contact"))
    def person(self, row: Any) -> str:
        return person_link(row.contact)


class LineInline(ReadOnlyInline):
    model = OrderLine
    fields = readonly_fields = ("what", "offer_id", "quantity", "amount")

    @admin.display(description=_("what"))
    def what(self, line: OrderLine) -> str:
        return str(line)

    @admin.display(description=_("total"))
    def amount(self, line: OrderLine) -> str:
        return money(line.total, line.order.currency)


@admin.register(Order)
class OrderAdmin(OfSomebody):
    list_display = ("placed", "number_there", "person", "amount", "provider")
    list_filter = (ProviderFilter,)
    search_help_text = _("Beginning of the person's e-mail, the whole number or id of the order")
    own_names = ("number",)
    fields = (("person", "provider"), ("number", "external_id"), ("amount", "tax_shown", "discount_shown"), "placed")
    readonly_fields = ("person", "amount", "tax_shown", "discount_shown", "placed")
    inlines = (LineInline,)

    @admin.display(description=_("placed"))
    def placed(self, order: Order) -> str:
        return moment(order.placed_at)

    @admin.display(description=_("number"))
    def number_there(self, order: Order) -> str:
        return order.number or order.external_id

    @admin.display(description=_("total"))
    def amount(self, order: Order) -> str:
        return money(order.total, order.currency)

    @admin.display(description=_("tax"))
    def tax_shown(self, order: Order) -> str:
        return money(order.tax, order.currency)

    @admin.display(description=_("discount"))
    def discount_shown(self, order: Order) -> str:
        return money(order.discount, order.currency)


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

    @admin.display(description=_("happened"))
    def happened(self, payment: Payment) -> str:
        return moment(payment.occurred_at)

    @admin.display(description=_("kind"))
    def sort(self, payment: Payment) -> str:
        return badge(payment.kind, payment.get_kind_display())

    @admin.display(description=_("amount"))
    def shown_amount(self, payment: Payment) -> str:
        return money(payment.amount, payment.currency)

    @admin.display(description=_("tax"))
    def tax_shown(self, payment: Payment) -> str:
        return money(payment.tax, payment.currency)

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

    @admin.display(description=_("submitted"))
    def submitted(self, submission: FormSubmission) -> str:
        return moment(submission.submitted_at)

    @admin.display(description=_("form"))
    def form_shown(self, submission: FormSubmission) -> str:
        number = f"({submission.form_id})" if submission.form_title and submission.form_id else submission.form_id
        return f"{submission.form_title} {number}".strip() or NOTHING

    @admin.display(description=_("answers"))
    def answers_shown(self, submission: FormSubmission) -> str:
        return block(indented(submission.answers)) if submission.answers else NOTHING
