"""The manifest that every provider's folder fills in; the registry finds it as `provider.PROVIDER`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from integrations.contracts.events import Event
from integrations.contracts.history import HistoryFiles
from integrations.contracts.mirror import Deals, Mirror
from integrations.contracts.phrases import Phrases
from integrations.contracts.pull import PullSource
from integrations.contracts.reply import Accepted, Reply, reply_with
from integrations.contracts.webhook import Envelope, Payload, StoredWebhook, WebhookRequest


class Verifier(Protocol):
    """One way in which a sender proves itself."""

    @property
    def setting(self) -> str:
        """Return the name of the setting with the secrets; with none configured this way is closed."""

    @property
    def signs(self) -> bool:
        """Return whether the proof covers the body, so that nobody else can have written it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers of the proof, each with a description, for /docs."""

    def is_offered(self, request: WebhookRequest) -> bool:
        """Return whether the request tries this way, rightly or wrongly."""

    def accepts(self, request: WebhookRequest) -> bool:
        """Return whether the request proves itself. False where no secret is configured."""

    def proof(self, body: bytes) -> Mapping[str, str]:
        """Return the headers that prove `body`, for the simulator; empty where no secret is configured."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A URL that a provider, or a relay for it, posts to.

    `path` has no slashes around it. `verifiers` are in order: the first that the request offers decides alone, so that
    a wrong signature is not mended by a token. `read` gives a payload's envelope or raises Unreadable. `id_header` is
    the header that holds a delivery's id, which is its key where the delivery is signed. `reply` shapes the answer to a
    delivery that is stored; `busy_status` is what is answered, with a Retry-After, while nothing can be stored: some
    senders come again only for certain ones.

    With `immediate` a delivery is processed in the request, where that succeeds at once, and `reply` gets the result.
    Only for what needs no network: `parse` and our database. The row is stored first all the same, and a worker does
    what the request could not.

    `about` and `examples` are for /docs: a sentence, and a body of each dialect by its name. A test posts each.
    """

    name: str
    path: str
    verifiers: tuple[Verifier, ...]
    read: Callable[[Payload], Envelope]
    takes_token_in_path: bool = False
    answers_get: bool = False
    immediate: bool = False
    reply: Callable[[Accepted], Reply] = reply_with({"status": "success"})
    busy_status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    id_header: str = ""
    about: str = ""
    examples: Mapping[str, Payload] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """Simulation: `manage.py simulate` turns a fixture of the provider into an event of a given person.

    `options` are the names of what can be chosen; `personalise` changes a payload to the choice; `endpoint_for` names
    where to post it.
    """

    options: tuple[str, ...]
    personalise: Callable[[dict[str, Any], Mapping[str, str]], dict[str, Any]]
    endpoint_for: Callable[[Payload], str]


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Everything that the rest of the system knows of a provider; pages and commands of its own are beside it.

    `handled` are the event types that lead to something; every other type is stored as ignored, with the reason from
    `ignored` where it is left out on purpose. `parse` translates a stored delivery into facts; it raises Unreadable,
    or Unmatched where the delivery lacks what a person could add. A delivery of a type in `repeatable` that comes again
    is processed again: it has neither a time nor an id of its own. `pulls` are its lists, for reconciliation, and
    `history` the files that its users can export.

    `is_connected` says whether its API is configured. Only then are these called, outside of any transaction:
    `confirm` returns a delivery that is a hint (nobody signed it, or it does not say enough) as the provider's own
    records have it, and `read_contact` the whole contact with an id; both raise Retryable, NotFoundYet or Permanent.
    `calls_left` is how many calls its API allows for now, by the name of the window and as far as it said; it asks the
    cache alone. `mirror` keeps its contacts equal with ours, and `deals` makes opportunities of policies there; both
    where it is connected.

    `features` are what `/api/system/info` names, `phrases` the provider's own words in the log.
    `credentials` are the names of the settings that its API is called with, `api_settings` of those that a call needs
    too and that serve other purposes as well. `retired_settings` are names that people know from elsewhere and that
    do nothing here, each with what is to be done instead.
    """

    key: str
    title: str
    endpoints: Sequence[Endpoint]
    handled: frozenset[str]
    parse: Callable[[StoredWebhook], list[Event]]
    ignored: Mapping[str, str] = field(default_factory=dict)
    simulation: Simulation | None = None
    is_connected: Callable[[], bool] = lambda: False
    is_hint: Callable[[StoredWebhook], bool] = lambda webhook: not webhook.is_signed
    confirm: Callable[[StoredWebhook], StoredWebhook] | None = None
    read_contact: Callable[[str], list[Event]] | None = None
    repeatable: frozenset[str] = frozenset()
    pulls: PullSource | None = None
    history: HistoryFiles | None = None
    calls_left: Callable[[], Mapping[str, int]] = dict
    features: Sequence[str] = ()
    mirror: Mirror | None = None
    deals: Deals | None = None
    phrases: Phrases = field(default_factory=Phrases)
    credentials: Sequence[str] = ()
    api_settings: Sequence[str] = ()
    retired_settings: Mapping[str, str] = field(default_factory=dict)
