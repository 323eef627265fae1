"""One request as it came, and its envelope."""

from collections.abc import Mapping
from dataclasses import dataclass
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
    """The envelope of a payload.

    Deliveries of one provider with the same `key` are duplicates; a reader prefixes it with its dialect, since the ids
    of two dialects may collide.

    Where a sender gives its events neither an id nor a time, the key is a digest of the content, and `record` names
    its subject: the same content is a duplicate only while no other report about that record came, for 24 hours.
    `is_notice`: it only names what changed, so that a repetition is news. `ignored` says why it is ignored, though
    others of its type are handled.
    """

    event_type: str
    external_id: str
    key: str
    record: str = ""
    is_notice: bool = False
    ignored: str = ""


@dataclass(frozen=True, kw_only=True)
class StoredWebhook:
    """A stored delivery, to be translated into facts. `payload` is the parsed body, as it came.

    `is_signed`: the sender proved that it wrote the body, and not only that it knows a token.
    """

    endpoint: str
    event_type: str
    external_id: str
    payload: Payload
    received_at: datetime
    is_signed: bool = True
