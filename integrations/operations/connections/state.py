"""State of every connection: what is set up, what came last, what is paused, and what to do next.

One answer for the page *Connections*, the home page's strips and `manage.py connections`. It asks the database and the
cache, and no provider.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import NoReverseMatch, reverse

from core.console.one_statement import count_all
from integrations import setup_state
from integrations.contracts.provider import Provider
from integrations.contracts.pull import RunKind
from integrations.contracts.webhook import TEST_EVENT
from integrations.inbox import refusals
from integrations.inbox.models import InboxEvent
from integrations.inbox.refusals import Refusal
from integrations.operations.connections.configured import EndpointState, SettingState, endpoint_state, settings_of
from integrations.operations.figures import Recent
from integrations.operations.models import Figure, Silence
from integrations.outbox.models import Circuit
from integrations.reconcile.models import SyncRun
from integrations.setup_state import SetupState
from integrations.toolkit import quota


@dataclass(frozen=True, kw_only=True)
class HooksState:
    """Hooks of a provider that can be asked for them, by the answer of the last hours. `problem`: why none is known."""

    is_known: bool
    missing: Sequence[str] = ()
    has_none: bool = False
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """One provider. `event` is the last that came from outside, `tested` our last test event, `run` the newest that
    applied its lists. `circuits` are the open ones. `calls_left` is by the name of the window, as far as the provider
    said; `refused_calls` were too many for it within an hour. `are_refusals_known` is False while the cache is away.
    `silence_key` is that of its open silence, None for none.
    """

    provider: Provider
    setup: SetupState
    is_used: bool
    settings: Sequence[SettingState]
    endpoints: Sequence[EndpointState]
    event: InboxEvent | None
    tested: InboxEvent | None
    refusal: Refusal | None
    are_refusals_known: bool
    run: SyncRun | None
    circuits: Sequence[Circuit]
    hooks: HooksState | None
    calls_left: Mapping[str, int]
    refused_calls: int
    silence_key: int | None

    @property
    def is_refused(self) -> bool:
        return is_refused(self.event, self.refusal)

    @property
    def takes_webhooks(self) -> bool:
        return self.setup.takes_unsigned or not self.setup.hooks_need

    @property
    def has_api(self) -> bool:
        return bool(self.provider.credentials)

    @property
    def missing(self) -> list[str]:
        """Return the names of the settings that are missing."""
        return [one.name for one in self.settings if one.presence == "missing"]


def of_all() -> list[Connection]:
    """Return the state of each provider, by at most five statements however many there are."""
    states = setup_state.of_all()
    keys = [state.provider.key for state in states]
    lists: list[QuerySet[Any]] = []
    for key in keys:
        received = InboxEvent.objects.filter(provider=key).order_by("-pk")
        applied = SyncRun.objects.filter(provider=key).exclude(kind=RunKind.AUDIT).order_by("-pk")
        lists += [received.exclude(event_type=TEST_EVENT)[:1], received.filter(event_type=TEST_EVENT)[:1], applied[:1]]
        lists.append(Silence.objects.filter(provider=key, ended_at=None))
    last = iter([counted.key for counted in count_all(lists)])
    newest = {key: (next(last), next(last), next(last), next(last)) for key in keys}
    columns = ("pk", "event_type", "received_at", "status")
    events = InboxEvent.objects.only(*columns).in_bulk([pk for found in newest.values() for pk in found[:2] if pk])
    runs = SyncRun.objects.in_bulk([found[2] for found in newest.values() if found[2]])
    circuits = list(Circuit.objects.exclude(opened_at=None).order_by("provider", "resource"))
    refused, counted = refusals.last(keys), Recent()
    return [
        Connection(
            provider=state.provider,
            setup=state,
            is_used=state.is_used or state.is_half or state.retired is not None,
            settings=settings_of(state),
            endpoints=[endpoint_state(endpoint) for endpoint in state.provider.endpoints],
            event=events.get(newest[state.provider.key][0]),
            tested=events.get(newest[state.provider.key][1]),
            run=runs.get(newest[state.provider.key][2]),
            refusal=(refused or {}).get(state.provider.key),
            are_refusals_known=refused is not None,
            circuits=[circuit for circuit in circuits if circuit.provider == state.provider.key],
            hooks=hooks_of(state.provider, counted),
            calls_left=state.provider.calls_left(),
            refused_calls=quota.refusals(state.provider.title),
            silence_key=newest[state.provider.key][3],
        )
        for state in states
    ]


def is_refused(event: InboxEvent | None, refusal: Refusal | None) -> bool:
    """Return whether the last delivery of a provider was refused: nothing was accepted since."""
    return refusal is not None and (event is None or event.received_at < refusal.at)


def hooks_of(provider: Provider, counted: Recent) -> HooksState | None:
    """Return what the provider last said about its hooks; None where it cannot be asked."""
    if provider.missing_hooks is None or not provider.is_connected():
        return None
    row = counted.newest(Figure.Kind.HOOKS, provider.key)
    if row is None or "missing" not in row.numbers:
        return HooksState(is_known=False, problem=row.numbers.get("problem", "") if row else "")
    missing = row.numbers["missing"]
    return HooksState(is_known=True, missing=missing, has_none=len(missing) >= row.numbers["all"])


def hooks_page(provider: Provider) -> str:
    """Return the name of the page on which a provider's own hooks are compared with ours, "" where there is none."""
    name = f"admin:hooks_{provider.key}"
    try:
        reverse(name)
    except NoReverseMatch:
        return ""
    return name
