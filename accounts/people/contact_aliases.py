"""Addresses that staff assign to a member."""

from django.db import transaction
from django.utils import timezone

from accounts.people import contact_duplicates, contacts, outbound
from accounts.people.contact_report import ContactReport
from accounts.people.models import ContactEmail, User
from core.cause import Cause
from core.phrases import TEXT, Phrase

_LINKED = Phrase("{email} was linked to {member} ({cause})", cause=TEXT)


def assign(user: User, email: str, *, cause: Cause) -> bool:
    """Let `email` (in its stored form) mean the member's contact from now on; False where it is another member's.

    The contact who had the address, and is nobody's account, stays; staff are asked whether to merge the two.
    """
    with transaction.atomic():
        report = ContactReport(
            occurred_at=timezone.now(),
            email=user.email,
            fields={"first_name": user.first_name, "last_name": user.last_name},
        )
        changed = contacts.apply_member_report(user, report, provider="", cause=cause)
        outbound.hand_over(changed)
        own = changed.contact
        if contacts.add_alias(own, email, source=cause.text):
            return True
        known = ContactEmail.objects.select_for_update(of=("self",)).select_related("contact").get(email=email)
        if known.contact_id == own.pk:
            return True
        if known.contact.user_id not in (None, user.pk):
            return False
        before = known.contact
        known.contact, known.source = own, cause.text[:200]
        known.save(update_fields=["contact", "source"])
        contact_duplicates.flag(before, own, reason=_LINKED(email=email, member=user.email, cause=cause.text)[:300])
    return True
