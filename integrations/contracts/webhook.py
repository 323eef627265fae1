"""One request as it came, and what can be read off it before anything is decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
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
    """What a payload says of itself.

    `key` is what makes two deliveries the same one, within its provider; a reader prefixes it with its dialect, since
    the ids of two dialects may collide.
    """

    event_type: str
    external_id: str
    key: str


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
    """What became of a delivery by the time that its sender is answered.

    `names` are those of the company that it is about (`company_id`, `company_name`, `redis_prefix`,
    `vectorstore_index`), empty for none; the name is missing until the company `is_made`. `is_new`: this delivery made
    it.
    """

    payload: Payload
    names: Mapping[str, str] = field(default_factory=dict)
    is_made: bool = False
    is_new: bool = False
