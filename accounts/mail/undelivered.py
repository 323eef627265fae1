"""Mails that did not arrive, and when that is over: by a correction, or by a later mail that arrived."""

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import BooleanField, Case, Exists, F, OuterRef, Q, QuerySet, Value, When

from accounts.mail.models import EmailMessage
from accounts.mail.models.email_message import GREETINGS
from accounts.people.models.user import NOBODY

Kind = EmailMessage.Kind
Status = EmailMessage.Status
# They hold a link with which a password is set; any of them does for another.
WITH_LINK = [*GREETINGS, Kind.PASSWORD_SETUP, Kind.PASSWORD_RESET]

# The mail server could not be reached, or refused it for now: it is tried again, and late.
DELAYED = Q(status=Status.PENDING, failures__gt=0)


def unresolved(status: str) -> QuerySet[EmailMessage]:
    """Return the mails that bounced or failed (`status`), without those whose problem is over; of those that are
    pending, those that failed so far.

    It is over where a later mail arrived at that person: of the same kind, or one with a link where a link was lost. To
    the same address a bounce is answered by a report of delivery only; at another one, and after a failure that no
    server reported, it is enough that it was sent. It is over, too, where the address was corrected or the member has
    signed in since, unless the link that was lost is still wanted.
    """
    if status == Status.PENDING:
        return EmailMessage.objects.filter(DELAYED)
    later = EmailMessage.objects.filter(pk__gt=OuterRef("pk"))
    arrived, was_sent = Q(status=Status.DELIVERED), Q(status__in=[Status.SENT, Status.DELIVERED])
    is_bounce = status == Status.BOUNCED
    to_person = later.filter(
        arrived | was_sent & ~Q(to=OuterRef("to")) if is_bounce else was_sent, user=OuterRef("user")
    )
    to_address = later.filter(arrived if is_bounce else was_sent, to=OuterRef("to"))
    has_link = Q(kind__in=WITH_LINK)
    has_password = ~Q(user__password__startswith=UNUSABLE_PASSWORD_PREFIX) & ~Q(user__password="")
    is_over = Case(
        When(user=None, then=Exists(to_address)),
        When(Exists(to_person.filter(kind=OuterRef("kind"))), then=Value(True)),
        When(has_link & Exists(to_person.filter(has_link)), then=Value(True)),
        When(has_link & has_password & Q(user__last_login__gt=F("created_at")), then=Value(True)),
        When(~Q(user__email=F("to")) & (~has_link | has_password), then=Value(True)),
        default=Value(False),
        output_field=BooleanField(),
    )
    return (
        EmailMessage.objects.filter(status=status).exclude(to__endswith=NOBODY).alias(over=is_over).filter(over=False)
    )
