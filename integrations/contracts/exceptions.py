"""Errors of an attempt, by their consequence for the event."""

from collections.abc import Sequence

from core.queue.outcomes import Permanent

__all__ = ["PersonErased", "Gone", "NotFoundYet", "Permanent", "Retryable", "UnknownContact", "Unmatched", "Unreadable"]


class Unreadable(ValueError):
    """The body cannot be read as what it should be; the message says what broke, `at` where. Stored, answered with 400.

    `at` is the path of names to the field that is at fault, where it is one.
    """

    def __init__(self, message: str, *, at: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.at = at


class Retryable(Exception):
    """The attempt may succeed later: it is repeated with back-off."""


class NotFoundYet(Retryable):
    """The provider does not know the named record. It may appear soon: tried for ten minutes, then failed."""


class Unmatched(Exception):
    """Nothing is wrong with the event, but a person must say what it belongs to; *retry* finishes it then.

    With a `question`, staff get a mail with `details`, once for `about`.
    """

    def __init__(self, message: str = "", *, question: str = "", about: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.question, self.about, self.details = question, about, tuple(details)


class UnknownContact(Unmatched):
    """The event is about the record of a person that is not known yet: it overtook the one that reports them."""

    def __init__(self, message: str, *, external_id: str) -> None:
        super().__init__(message)
        self.external_id = external_id


class PersonErased(Unmatched):
    """The event is about a person who was erased, and nothing of it is stored; the message names nobody."""


class Gone(Permanent):
    """The provider deleted this record. `written_on` is the id of another one that it wrote on instead, "" for none."""

    def __init__(self, message: str = "", *, written_on: str = "") -> None:
        super().__init__(message)
        self.written_on = written_on
