"""A clock that stands at a moment of the past, for this process.

Every row says when it was made by `timezone.now()`, directly or as the default of a column, which keeps a reference to
that function. So the class from which it reads the time is replaced, and not the function. Only `manage.py demo`, a
process of its own, does this.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Any
from unittest import mock

from django.utils import timezone


class _AsDatetime(type):
    """Keeps `isinstance(value, datetime)` true inside django.utils.timezone."""

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, datetime)


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Let `timezone.now()` return `moment` inside the block."""

    class Standing(datetime, metaclass=_AsDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return moment.astimezone(tz)

    with mock.patch.object(timezone, "datetime", Standing):
        yield
