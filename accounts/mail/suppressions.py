"""Suppressed addresses, whose owner complained: stored by reports, lifted by staff."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.people.models import User
from core.insert_once import insert_once
from core.text import InvalidAddress, normalise_email, one_line

Kind = EmailMessage.Kind
# People ask for these, or have to know of them, whatever they think of our other mails.
ALWAYS_SENT = {Kind.PASSWORD_SETUP, Kind.PASSWORD_RESET, Kind.PASSWORD_CHANGED, Kind.ADDRESS_CHANGED}


def suppress(email: str, *, reason: str, at: datetime | None = None, message: EmailMessage | None = None) -> bool:
    """Send nothing but mails about the password to `email` from now on; returns whether that changes anything.

    Each complaint counts once, in whatever order and however often it is reported: the newest stands, and one of before
    staff lifted the suppression changes nothing. An address that nobody could write to is left out.
    """
    try:
        address = normalise_email(email)
    except InvalidAddress:
        return False
    now = timezone.now()
    values = {"complained_at": min(at or now, now), "reason": one_line(reason), "message": message}
    with transaction.atomic():
        if insert_once(SuppressedAddress(email=address, **values)):
            return True
        older = SuppressedAddress.objects.filter(email=address, complained_at__lt=values["complained_at"])
        not_lifted_since = Q(lifted_at__isnull=True) | Q(lifted_at__lt=values["complained_at"])
        lifted = {"lifted_at": None, "lifted_by": None, "lift_reason": ""}
        return bool(older.filter(not_lifted_since).update(**values, **lifted))


def lift(row: SuppressedAddress, *, staff: User, reason: str) -> bool:
    """Send every mail to the address again; False where that was done already. Mails that were not sent stay so."""
    lifted = {"lifted_at": timezone.now(), "lifted_by": staff, "lift_reason": reason}
    return bool(SuppressedAddress.objects.filter(pk=row.pk, lifted_at__isnull=True).update(**lifted))


def of(emails: Iterable[str]) -> QuerySet[SuppressedAddress]:
    """Return the suppressions of these addresses that hold now."""
    addresses = set()
    for email in emails:
        try:
            addresses.add(normalise_email(email))
        except InvalidAddress:
            continue
    return SuppressedAddress.objects.filter(email__in=addresses, lifted_at__isnull=True)


def find(email: str) -> SuppressedAddress | None:
    """Return the suppression of `email` that holds now, if there is one."""
    try:
        address = normalise_email(email)
    except InvalidAddress:
        return None
    return SuppressedAddress.objects.filter(email=address, lifted_at__isnull=True).first()
