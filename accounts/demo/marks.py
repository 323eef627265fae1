"""Marks of the demo business: a table for what has no address, and a domain for everybody who has one.

Nothing under .example can be delivered or belongs to anybody (RFC 2606), so an address there is a mark that no real
person has.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.db import models
from django.http import HttpRequest

from accounts.demo.models import DemoRow
from accounts.people.models import Contact, User

DOMAIN = "demo.example"
_NOTED = "demo"  # in the session
# Set while the demo is made, when every call is answered by this process itself.
playing: ContextVar[bool] = ContextVar("playing", default=False)


def is_demo_address(address: str) -> bool:
    """Return whether mail to `address` would go to somebody of the demo, and so to nobody."""
    return address.lower().endswith(f"@{DOMAIN}")


def mark(rows: Iterable[models.Model]) -> None:
    """Mark rows as made by the demo, in the transaction that made them."""
    marks = [DemoRow(label=row._meta.label_lower, key=row.pk) for row in rows]
    DemoRow.objects.bulk_create(marks, ignore_conflicts=True)


def keys_of(model: type[models.Model]) -> set[int]:
    """Return the keys of a model's marked rows."""
    return set(DemoRow.objects.filter(label=model._meta.label_lower).values_list("key", flat=True))


def is_shown() -> bool:
    """Return whether this installation shows the demo."""
    return DemoRow.objects.exists()


@dataclass(frozen=True, kw_only=True)
class Presence:
    """Two answers: the demo is shown; it may be offered, since nothing is here yet that it would be in the way of."""

    is_shown: bool
    is_offered: bool


def presence() -> Presence:
    """Return both by one statement."""
    asked = (DemoRow.objects.all(), Contact.objects.all(), User.objects.filter(is_staff=False))
    staff = User.objects.filter(is_staff=True).order_by()  # whoever asks is one of them
    demo, contacts, members = staff.values_list(*(models.Exists(rows) for rows in asked)).first() or (False, True, True)
    return Presence(is_shown=demo, is_offered=not (demo or contacts or members or settings.HTTPS))


def note(request: HttpRequest, *, shown: bool) -> None:
    """Note in the session whether the demo is shown, at each sign-in and by the home page: no other page has to ask."""
    if shown != is_noted(request):
        request.session[_NOTED] = shown


def is_noted(request: HttpRequest) -> bool:
    return bool(request.session.get(_NOTED, False))
