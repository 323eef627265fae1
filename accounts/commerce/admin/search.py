"""Purchases, orders, payments and policies in the console's search."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, F, Q, QuerySet, Value
from django.utils.translation import gettext_lazy as _

from accounts.commerce.models import Order, Payment, Policy
from accounts.memberships.models import Purchase
from accounts.people.models import ContactEmail
from core.console import search
from core.console.links import list_url, row_url
from core.console.search import READ, Group, Hit
from core.prefix import at_most
from core.provider_names import provider_title


@dataclass(frozen=True, kw_only=True)
class _Sort:
    """Rows of one model; `own` are its columns with an index that name one row, `page` is where a hit leads."""

    rows: QuerySet[Any]
    label: Any
    own: tuple[str, ...]
    provider: str = "provider"
    person: str = "contact"
    page: str
    key: str = "pk"


_SORTS = (
    _Sort(
        rows=Purchase.objects.all(),
        label=_("Purchases"),
        own=("external_id",),
        provider="subscription__provider",
        person="subscription__user__contact",
        page="accounts_subscription",
        key="subscription__pk",
    ),
    _Sort(rows=Order.objects.all(), label=_("Orders"), own=("number", "external_id"), page="accounts_order"),
    _Sort(rows=Payment.objects.all(), label=_("Payments"), own=("external_id",), page="accounts_payment"),
    _Sort(rows=Policy.objects.all(), label=_("Policies"), own=("number", "external_id"), page="accounts_policy"),
)


@search.source(order=2)
def purchases(text: str, user: Any) -> Iterator[Group]:
    """Find rows by their own id or number and, for a whole address, the newest of whoever has it. In one query."""
    seen = [(place, sort) for place, sort in enumerate(_SORTS) if user.has_perm(_permission(sort))]
    ways = [way for place, sort in seen for way in _ways(place, sort, text)]
    if not ways:
        return
    rows = ways[0].union(*ways[1:], all=True)
    for place, sort in seen:
        hits = {row[1]: row for row in sorted(rows, key=lambda row: row[-1]) if row[0] == place}
        url = list_url(f"admin:{sort.page}", q=text)
        yield Group(label=sort.label, hits=[_hit(sort, row) for row in hits.values()], url=url)


def _permission(sort: _Sort) -> str:
    app, _underline, model = sort.page.partition("_")
    return f"{app}.view_{model}"


def _ways(place: int, sort: _Sort, text: str) -> Iterator[QuerySet[Any, Any]]:
    own = Q(*((name, text) for name in sort.own), _connector=Q.OR)
    yield _columns(place, sort, sort.rows.filter(own).order_by(), is_exact=True)
    if "@" in text:
        people = ContactEmail.objects.filter(email=text.lower()).values("contact")
        theirs = sort.rows.filter(**{f"{sort.person}__in": people}).order_by("-pk")
        yield _columns(place, sort, theirs, is_exact=False)


def _columns(place: int, sort: _Sort, rows: QuerySet[Any], *, is_exact: bool) -> QuerySet[Any, Any]:
    return at_most(rows, READ).annotate(
        found_sort=Value(place),
        found_key=F(sort.key),
        found_name=F(sort.own[0]),
        found_id=F("external_id"),
        found_at=F(sort.provider),
        found_first_name=F(f"{sort.person}__first_name"),
        found_last_name=F(f"{sort.person}__last_name"),
        found_email=F(f"{sort.person}__email"),
        found_exact=Value(is_exact, BooleanField()),
    ).values_list(
        "found_sort", "found_key", "found_name", "found_id", "found_at", "found_first_name", "found_last_name",
        "found_email", "found_exact",
    )  # fmt: skip


def _hit(sort: _Sort, row: tuple[Any, ...]) -> Hit:
    _place, key, name, external_id, provider, first_name, last_name, email, is_exact = row
    person = f"{first_name or ''} {last_name or ''}".strip() or email or ""
    detail = " · ".join(part for part in (person, provider_title(provider)) if part)
    url = row_url(f"admin:{sort.page}", key)
    return Hit(url=url, title=name or external_id or f"#{key}", detail=detail, is_exact=is_exact)
