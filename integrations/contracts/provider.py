"""The manifest that every provider's folder fills in; the registry finds it as `provider.PROVIDER`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from integrations.contracts.configured import missing
from integrations.contracts.events import Event
from integrations.contracts.history import HistoryFiles
from integrations.contracts.mirror import Deals, Mirror
from integrations.contracts.phrases import Phrases
from integrations.contracts.probe import Probe
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
    a wrong signature is not mended by a token. `split` returns the events of a body whose sender puts several into one
    object; the objects of an array are events of their own anyway. `read` gives a payload's envelope or raises
    Unreadable. `id_header` is the header that holds a delivery's id, which is its key where the delivery is signed.
    `reply` shapes the answer to a delivery that is stored; `busy_status` is what is answered, with a Retry-After, while
    nothing can be stored: some senders come again only for certain ones.

    With `immediate` a delivery is processed in the request, where that succeeds at once, and `reply` gets the result.
    Only for what needs no network: `parse` and our database. The row is stored first all the same, and a worker does
    what the request could not.

    `about` and `examples` are for /docs: a sentence, and a body of each dialect by its name. A test posts each.

    `paste_at` is a translated sentence for staff: where in the sender's product the URL is pasted. `type_field` is the
    field of a payload in which the sender names the type of the event, for our own test events.
    """

    name: str
    path: str
    verifiers: tuple[Verifier, ...]
    read: Callable[[Payload], Envelope]
    takes_token_in_path: bool = False
    answers_get: bool = False
    immediate: bool = False
    split: Callable[[Payload], Sequence[Payload]] = lambda payload: (payload,)
    reply: Callable[[Accepted], Reply] = reply_with({"status": "success"})
    busy_status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    id_header: str = ""
    about: str = ""
    examples: Mapping[str, Payload] = field(default_factory=dict)
    paste_at: Any = ""
    type_field: str = "type"


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

    Where its API is connected these are called, outside of any transaction: `confirm` returns a delivery that is a hint
    (nobody signed it, or it does not say enough) as the provider's own records have it, and `read_contact` the whole
    contact with an id; both raise Retryable, NotFoundYet or Permanent.
    `read_contacts`, of an API that can, returns those of several contacts that exist, by their ids, in about one call.
    `missing_hooks`, of one whose hooks can be asked for, returns the events for which none of them leads here, of all
    `hooked` ones; it calls the API and raises as `confirm`.
    `calls_left` is how many calls its API allows for now, by the name of the window and as far as it said; it asks the
    cache alone. `mirror` keeps its contacts equal with ours, and `deals` makes opportunities of policies there; both
    where it is connected.

    `features` are what `/api/system/info` names, `phrases` the provider's own words in the log.
    `credentials` are the names of the settings that its API is called with, `api_settings` of those that a call needs
    too and that serve other purposes as well. `retired_settings` are names that people know from elsewhere and that
    do nothing here, each with what is to be done instead.

    For staff, in their language: `purposes` says what each of its settings is for, `key_at` where in the provider's
    product the credentials are made. `probes` try what the API is used for, the credentials first.
    """

    key: str
    title: str
    endpoints: Sequence[Endpoint]
    handled: frozenset[str]
    parse: Callable[[StoredWebhook], list[Event]]
    ignored: Mapping[str, str] = field(default_factory=dict)
    simulation: Simulation | None = None
    is_hint: Callable[[StoredWebhook], bool] = lambda webhook: not webhook.is_signed
    confirm: Callable[[StoredWebhook], StoredWebhook] | None = None
    read_contact: Callable[[str], list[Event]] | None = None
    read_contacts: Callable[[Sequence[str]], Mapping[str, list[Event]]] | None = None
    missing_hooks: Callable[[], Sequence[str]] | None = None
    hooked: Sequence[str] = ()
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
    purposes: Mapping[str, Any] = field(default_factory=dict)
    key_at: Any = ""
    probes: Sequence[Probe] = ()

    def missing_settings(self) -> list[str]:
        """Return the names of the settings that calls of its API still need."""
        return missing((*self.credentials, *self.api_settings))

    def is_connected(self) -> bool:
        """Return whether it has an API and all settings of it are set."""
        return bool(self.credentials) and not self.missing_settings()
