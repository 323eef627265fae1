"""The manifest that every provider's folder fills in; the registry finds it as `provider.PROVIDER`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from integrations.contracts.events import Event
from integrations.contracts.history import HistoryFiles
from integrations.contracts.hooks import HookKeeper
from integrations.contracts.mirror import Deals, Mirror
from integrations.contracts.operator import OperatorPage
from integrations.contracts.phrases import Phrases
from integrations.contracts.pull import PullSource
from integrations.contracts.webhook import Envelope, Kept, Outcome, Payload, Reply, StoredWebhook, WebhookRequest


class Verifier(Protocol):
    """One way in which a sender can prove itself."""

    @property
    def setting(self) -> str:
        """The setting that holds the secrets; with none configured this way is closed."""

    @property
    def signs(self) -> bool:
        """Return whether the proof covers the body, so that nobody else can have written it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the proof, each with what stands in it, for /docs."""

    def is_offered(self, request: WebhookRequest) -> bool:
        """Return whether the request tries this way, rightly or wrongly."""

    def accepts(self, request: WebhookRequest) -> bool:
        """Return whether the request proves itself. False where no secret is configured."""

    def proof(self, body: bytes) -> Mapping[str, str]:
        """The headers with which `body` proves itself, for the simulator; empty where no secret is configured."""


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A URL that a provider, or a relay for it, posts to.

    `path` has no slashes around it. `verifiers` are in order: the first that the request offers decides alone, so that
    a wrong signature is not mended by a token. `read` gives a payload's envelope or raises Unreadable. `id_header` is
    the header that holds a delivery's id, which is its key where the delivery is signed. `reply` is what a sender is
    answered whose delivery is kept, in place of `answer`; `busy_status` what it is answered, with a Retry-After, while
    nothing can be kept: some senders come again only for certain ones.

    With `answer_with` a delivery about an account is handled in the request, where that succeeds at once, and answered
    from what became of it. Only for what needs no network: `parse` and our database. The row is kept first all the
    same, and a worker does what the request could not.

    `about` and `examples` are for /docs: a sentence, and a body of each dialect by what it tells. A test posts each.
    """

    name: str
    path: str
    verifiers: tuple[Verifier, ...]
    read: Callable[[Payload], Envelope]
    takes_token_in_path: bool = False
    answers_get: bool = False
    reply: Callable[[Kept], Reply] | None = None
    busy_status: HTTPStatus = HTTPStatus.SERVICE_UNAVAILABLE
    answer: Mapping[str, Any] = field(default_factory=lambda: {"status": "success"})
    answer_with: Callable[[Outcome], Mapping[str, Any]] | None = None
    id_header: str = ""
    about: str = ""
    examples: Mapping[str, Payload] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CompanyPages:
    """Look-ups of companies made of a provider's accounts: `<path>/company/<id>`, `<path>/metrics`.

    `path` has no slashes around it. `read_account` gives an account as the provider's API has it, for one of which no
    word came; it is called where `is_connected`, and raises Retryable, Permanent or NotThereYet. `synced` are the event
    types that the metrics count, with what cannot be read of the endpoint `posted_to`. `signed_by` is the setting with
    the secrets that sign the ids of accounts; while it is empty, everybody may ask for any account.
    """

    path: str
    signed_by: str
    synced: frozenset[str]
    posted_to: str
    is_connected: Callable[[], bool]
    read_account: Callable[[str], list[Event]]


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
    """Everything that the rest of the system knows of a provider.

    `handled` are the event types that lead to something; every other type is kept as ignored, with the reason from
    `ignored` where it is left out on purpose. `parse` translates a kept delivery into our events; it raises Unreadable,
    or Unmatched where the delivery lacks what a person could add. `hooks` gives the keeper of its hooks for us, where
    its API has such; it raises Permanent where the API is not configured. `pulls` are its lists, for reconciliation,
    and `history` the files that its users can export.

    `is_connected` says whether its API can be asked here. Only then are these called, outside of any transaction:
    `confirm` gives a delivery that is a hint (nobody signed it, or it does not say enough) as the provider's own
    records have it, and `read_contact` the whole contact with an id; both raise Retryable, NotThereYet or Permanent. A
    repetition of one of `told_again` is no copy: such deliveries have neither a time nor an id of their own.
    `features` are what `/api/system/info` names. `headroom` is how many calls its API has left, by the name of the
    window and as far as it said; it asks the cache alone. `mirror` keeps its contacts equal with ours, and `deals`
    makes opportunities of policies there; both where it is connected. `phrases` are its own words in the log.

    `credentials` are the names of the settings that its API is asked with, `api_needs` of those that it needs beside
    and that are there for more than the API. `retired` are settings that people know from elsewhere and that do nothing
    here, each with what is to be done instead.
    """

    key: str
    title: str
    endpoints: Sequence[Endpoint]
    handled: frozenset[str]
    parse: Callable[[StoredWebhook], list[Event]]
    ignored: Mapping[str, str] = field(default_factory=dict)
    simulation: Simulation | None = None
    hooks: Callable[[], HookKeeper] | None = None
    is_connected: Callable[[], bool] = lambda: False
    is_hint: Callable[[StoredWebhook], bool] = lambda webhook: not webhook.is_signed
    confirm: Callable[[StoredWebhook], StoredWebhook] | None = None
    read_contact: Callable[[str], list[Event]] | None = None
    told_again: frozenset[str] = frozenset()
    operator_pages: Sequence[OperatorPage] = ()
    pulls: PullSource | None = None
    history: HistoryFiles | None = None
    company_pages: CompanyPages | None = None
    headroom: Callable[[], Mapping[str, int]] = dict
    features: Sequence[str] = ()
    mirror: Mirror | None = None
    deals: Deals | None = None
    phrases: Phrases = field(default_factory=Phrases)
    credentials: Sequence[str] = ()
    api_needs: Sequence[str] = ()
    retired: Mapping[str, str] = field(default_factory=dict)
