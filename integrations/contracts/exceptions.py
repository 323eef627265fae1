"""Errors of an attempt, by what is to be done with the event."""

from core.queue.outcomes import Permanent

__all__ = ["PersonErased", "Gone", "NotFoundYet", "Permanent", "Retryable", "Unmatched", "Unreadable"]


class Unreadable(ValueError):
    """The body cannot be read as what it should be; the message says what broke, `at` where. Kept, answered with 400.

    `at` is the path of names to the field that is at fault, where it is one.
    """

    def __init__(self, message: str, *, at: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.at = at


class Retryable(Exception):
    """It may work later: the attempt is repeated with back-off."""


class NotFoundYet(Retryable):
    """The provider does not know what was named. It may show up soon: tried for ten minutes, then it failed."""


class Unmatched(Exception):
    """Nothing is wrong with the event, but a person must say what it belongs to; *retry* finishes it then."""


class PersonErased(Unmatched):
    """It is about somebody who was erased, and nothing of it is kept; the message names nobody."""


class Gone(Permanent):
    """The provider had this record and has it no more."""
