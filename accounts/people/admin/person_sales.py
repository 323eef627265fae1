"""Sales to a person: purchases, orders, payments, policies and form answers, the newest of each in one query."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, CharField, DateTimeField, F, QuerySet, Value
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from accounts.commerce.models import FormSubmission, Order, Payment, Policy
from accounts.memberships.models import Purchase
from accounts.memberships.purchase_state import Status
from accounts.people.models import Contact, User
from core.console.links import badge, list_url, moment, row_url
from core.money import money
from core.prefix import at_most

SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Sale:
    title: str
    url: str
    detail: str
    state: Any
    at: datetime | None

    @property
    def at_shown(self) -> Any:
        return moment(self.at)


@dataclass(frozen=True, kw_only=True)
class Sales:
    """The newest rows of one sort; `url` is the list of all of them, "" where there is none."""

    label: Any
    rows: list[Sale]
    url: str
    has_more: bool


@dataclass(frozen=True, kw_only=True)
class _Sort:
    """One model: the names of its columns. `page` is the page of a row, whose key is `key`."""

    label: Any
    permission: str
    rows: Callable[[Contact | None, User | None], QuerySet[Any] | None]
    at: str
    title: str
    or_title: str
    page: str
    key: str = "pk"
    state: str = ""
    show_state: Callable[[str], Any] = str
    amount: str = ""
    currency: str = ""
    provider: str = "provider"
    given: str = ""
    listed: bool = True


def _of(model: Any) -> Callable[[Contact | None, User | None], QuerySet[Any] | None]:
    return lambda contact, user: model.objects.filter(contact=contact) if contact else None


_SORTS = (
    _Sort(
        label=_("Purchases"),
        permission="accounts.view_subscription",
        rows=lambda contact, user: Purchase.objects.filter(subscription__user=user) if user else None,
        at="started_at",
        title="external_id",
        or_title="subscription__plan__name",
        page="accounts_subscription",
        key="subscription",
        state="status",
        show_state=lambda status: badge(status, Status(status).label),
        amount="amount",
        currency="subscription__plan__currency",
        provider="subscription__provider",
        given="is_grant",
        listed=False,
    ),
    _Sort(
        label=_("Orders"),
        permission="accounts.view_order",
        rows=_of(Order),
        at="placed_at",
        title="number",
        or_title="external_id",
        page="accounts_order",
        amount="total",
        currency="currency",
    ),
    _Sort(
        label=_("Payments"),
        permission="accounts.view_payment",
        rows=_of(Payment),
        at="occurred_at",
        title="external_id",
        or_title="external_id",
        page="accounts_payment",
        state="kind",
        show_state=lambda kind: badge(kind, Payment.Kind(kind).label),
        amount="amount",
        currency="currency",
    ),
    _Sort(
        label=_("Policies"),
        permission="accounts.view_policy",
        rows=_of(Policy),
        at="reported_at",
        title="number",
        or_title="external_id",
        page="accounts_policy",
        state="status",
        amount="premium",
        currency="currency",
    ),
    _Sort(
        label=_("Form answers"),
        permission="accounts.view_formsubmission",
        rows=_of(FormSubmission),
        at="submitted_at",
        title="form_title",
        or_title="external_id",
        page="accounts_formsubmission",
    ),
)


def of_person(contact: Contact | None, login: User | None, *, seen_by: Any) -> list[Sales]:
    """Return what a person bought, as far as `seen_by` may see it; sorts without rows are left out."""
    ways = list(_ways(contact, login, seen_by))
    if not ways:
        return []
    rows = sorted(ways[0].union(*ways[1:], all=True), key=lambda row: (row[2] is not None, row[2]), reverse=True)
    found = [(sort, [row for row in rows if row[0] == place]) for place, sort in enumerate(_SORTS)]
    return [
        Sales(
            label=sort.label,
            rows=[_sale(sort, row) for row in own[:SHOWN]],
            url=list_url(f"admin:{sort.page}", contact__exact=contact.pk) if contact and sort.listed else "",
            has_more=len(own) > SHOWN,
        )
        for sort, own in found
        if own
    ]


def _ways(contact: Contact | None, login: User | None, seen_by: Any) -> Iterator[QuerySet[Any, Any]]:
    nothing = Value("", CharField())
    for place, sort in enumerate(_SORTS):
        rows = sort.rows(contact, login)
        if rows is None or not seen_by.has_perm(sort.permission):
            continue
        yield at_most(rows.order_by(F(sort.at).desc(nulls_last=True)), SHOWN + 1).values_list(
            Value(place),
            F(sort.key),
            Cast(F(sort.at), DateTimeField()),
            F(sort.title),
            F(sort.or_title),
            F(sort.provider),
            F(sort.state) if sort.state else nothing,
            F(sort.amount) if sort.amount else Cast(Value(None), BigIntegerField()),
            F(sort.currency) if sort.currency else nothing,
            F(sort.given) if sort.given else Value(False),
        )


def _sale(sort: _Sort, row: tuple[Any, ...]) -> Sale:
    _place, key, at, title, or_title, provider, state, amount, currency, is_given = row
    price = "" if amount is None else money(amount, currency)
    return Sale(
        title=title or or_title,
        url=row_url(f"admin:{sort.page}", key),
        detail=" · ".join(part for part in (price, str(_("given by staff")) if is_given else provider) if part),
        state=sort.show_state(state) if state else "",
        at=at,
    )
