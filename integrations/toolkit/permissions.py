"""Permissions that calls to a provider need: which one a refusal lacks, and which ones an answer proves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from core.phrases import Phrase

NOT_PERMITTED = frozenset({401, 403})  # the statuses of a refusal for want of a permission, or of valid credentials


@dataclass(frozen=True)
class Permission:
    """The permission for a kind of call: the resource that is called, and the permission's name at the provider."""

    resource: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Permissions:
    """A provider's permissions. `needed_by` returns what a call (method, path) needs beside valid credentials;
    `refuses_all` says of the parsed body of a refusal that no call at all would be accepted. `advice` says what to do
    about a missing one, with `{name}` for its name.
    """

    needed_by: Callable[[str, str], Permission | None] = lambda method, path: None
    refuses_all: Callable[[Any], bool] = lambda document: False
    advice: Phrase | None = None

    def missing(self, needed: Permission | None, *, status: int, document: Any) -> Permission | None:
        """Return the permission for want of which a call was refused; None where it was refused for another reason."""
        return None if status not in NOT_PERMITTED or self.refuses_all(document) else needed


_proved: ContextVar[set[Permission] | None] = ContextVar("proved_permissions", default=None)


@contextmanager
def noting_permissions() -> Iterator[set[Permission]]:
    """Collect the permissions of the calls within that were answered, and not refused for want of them."""
    proved: set[Permission] = set()
    token = _proved.set(proved)
    try:
        yield proved
    finally:
        _proved.reset(token)


def note_answer(permission: Permission | None, status: int) -> None:
    """Note that a call which needs `permission` was answered with `status`."""
    proved = _proved.get()
    if proved is not None and permission is not None and status not in NOT_PERMITTED:
        proved.add(permission)
