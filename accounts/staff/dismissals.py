"""Dismiss a problem of *Needs attention*, with a reason; what occurs later is shown again."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from accounts.staff.audit import record
from accounts.staff.models import Dismissal
from core.console import attention
from core.console.attention import Item


def current() -> dict[str, Dismissal]:
    """Return what is dismissed, by the key of its item. One query."""
    return {row.key: row for row in Dismissal.objects.select_related("staff").order_by("key")}


def dismiss(item: Item, *, until: datetime, reason: str, staff: Any, request: HttpRequest) -> Dismissal:
    """Hide what an item showed until a moment, which is that of the page on which staff saw it."""
    values = {"state": item.state, "reason": reason, "dismissed_at": until, "staff": staff}
    with transaction.atomic():
        row, _created = Dismissal.objects.update_or_create(key=item.key, defaults=values)
        record("problem.dismissed", request=request, target=row, key=item.key, count=item.count, reason=reason)
    return row


def show_again(key: str, *, request: HttpRequest) -> bool:
    """Take a dismissal back; False where there is none."""
    with transaction.atomic():
        row = Dismissal.objects.select_for_update().filter(key=key).first()
        if row is None:
            return False
        record("problem.shown_again", request=request, target=row, key=key)
        row.delete()
    return True


def lapse() -> int:
    """Forget what was dismissed of problems that count no rows and are over, so that they are shown when they happen
    again; return how many. For the clock.
    """
    rows = Dismissal.objects.exclude(state="")
    if not rows.exists():
        return 0
    states = {item.key: item.state for item in attention.everything()}
    over = [row.pk for row in rows if states.get(row.key) != row.state]
    return Dismissal.objects.filter(pk__in=over).delete()[0]
