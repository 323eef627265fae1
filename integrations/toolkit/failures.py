"""Failures of a call to a provider, in the two kinds that the queue knows: retryable and permanent."""

from collections.abc import Iterable
from typing import Any

from integrations.contracts.configured import missing
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.toolkit import answers
from integrations.toolkit.permissions import NOT_PERMITTED, Permission


class TemporaryFailure(Retryable):
    """No usable answer came: no connection, too slow, too many calls, the server's own error, a page instead of JSON.

    `status` is the HTTP status, 0 where there was no answer. `retry_after` is the seconds that the server asked for.
    `reached_server` is False where the call surely had no effect, since there was no connection. `problem` is why no
    answer came, without what was called.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        retry_after: float | None = None,
        reached_server: bool = True,
        problem: str = "",
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after, self.reached_server = status, retry_after, reached_server
        self.problem = problem

    @property
    def had_no_effect(self) -> bool:
        """Return whether the call was surely not done, so that even one that creates may be made again.

        Only 429 and a missing connection say so. A server's error, with or without a Retry-After, may come after it did
        what was asked, and so may a lost answer.
        """
        return self.status == 429 or not self.reached_server


class TooManyCalls(TemporaryFailure):
    """The provider's limit allows no call now: it answered 429, or our own count of its limit says so.

    `retry_after` is the seconds after which a call may be made again, None where that is not known.
    """


class Refused(Permanent):
    """The server refused (4xx), or answered with a redirect that must not be followed; `status` is the HTTP status.

    `document` is the parsed answer where it was JSON. It may hold what no message and no log may.
    """

    def __init__(self, message: str, *, status: int = 0, document: Any = None) -> None:
        super().__init__(message)
        self.status, self.document = status, document


class NotFound(Refused):
    """The provider's API itself answers that there is no such record; a web page with 404 does not count."""


class NotPermitted(Refused):
    """The credentials are refused (401, 403): altogether where `permission` is None, else for want of that one."""

    def __init__(
        self, message: str, *, status: int = 0, document: Any = None, permission: Permission | None = None
    ) -> None:
        super().__init__(message, status=status, document=document)
        self.permission = permission


class NotConfigured(Permanent):
    """The call cannot be made before somebody sets what the message names."""


def require_settings(names: Iterable[str], *, provider: str) -> None:
    """Raise NotConfigured with those of the settings `names` of a provider's API that are not set."""
    if lacking := missing(names):
        raise NotConfigured(answers.NOT_CONFIGURED(provider=provider, names=" and ".join(lacking)))


def refusal(
    message: str, *, status: int, document: Any = None, is_json: bool = True, permission: Permission | None = None
) -> Refused:
    """Return the error of a refusal; `permission`: what the call needed, None where no call would be accepted."""
    if status in NOT_PERMITTED:
        return NotPermitted(message, status=status, document=document, permission=permission)
    return (NotFound if status == 404 and is_json else Refused)(message, status=status, document=document)
