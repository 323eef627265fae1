"""A signed-in person's own password: changed by its owner, or hashed again to end the sessions elsewhere.

A session holds an HMAC of the password's hash. So a new hash ends every session but the one that gets the new HMAC, and
with another salt the same password has another hash.
"""

from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.http import HttpRequest

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people.models import User
from accounts.signin import lockout
from accounts.signin.password_rules import check_new_password
from accounts.staff.audit import record

TRIES = 10  # wrong ones of one person in a quarter of an hour
QUARTER_HOUR = 15 * 60
_SCOPE = "own_password.account"


class WrongPassword(Exception):
    """The password that was given is not the one that the person has, or not any more."""


def change(user: User, *, current: str, new: str, request: HttpRequest | None = None) -> None:
    """Replace the password and enqueue the mail about it; `user` has the new one afterwards.

    `request` is for the audit log. Raises lockout.TooMany, WrongPassword, Django's ValidationError where the new one is
    not good enough.
    """
    prove(user, current, request=request)
    check_new_password(new, user)
    _replace(user, make_password(new), is_changed=True, request=request)


def end_other_sessions(user: User, *, current: str, request: HttpRequest | None = None) -> None:
    """Hash the same password anew, which ends all sessions and set-up links of `user`.

    `request` is for the audit log. Raises lockout.TooMany, WrongPassword.
    """
    prove(user, current, request=request)
    _replace(user, make_password(current), is_changed=False, request=request)


def prove(user: User, current: str, *, request: HttpRequest | None = None) -> None:
    """Return where `current` is the password of `user`. Raises lockout.TooMany, WrongPassword."""
    identity = str(user.pk)
    lockout.count(request, _SCOPE, identity, limit=TRIES, seconds=QUARTER_HOUR, target=lambda: user)
    if not user.check_password(current):
        record("own_password.failed", actor=user, request=request, target=user, outcome="failed")
        raise WrongPassword
    lockout.forgive(_SCOPE, identity)


def _replace(user: User, password_hash: str, *, is_changed: bool, request: HttpRequest | None) -> None:
    """Store the hash where the one that was proved still stands: of two changes at once the second is refused."""
    with transaction.atomic():
        unchanged = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
        if not unchanged.update(password=password_hash):
            raise WrongPassword
        if is_changed:
            emails.enqueue(
                EmailMessage.Kind.PASSWORD_CHANGED, key=f"password-changed:{uuid4()}", to=user.email, user=user
            )
        action = "password.changed" if is_changed else "sessions.ended"
        record(action, actor=user, request=request, target=user)
    user.password = password_hash
