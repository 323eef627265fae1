"""Show what would happen: run the real code in a transaction that is always rolled back.

    record = client.read(record_id)  # calls to other systems come first
    with rolled_back():
        change(contact, record)  # the function that really does it, no copy of its decisions
        after = Contact.objects.get(pk=contact.pk).email

Values that were read inside the block stay with the caller; rows that were made inside have keys of no row afterwards.
Inside another transaction the block is a savepoint, so previews nest. Callbacks of `transaction.on_commit`, wake-ups of
workers among them, are dropped with the transaction. The network is closed for the code inside: what it would send or
ask cannot be taken back. The database and cache connections that are open already go on working; what is written to the
cache is not taken back.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

from django.db import transaction

# Events of Python's audit trail that come before anything leaves: https://docs.python.org/3/library/audit_events.html
_NETWORK = frozenset(
    {
        "socket.connect",
        "socket.sendto",
        "socket.sendmsg",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.gethostbyaddr",
    }
)
_refused: ContextVar[list[str] | None] = ContextVar("refused_in_preview", default=None)


class NoNetworkInPreview(RuntimeError):
    """Code inside a preview tried to use the network; the message names the call. A bug: call before the preview."""


@contextmanager
def rolled_back() -> Iterator[None]:
    """Run the block in a transaction that is rolled back, with the network closed.

    Raises NoNetworkInPreview where the block wanted the network, at the end too if somebody inside caught it.
    """
    _watch()
    refused: list[str] = []
    token = _refused.set(refused)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        _refused.reset(token)
    if refused:
        raise NoNetworkInPreview(refused[0])


def forbid_network(what: str) -> None:
    """Raise NoNetworkInPreview inside a preview, for a client whose connection may be open already."""
    refused = _refused.get()
    if refused is not None:
        refused.append(what)
        raise NoNetworkInPreview(what)


@cache
def _watch() -> None:
    """Have Python report each use of a socket, in this process; a hook cannot be removed again."""
    sys.addaudithook(_on_event)


def _on_event(event: str, args: tuple[Any, ...]) -> None:
    if event in _NETWORK and _refused.get() is not None:
        details = [str(argument) for argument in args if not isinstance(argument, socket.socket)]
        forbid_network(" ".join([event, *details]))
