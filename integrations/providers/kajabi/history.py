"""Kajabi's CSV exports: contacts, and transactions, subscriptions or purchases → the events that webhooks tell.

What the files look like was seen in exports of several sites; Kajabi documents none of it (docs/history-import.md).
"""

from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from integrations.contracts.events import ContactReported
from integrations.contracts.history import Cells, FileKind, FileOffer, HistoryFiles, KeyedEvent, ParsedRow
from integrations.providers.kajabi import history_orders
from integrations.providers.kajabi.history_cells import key_of_title, moment, names_of, parts, word
from integrations.providers.kajabi.history_headings import MEMBER_COLUMNS, ORDER_COLUMNS
from integrations.providers.kajabi.history_people import email_of, identities, name_of

_YES, _NO = (
    {"true", "yes", "1", "subscribed", "si", "suscrito"},
    {"false", "no", "0", "unsubscribed", "never_subscribed"},
)
# Our contact's columns, with the columns of the file in the order of preference.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "phone": ("phone", "mobile"),
    "business_phone": ("business_phone",),
    "address_line_1": ("address_line_1",),
    "address_line_2": ("address_line_2",),
    "city": ("city",),
    "state": ("state",),
    "postal_code": ("postal_code",),
    "country": ("country",),
}


def _member(cells: Cells, exported_at: datetime) -> ParsedRow:
    """A contact as it was when the file was exported: a report, and never by itself a sale.

    Tags are told as given, not as all there are: a name with a comma in it would take itself away.
    """
    email = email_of(cells)
    first, last = name_of(cells)
    told = {ours: next((cells[name] for name in names if cells[name]), "") for ours, names in _FIELDS.items()}
    fields = {name: value for name, value in {"first_name": first, "last_name": last, **told}.items() if value}
    if (answer := word(cells["subscribed"])) in _YES | _NO:
        fields["subscribed"] = answer in _YES  # type: ignore[assignment]
    ids = identities(contact=cells["contact_id"], member=cells["member_id"])
    report = ContactReported(
        occurred_at=exported_at,
        email=email,
        identities=ids,
        fields=fields,
        tags_added=tuple(parts(cells["tags"])),
    )
    claims = [FileOffer(key=key_of_title(title), title=title) for title in parts(cells["products"])]
    return ParsedRow(events=[KeyedEvent(key=f"contact:{ids.get('contact') or email}", event=report)], claims=claims)


MEMBERS = FileKind(
    title=_("members (contacts)"),
    columns=MEMBER_COLUMNS,
    dates=("created_at", "member_created_at", "last_activity"),
    read=_member,
)
ORDERS = FileKind(
    title=_("orders (transactions, subscriptions, purchases)"),
    columns=ORDER_COLUMNS,
    dates=("created_at", "canceled_at", "refunded_at"),
    read=history_orders.read,
    marks=frozenset({"subscription_id", "order_number", "offer_id", "offer", "amount", "purchase_id"}),
)
HISTORY = HistoryFiles(
    kinds={"members": MEMBERS, "orders": ORDERS}, names_of=names_of, read_date=moment, command="import_kajabi_history"
)
