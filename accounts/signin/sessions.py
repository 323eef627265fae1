"""Sessions: how long they last, and ending all sessions of a person."""

from datetime import timedelta
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.people.models import User


def connect() -> None:
    # Django sends this signal for every page that signs in.
    user_logged_in.connect(set_end, dispatch_uid="accounts.sessions")


def set_end(sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
    """Let the session that begins end SESSION_COOKIE_AGE from now, however often it is used and written until then.

    By itself Django counts anew from each time that a session is written.
    """
    request.session.set_expiry(timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE))


def end_sessions(user: User) -> int:
    """End every session of `user`, however it was begun; return how many there were.

    The user of a session stands inside of it, so all that have not expired are read: for an action of staff, not for a
    frequent request. A session that is begun meanwhile stays; whoever locks somebody out makes the user inactive first.
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore
    keys = [
        session.session_key
        for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    for key in keys:
        store(key).delete()
    return len(keys)
