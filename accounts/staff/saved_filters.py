"""Filters of lists that staff save: their own, and those that somebody shares with all staff."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest

from accounts.staff.audit import record
from accounts.staff.models import SavedFilter

MOST = 50  # of one member of staff for one list
SHOWN = 100


class TooMany(Exception):
    """Somebody has saved as many filters of a list as are shown."""


def of_list(page: str, user: Any) -> list[SavedFilter]:
    """Return the filters of a list that `user` sees, by name: their own and the shared ones. One query."""
    rows = SavedFilter.objects.filter(Q(owner=user) | Q(is_shared=True), page=page)
    return list(rows.select_related("owner").order_by("name", "pk")[:SHOWN])


def save(*, page: str, name: str, query: str, is_shared: bool, request: HttpRequest) -> SavedFilter:
    """Save a filter under a name; the same name of the same owner is saved anew. Raises TooMany."""
    with transaction.atomic():
        own = SavedFilter.objects.filter(owner=request.user, page=page)
        if not own.filter(name=name).exists() and own.count() >= MOST:
            raise TooMany
        values = {"query": query, "is_shared": is_shared}
        row, is_new = SavedFilter.objects.update_or_create(owner=request.user, page=page, name=name, defaults=values)
        record("saved_filter.saved", request=request, target=row, list=page, shared=is_shared, is_new=is_new)
    return row


def delete(key: int, *, request: HttpRequest) -> bool:
    """Delete one's own filter, or any as a superuser; False where there is none."""
    with transaction.atomic():
        rows = SavedFilter.objects.select_for_update()
        row = (rows if request.user.is_superuser else rows.filter(owner=request.user)).filter(pk=key).first()
        if row is None:
            return False
        record("saved_filter.deleted", request=request, target=row, list=row.page, shared=row.is_shared)
        row.delete()
    return True
