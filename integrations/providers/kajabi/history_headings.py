"""Columns of Kajabi's exports: its own headings, and those under which people name the same fields (core.spellings).

Kajabi documents none of its own: docs/history-import.md says where they come from. Headings are compared as
`core.text.plain_key` has them, so case, spaces, accents and punctuation do not matter.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.spellings import SPELLINGS
from integrations.contracts.history import Column


def _column(title: Any, *fields: str, own: tuple[str, ...] = (), required: bool = False) -> Column:
    """Return the column of these fields of the table of spellings, Kajabi's `own` headings first."""
    headings = (*own, *(spelling for field in fields for spelling in SPELLINGS[field]))
    return Column(title=title, headings=tuple(dict.fromkeys(headings)), required=required)


EMAIL = {"email": _column(_("e-mail"), "email", "customer_email", required=True)}
NAMES = {
    "name": _column(_("name"), "name", own=("customer_name",)),
    "first_name": _column(_("first name"), "first_name"),
    "last_name": _column(_("last name"), "last_name"),
}

MEMBER_COLUMNS = {
    **EMAIL,
    **NAMES,
    "contact_id": _column(_("contact id"), "contact_id", own=("id",)),
    "member_id": _column(_("member id"), "member_id"),
    "phone": _column(_("phone"), "phone", own=("phone_number",)),
    "mobile": _column(_("mobile phone"), "mobile", own=("mobile_phone_number",)),
    "business_phone": _column(_("business phone"), own=("business_number", "business_phone")),
    "address_line_1": _column(_("address"), "address_line_1"),
    "address_line_2": _column(_("address, second line"), "address_line_2"),
    "city": _column(_("city"), "city", own=("address_city",)),
    "state": _column(_("state"), "state", own=("address_state",)),
    "postal_code": _column(_("postal code"), "postal_code", own=("address_zip",)),
    "country": _column(_("country"), "country", own=("address_country",)),
    "tags": _column(_("tags"), "tags"),
    "products": _column(_("products"), "products"),
    "subscribed": _column(_("takes marketing mails"), "subscribed", own=("subscribed", "email_status")),
    "created_at": _column(_("created"), "created_on", own=("created_at", "added_on")),
    "member_created_at": _column(_("member since"), own=("member_created_at",)),
    "last_activity": _column(_("last activity"), own=("last_activity", "last_sign_in_at")),
}
ORDER_COLUMNS = {
    **EMAIL,
    **NAMES,
    "transaction_id": _column(_("transaction id"), "transaction_id"),
    "order_number": _column(_("order number"), "order_number", own=("order_no",)),
    "purchase_id": _column(_("purchase id"), "purchase_id"),
    "subscription_id": _column(_("subscription id"), "subscription_id", own=("kajabi_subscription_id",)),
    "customer_id": _column(_("customer id"), "customer_id"),
    "offer_id": _column(_("offer id"), "offer_id"),
    "offer": _column(_("offer"), "offer", own=("offer_title",)),
    "amount": _column(_("amount"), "amount"),
    "tax": _column(_("tax"), "tax"),
    "currency": _column(_("currency"), "currency"),
    "created_at": _column(_("date"), "bought_on", required=True),
    "type": _column(_("type"), "type"),
    "status": _column(_("status"), "status"),
    "interval": _column(_("interval"), "interval"),
    "next_payment": _column(_("next payment"), "next_payment"),
    "trial_ends": _column(_("trial ends"), "trial_ends"),
    "canceled_at": _column(_("canceled"), "canceled_at"),
    "refunded_at": _column(_("refunded"), "refunded_at"),
    "access_ends": _column(_("access ends"), "access_ends"),
}
