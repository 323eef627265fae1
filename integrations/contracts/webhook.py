"""One request as it came, and its envelope."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.phrases import Phrase

Payload = Mapping[str, Any]
# The type of the events that staff send to our own endpoints to try them: stored, and never handled. In small letters
# with an underscore, since some readers change dots and capitals.
TEST_EVENT = "enlace_test"
A_TEST_EVENT = Phrase("a test event from the console: nothing follows from it")


@dataclass(frozen=True, kw_only=True)
class WebhookRequest:
    """A request as it came: its raw body, its headers (names in lower case), the tokens in its path and its query.

    `inflated` is the body without its Content-Encoding, None where it has none. `problem` says why it cannot be
    inflated.
    """

    body: bytes
    headers: Mapping[str, str]
    token: str = ""
    query_token: str = ""
    source_address: str = ""
    inflated: bytes | None = None
    problem: str = ""

    @property
    def content(self) -> bytes:
        """Return the body without its Content-Encoding."""
        return self.body if self.inflated is None else self.inflated

    @property
    def signed_bodies(self) -> tuple[bytes, ...]:
        """Return the bytes that a sender may have signed: the body as it came, or what it was compressed from.

        A sender signs what it writes; the compression may be its own, or that of a relay on the way.
        """
        return (self.body,) if self.inflated is None else (self.body, self.inflated)


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
