"""One request as it came, and what can be read off it before anything is decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

Payload = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """A request's raw body, its headers (names in lower case), the token in its path (or "") and who sent it."""

    body: bytes
    headers: Mapping[str, str]
    token: str = ""
    source_address: str = ""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The envelope of a payload.

    `key` is what makes two deliveries the same one, within its provider; a reader prefixes it with its dialect, since
    the ids of two dialects may collide.

    Where a sender gives its events neither an id nor a time, the key is a digest of what it says, and `record` is what
    it speaks of: the same words are a repetition only while nothing else was said of that record, for 24 hours.
    `is_notice`: it only names what changed, so that a repetition is news. `ignored` says why nothing is to come of it,
    though others of its type lead to something.
    """

    event_type: str
    external_id: str
    key: str
    record: str = ""
    is_notice: bool = False
    ignored: str = ""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The outcome of a delivery, as far as its sender may know.

    `event_id` is its envelope's key. `ignored` says why nothing will come of it, and `unreadable` why it cannot be
    read, with the path to the field at fault in `unreadable_at`.
    """

    event_id: str
    event_type: str
    duplicate: bool = False
    ignored: str = ""
    unreadable: str = ""
    unreadable_at: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The JSON answer to a sender."""

    status: HTTPStatus
    content: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StoredWebhook:
    """A kept delivery, to be translated into events. `payload` is the parsed body, as it came.

    `is_signed`: the sender proved that it wrote the body, and not only that it knows a token.
    """

    endpoint: str
    event_type: str
    external_id: str
    payload: Payload
    received_at: datetime
    is_signed: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a delivery at the time of its answer.

    `names` are those of the company that it is about (`company_id`, `company_name`, `redis_prefix`,
    `vectorstore_index`), empty for none; the name is missing until the company `is_made`. `is_new`: this delivery made
    it.
    """

    payload: Payload
    names: Mapping[str, str] = field(default_factory=dict)
    is_made: bool = False
    is_new: bool = False
