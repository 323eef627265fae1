"""Known browsers: a cookie that says in which accounts a browser was signed in before.

Whoever guesses an account's password locks it for strangers. A browser with a valid cookie for the account is no
stranger: its tries are counted for itself alone, so that nobody can lock the owner out, and a stolen cookie locks no
more than itself. It opens nothing: the password is asked for all the same. A new password ends it everywhere.

The scheme is OWASP's "device cookies".
"""

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.people.models import User

ACCOUNTS = 5  # of one browser that are remembered, the newest ones
MAX_AGE = 365 * 24 * 3600  # seconds
_SALT = "accounts.signin.devices"


@dataclass(frozen=True)
class KnownDevice:
    """A browser that knows an account; `identity` is the key of its tries."""

    user: User
    device_id: str

    @property
    def identity(self) -> str:
        return f"{self.user.pk}:{self.device_id}"


def known_device(request: HttpRequest, email: str) -> KnownDevice | None:
    """Return the device that this browser is for the account with this normalised e-mail; None for a stranger.

    The database is asked only where the cookie is one of ours.
    """
    entries = _read(request)
    user = User.objects.filter(email=email, pk__in=entries).first() if entries else None
    if user is None:
        return None
    device_id, password_version = entries[user.pk]
    return KnownDevice(user, device_id) if constant_time_compare(password_version, _password_version(user)) else None


def remember(request: HttpRequest, response: HttpResponse, user: User) -> None:
    """Let the browser know the account that it has just signed in to, as a device of its own."""
    entries = _read(request)
    entries.pop(user.pk, None)
    # A new id each time: who stole the former cookie does not share, and cannot use up, the tries of this one.
    newest = [[user.pk, secrets.token_urlsafe(12), _password_version(user)]]
    others = [[pk, *entry] for pk, entry in entries.items()]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps((newest + others)[:ACCOUNTS], salt=_SALT),
        max_age=MAX_AGE,
        path="/",
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _read(request: HttpRequest) -> dict[int, tuple[str, str]]:
    """Return device id and password version by the account's key, newest first; nothing unless we signed the cookie."""
    try:
        entries = signing.loads(request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=_SALT, max_age=MAX_AGE)
    except signing.BadSignature:
        return {}
    return {pk: (device_id, password_version) for pk, device_id, password_version in entries}


def _password_version(user: User) -> str:
    """Return a value that changes with each new password and does not reveal its hash."""
    return salted_hmac(_SALT, user.password, algorithm="sha256").hexdigest()[:32]
