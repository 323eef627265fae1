"""A signed-in person's own password: changed by whoever knows it, or hashed anew to end the sessions elsewhere.

A session holds an HMAC of the password's hash. So a new hash ends every session but the one that is told of it, and
with another salt the same password has another hash.
"""

from uuid import uuid4

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.models import EmailMessage, User
from accounts.services import emails
from accounts.signin.password_rules import check_new_password
from core.web import limits

TRIES = 10  # of one person, right or wrong, in a quarter of an hour
QUARTER_HOUR = 15 * 60


class WrongPassword(Exception):
    """The password that was given is not the one that the person has, or not any more."""


class TooManyTries(Exception):
    """The password was asked for too often: `retry_after` seconds have to pass."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the next try is in {retry_after} seconds")
        self.retry_after = retry_after


def change(user: User, *, current: str, new: str) -> None:
    """Replace the password and owe the mail that says so; `user` has the new one afterwards.

    Raises TooManyTries, WrongPassword, ValidationError (of Django) where the new one is not good enough.
    """
    prove(user, current)
    check_new_password(new, user)
    _replace(user, make_password(new), is_changed=True)


def end_other_sessions(user: User, *, current: str) -> None:
    """Hash the same password anew, which ends all sessions and set-up links of `user`.

    Raises TooManyTries, WrongPassword.
    """
    prove(user, current)
    _replace(user, make_password(current), is_changed=False)


def prove(user: User, current: str) -> None:
    """Return where `current` is the password of `user`. Raises TooManyTries, WrongPassword."""
    wait = limits.retry_after("own-password", str(user.pk), limit=TRIES, seconds=QUARTER_HOUR)
    if wait:
        raise TooManyTries(wait)
    if not user.check_password(current):
        raise WrongPassword


def _replace(user: User, password_hash: str, *, is_changed: bool) -> None:
    """Store the hash where the one that was proved still stands: of two changes at once the second is refused."""
    with transaction.atomic():
        unchanged = User.objects.filter(pk=user.pk, password=user.password, is_active=True)
        if not unchanged.update(password=password_hash):
            raise WrongPassword
        if is_changed:
            emails.owe(EmailMessage.Kind.PASSWORD_CHANGED, key=f"password-changed:{uuid4()}", to=user.email, user=user)
    user.password = password_hash
