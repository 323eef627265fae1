"""Replies to senders: the result of a delivery, and the status and JSON of the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from integrations.contracts.webhook import Payload

UNREADABLE = "Stored, but it cannot be read: {reason}"


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A stored delivery at the moment of the answer, as far as its sender may know.

    `event_id` is its envelope's key. `ignored` says why it is ignored, and `unreadable` why it cannot be
    read, with the path to the field at fault in `unreadable_at`.

    The rest is known of `immediate` endpoints: `company` are the names (`company_id`, `company_name`,
    `redis_prefix`, `vectorstore_index`) of the company whose account the envelope's `external_id` would be, without
    its own name until the company exists (`company_exists`); `is_new`: this delivery created it.
    """

    event_id: str
    event_type: str
    payload: Payload = field(default_factory=dict)
    duplicate: bool = False
    ignored: str = ""
    unreadable: str = ""
    unreadable_at: tuple[str, ...] = ()
    company: Mapping[str, str] = field(default_factory=dict)
    company_exists: bool = False
    is_new: bool = False


@dataclass(frozen=True, kw_only=True)
class Reply:
    """Status and JSON of an answer."""

    status: HTTPStatus
    content: Mapping[str, Any]


def reply_with(content: Mapping[str, Any]) -> Callable[[Accepted], Reply]:
    """Return a shape of answers: 200 with `content`, marked where it is a duplicate; 400 for what cannot be read."""

    def reply(accepted: Accepted) -> Reply:
        if accepted.unreadable:
            return unreadable(accepted)
        marked = {**content, "duplicate": True} if accepted.duplicate else content
        return Reply(status=HTTPStatus.OK, content=marked)

    return reply


def unreadable(accepted: Accepted) -> Reply:
    """Return the answer to a delivery that cannot be read: 400, so that its sender looks."""
    detail = UNREADABLE.format(reason=accepted.unreadable)
    return Reply(status=HTTPStatus.BAD_REQUEST, content={"detail": detail})
