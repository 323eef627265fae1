"""Links to set or reset a password: 24 hours, one use, nothing usable stored.

A token is an HMAC over the user, their password's hash, their e-mail and a version that counts up with each new link.
So setting the password spends it, a new link ends the ones before, and opening a link changes nothing. Set-up and reset
are the same link.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import connection, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from accounts.mail import emails
from accounts.mail.contexts import NotSendable
from accounts.mail.models import EmailMessage
from accounts.mail.models.email_message import GREETINGS
from accounts.people import lookup
from accounts.people.models import User
from accounts.signin.models import LinkRequest
from accounts.signin.password_rules import check_new_password
from accounts.staff.audit import record
from core.phrases import Phrase
from core.queue.runner import JobKind
from core.queue.wakeup import wake_on_commit
from core.text import InvalidAddress, normalise_email

_NO_LINK = Phrase("the user is gone or locked; no link was made")

Kind = EmailMessage.Kind
WITH_LINK = GREETINGS | {Kind.PASSWORD_SETUP, Kind.PASSWORD_RESET}
AN_HOUR = timedelta(hours=1)
REQUESTS_PER_ADDRESS = 3  # in an hour
REQUESTS_PER_CLIENT = 20  # in an hour
FORGET_AFTER = timedelta(days=1)


class LinkNotValid(Exception):
    """Expired, used, superseded or wrong: the four look the same from outside."""


class TooManyRequests(Exception):
    """More requests in an hour than are allowed, for this address or this client, known or not."""

    retry_after = int(AN_HOUR.total_seconds())


class _Tokens(PasswordResetTokenGenerator):
    key_salt = "accounts.signin.password_links"

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{user.pk}:{user.password}:{user.email}:{user.link_version}:{user.is_active}:{timestamp}"


_tokens = _Tokens()


def mail_context(message: EmailMessage) -> dict[str, Any]:
    """Return the mail's link, by which its holder sets the password once within 24 hours; it is stored nowhere.

    A greeting of somebody who has a password holds none. Raises NotSendable.
    """
    user = message.user
    if user is None or not user.is_active:
        raise NotSendable(_NO_LINK())
    if message.kind in GREETINGS and user.has_usable_password():
        return {"link": None}
    query = urlencode({"token": _tokens.make_token(user), "email": user.email})
    return {"link": f"{settings.FRONTEND_URL}/nssa/setup-password?{query}"}


def holder_of(email: str, token: str) -> User:
    """Return the user whose password this link may set; the link stays valid. Raises LinkNotValid."""
    return _holder(email, token, lock=False)


def set_password(
    email: str, token: str, password: str, *, language: str = "", request: HttpRequest | None = None
) -> User:
    """Set the password and spend the link; return the user. Two at once: the second finds the link spent.

    `request` is for the audit log: where from the link was used.

    Raises LinkNotValid; ValidationError (of Django) where the password is not good enough, and then the link stays
    good.
    """
    check_new_password(password, _holder(email, token, lock=False))
    with transaction.atomic():
        user = _holder(email, token, lock=True)
        had_one = user.has_usable_password()
        user.set_password(password)
        user.language = user.language or language
        user.save(update_fields=["password", "language"])
        if had_one:
            emails.enqueue(
                EmailMessage.Kind.PASSWORD_CHANGED, key=f"password-changed:{uuid4()}", to=user.email, user=user
            )
        record("password.reset" if had_one else "password.set", actor=user, request=request, target=user)
    return user


def request_link(email: str, *, source_address: str, language: str) -> LinkRequest:
    """Note that somebody asks for a link; a worker finds out whether there is anybody to send it to.

    Known and unknown addresses get the same queries and the same answer. Raises InvalidAddress, TooManyRequests.
    """
    address = normalise_email(email)
    with transaction.atomic():
        _one_at_a_time(address)
        recent = LinkRequest.objects.filter(requested_at__gt=timezone.now() - AN_HOUR)
        if (
            recent.filter(email=address).count() >= REQUESTS_PER_ADDRESS
            or recent.filter(source_address=source_address).count() >= REQUESTS_PER_CLIENT
        ):
            raise TooManyRequests
        request = LinkRequest.objects.create(email=address, source_address=source_address, language=language)
        record("link.requested", client=source_address, target=address)
        wake_on_commit(request)
    return request


def _answer(request: LinkRequest) -> None:
    """Mail a new link where the address is an active user's; the links before it end.

    An alias asks for its member too, whose main address gets the link: whoever has only the alias gets nothing.
    """
    with transaction.atomic():
        users = User.objects.select_for_update().filter(is_active=True)
        user = users.filter(email=request.email).first()
        if user is None and (meant := lookup.member_with(request.email)) is not None:
            user = users.filter(pk=meant[0].pk, is_staff=False, is_superuser=False).exclude(email=request.email).first()
        if user is not None:
            _send_new_link(user, key=f"link-request:{request.pk}", language=user.language or request.language)
        request.close(LinkRequest.Status.DONE)


JOBS = JobKind(model=LinkRequest, work=_answer)


def send_new_link(user: User) -> EmailMessage:
    """Send a new link by mail for staff; the links before it end."""
    with transaction.atomic():
        return _send_new_link(User.objects.select_for_update().get(pk=user.pk), key=f"staff-link:{uuid4()}")


def _one_at_a_time(address: str) -> None:
    """Let requests for one address count one after the other, until the transaction ends.

    SQLite's transactions do so by themselves: IMMEDIATE ones exclude each other.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"link request {address}"])


def _send_new_link(user: User, *, key: str, language: str = "") -> EmailMessage:
    User.objects.filter(pk=user.pk).update(link_version=F("link_version") + 1)
    kind = EmailMessage.Kind.PASSWORD_RESET if user.has_usable_password() else EmailMessage.Kind.PASSWORD_SETUP
    message = emails.enqueue(kind, key=key, to=user.email, user=user, language=language)
    return message or EmailMessage.objects.get(key=key)


def _holder(email: str, token: str, *, lock: bool) -> User:
    try:
        address = normalise_email(email)
    except InvalidAddress as error:
        raise LinkNotValid from error
    users = User.objects.select_for_update() if lock else User.objects.all()
    user = users.filter(email=address, is_active=True).first()
    if user is None or not _tokens.check_token(user, token):
        raise LinkNotValid
    return user
