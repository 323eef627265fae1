"""The address by which a member signs in, changed by staff: the old one stays an alias, and both are told."""

from uuid import uuid4

from django.db import transaction

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people import contact_aliases, contact_changes, contacts, lookup, outbound
from accounts.people.models import Contact, User
from config.logs import mask
from core.cause import Cause

Kind = EmailMessage.Kind
_NOT_SENT_YET = [EmailMessage.Status.PENDING, EmailMessage.Status.HELD]


class AddressTaken(Exception):
    """The address is another member's; the message says whose."""


def refuse_taken(user: User, email: str) -> None:
    """Raise AddressTaken where `email`, in its stored form, means another member."""
    meant = lookup.member_with(email)
    if meant is not None and meant[0] != user:
        raise AddressTaken(meant[0].email)


def use(user: User, email: str, *, cause: Cause) -> bool:
    """Let `user` sign in by `email`, in its stored form, from now on; False where they do already.

    The password and the sessions stay; links that were mailed before end. What is not sent yet goes to the new
    address. Raises AddressTaken.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user.pk)
        old = user.email
        if old == email:
            return False
        refuse_taken(user, email)
        contact = contacts.of_member(user)
        if not contact_aliases.assign(user, email, cause=cause):
            raise AddressTaken(email)
        contacts.add_alias(contact, old, source=cause.text)
        held = Contact.objects.select_for_update().get(pk=contact.pk)
        changed = contact_changes.decide(held, {"email": email}, cause=cause)
        User.objects.filter(pk=user.pk).update(email=email)
        if changed is not None:
            outbound.hand_over(changed)
        waiting = EmailMessage.objects.filter(user=user, to=old, status__in=_NOT_SENT_YET)
        waiting.exclude(kind=Kind.ADDRESS_CHANGED).update(to=email)
        reason = f"address-changed:{uuid4()}"
        for to, other in ((old, email), (email, old)):
            context = {"is_old": to == old, "other": mask(other)}
            emails.enqueue(Kind.ADDRESS_CHANGED, key=f"{reason}:{to == old}", to=to, user=user, context=context)
    return True
