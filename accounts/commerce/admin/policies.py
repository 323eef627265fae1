"""Insurance policies and quotes, as they were reported."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.commerce.admin.orders import OfSomebody
from accounts.commerce.models import Policy
from accounts.people.admin.filters import ProviderFilter
from core.console import columns
from core.console.links import NOTHING
from core.money import money


@admin.register(Policy)
class PolicyAdmin(OfSomebody):
    list_display = (
        "reported",
        "number_there",
        "person",
        "line_of_business",
        "status",
        "carrier",
        "shown_premium",
        "provider",
    )
    list_filter = (ProviderFilter,)
    search_help_text = _("Beginning of the person's e-mail, the whole number or id of the policy")
    own_names = ("number",)
    fields = (
        ("person", "provider"),
        ("number", "external_id", "is_quote", "status"),
        ("line_of_business", "carrier", "shown_premium"),
        ("effective_on", "expires_on"),
        "reported",
    )
    readonly_fields = ("person", "shown_premium", "reported")

    reported = columns.moment("reported_at", _("reported"))

    @admin.display(description=_("number"))
    def number_there(self, policy: Policy) -> str:
        return policy.number or policy.external_id

    @admin.display(description=_("premium"))
    def shown_premium(self, policy: Policy) -> str:
        return NOTHING if policy.premium is None else money(policy.premium, policy.currency)
