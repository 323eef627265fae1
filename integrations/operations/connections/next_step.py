"""Next step about a connection: the first thing that is missing or wrong, in a sentence with a link."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.operations.connections.configured import needs_api
from integrations.operations.connections.guided import Guided, Stage
from integrations.operations.connections.probing import Tried
from integrations.operations.connections.state import Connection, hooks_page
from integrations.outbox.circuits import CREDENTIALS
from integrations.reconcile.models.sync_run import RunStatus


@dataclass(frozen=True, kw_only=True)
class Step:
    """A sentence for staff. `page` is the name of the URL where it is done, "" for none; `key` that of its row.
    `is_problem`: something that was set up does not work.
    """

    code: str
    text: str
    page: str = ""
    key: Any = None
    is_problem: bool = False

    @property
    def url(self) -> str:
        """Return the address of `page`, "" where there is none."""
        return reverse(self.page, args=[self.key] if self.key else []) if self.page else ""


class Health(StrEnum):
    NOT_USED = "not used"
    BROKEN = "needs repair"
    UNFINISHED = "not finished"
    WELL = "works"


HEALTHS = {
    Health.NOT_USED: gettext_lazy("not used"),
    Health.BROKEN: gettext_lazy("needs repair"),
    Health.UNFINISHED: gettext_lazy("not finished"),
    Health.WELL: gettext_lazy("works"),
}


def health_of(connection: Connection, steps: Sequence[Step], tried: Sequence[Tried] = ()) -> Health:
    """Return how a connection is, by its steps and by a test of its API where there was one."""
    if not connection.is_used:
        return Health.NOT_USED
    if any(step.is_problem for step in steps) or not all(one.is_ok for one in tried):
        return Health.BROKEN
    return Health.UNFINISHED if steps else Health.WELL


def steps_of(connection: Connection, guided: Guided | None) -> list[Step]:
    """Return what is to be done, the most urgent first; empty where nothing is."""
    if not connection.is_used:
        names = f" {_('or')} ".join(connection.setup.hooks_need)
        return [Step(code="not_used", text=_("It is not used. To use it, set %(names)s first.") % {"names": names})]
    return [*_problems(connection), *_advice(connection, guided)]


def _problems(connection: Connection) -> Iterator[Step]:
    setup = connection.setup
    if setup.retired:
        name, instead = setup.retired
        yield Step(
            code="retired_setting",
            text=_("%(name)s does nothing here.") % {"name": name} + f" {_(instead)}",
            is_problem=True,
        )
    if setup.is_half:
        yield Step(code="half_set", text=_set_text(setup.api_lacks), is_problem=True)
    if setup.takes_unsigned:
        yield Step(
            code="unsigned",
            text=_("Anybody can post events: take it out of WEBHOOKS_ALLOW_UNSIGNED."),
            is_problem=True,
        )
    if connection.takes_webhooks and connection.refusal is not None and connection.is_refused:
        yield Step(
            code="refused",
            text=_("The last delivery was refused (%(reason)s): compare the secret at the sender.")
            % {"reason": connection.refusal.reason},
            is_problem=True,
        )
    if connection.silence_key is not None:
        yield Step(
            code="silent",
            text=_("It has sent nothing for longer than usual: see since when, and send a test event."),
            page="admin:integrations_silence_change",
            key=connection.silence_key,
            is_problem=True,
        )
    for circuit in connection.circuits:
        yield Step(
            code="paused",
            text=_circuit_text(circuit),
            page="admin:integrations_circuit_change",
            key=circuit.pk,
            is_problem=not circuit.is_paused,
        )
    run = connection.run
    if run is not None and run.status == RunStatus.FAILED:
        yield Step(
            code="reading_failed",
            text=_("Its lists could not be read: see why, and resume."),
            page="admin:integrations_syncrun_change",
            key=run.pk,
            is_problem=True,
        )
    hooks = connection.hooks
    if hooks is not None and hooks.is_known and hooks.missing:
        yield Step(
            code="hooks",
            text=_("No hook leads here for %(events)s: configure the hooks.") % {"events": ", ".join(hooks.missing)},
            page=hooks_page(connection.provider),
            is_problem=True,
        )


def _circuit_text(circuit: Any) -> str:
    what = circuit.resource or _("all of it")
    if circuit.is_paused:
        return _("Staff paused writing (%(what)s): resume it when it may go on.") % {"what": what}
    if circuit.permission == CREDENTIALS:
        return _("Its credentials are refused: correct them; it goes on by itself.")
    if circuit.permission:
        return _("The permission %(name)s is missing (%(what)s): give it there; it goes on by itself.") % {
            "name": circuit.permission,
            "what": what,
        }
    return _("It is paused after errors (%(what)s) and tried again by itself: see what it answers.") % {"what": what}


def _advice(connection: Connection, guided: Guided | None) -> Iterator[Step]:
    setup, event = connection.setup, connection.event
    if not connection.takes_webhooks:
        names = f" {_('or')} ".join(setup.hooks_need)
        yield Step(code="webhooks_off", text=_("Its webhooks are refused: set %(names)s.") % {"names": names})
    elif event is None and not connection.is_refused:
        yield Step(
            code="no_event",
            text=_("Nothing ever came: paste its address at the sender, and send a test event."),
            page="admin:connections",
        )
    if setup.api_lacks and not setup.is_half and needs_api(connection.provider):
        yield Step(code="api_off", text=_("Its API is not asked.") + f" {_set_text(setup.api_lacks)}")
    if connection.provider.pulls is not None and not setup.api_lacks and connection.run is None:
        yield Step(code="never_read", text=_("Its lists were never read: read them."), page="admin:reading-lists")
    if guided is not None and guided.includes(connection.provider) and guided.stage is not Stage.WRITING:
        yield Step(code="first_sync", text=guided.next_text, page="admin:first-sync")
    if event is not None and event.status == "failed":
        yield Step(
            code="failed_event",
            text=_("Its last event failed: see why."),
            page="admin:integrations_inboxevent_change",
            key=event.pk,
        )


def _set_text(names: Any) -> str:
    return _("Set %(names)s.") % {"names": f" {_('and')} ".join(names)}
