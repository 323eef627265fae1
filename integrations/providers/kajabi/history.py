"""Kajabi's CSV exports: contacts, and transactions, subscriptions or purchases parsed into the events of webhooks.

The format was seen in exports of several sites; Kajabi documents none of it (docs/history-import.md).
"""

from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from core.text import plain_key
from integrations.contracts.events import ContactReported
from integrations.contracts.history import Cells, FileKind, FileOffer, HistoryFiles, KeyedEvent, ParsedRow
from integrations.providers.kajabi import history_orders
from integrations.providers.kajabi.history_cells import key_of_title, moment, names_of, split_list
from integrations.providers.kajabi.history_headings import MEMBER_COLUMNS, ORDER_COLUMNS
from integrations.providers.kajabi.history_people import email_of, identities, name_of

_YES, _NO = (
    {"true", "yes", "1", "subscribed", "si", "suscrito"},
    {"false", "no", "0", "unsubscribed", "never_subscribed"},
)
# Field of our contact → columns of the file, the best first.
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
    """Parse a contact as it was when the file was exported: a report, never by itself a sale.

    Tags are reported as added, not as the whole list: a name with a comma in it would take itself away.
    """
    email = email_of(cells)
    first, last = name_of(cells)
    values = {field: next((cells[name] for name in names if cells[name]), "") for field, names in _FIELDS.items()}
    fields = {name: value for name, value in {"first_name": first, "last_name": last, **values}.items() if value}
    if (answer := plain_key(cells["subscribed"])) in _YES | _NO:
        fields["subscribed"] = answer in _YES  # type: ignore[assignment]
    ids = identities(contact=cells["contact_id"], member=cells["member_id"])
    report = ContactReported(
        occurred_at=exported_at,
        email=email,
        identities=ids,
        fields=fields,
        tags_added=tuple(split_list(cells["tags"])),
    )
    claims = [FileOffer(key=key_of_title(title), title=title) for title in split_list(cells["products"])]
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
