"""The sessions of one person, ended by somebody else."""

from importlib import import_module

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.models import User


def end_sessions(user: User) -> int:
    """End every session of `user`, however it was begun; return how many there were.

    A session says inside of itself whose it is, so all that have not run out are read: for a press, not for a request
    that comes often. A session that is begun meanwhile stays; whoever locks somebody out makes the user inactive first.
    """
    store = import_module(settings.SESSION_ENGINE).SessionStore
    theirs = [
        session.session_key
        for session in Session.objects.filter(expire_date__gt=timezone.now()).iterator()
        if session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    for key in theirs:
        store(key).delete()
    return len(theirs)
