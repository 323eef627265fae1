"""`manage.py kajabi_hooks list|create|delete|configure`: the hooks by which Kajabi posts its events."""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.contracts.exceptions import Permanent, Retryable
from integrations.providers.kajabi.hook_states import HookOutcome, HooksIncomplete
from integrations.providers.kajabi.hooks import EVENTS, KajabiHooks, missing_events


class Command(BaseCommand):
    help = "Lists, creates, deletes or configures Kajabi's hooks for this installation."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list", help="the hooks of the site, and the events without one")
        create = actions.add_parser("create", help="one hook")
        create.add_argument("event", choices=EVENTS)
        create.add_argument("--url", default="", help="default: FRONTEND_URL/kajabi-webhook/<first token>")
        delete = actions.add_parser("delete", help="hooks, by their ids")
        delete.add_argument("ids", nargs="+", metavar="id")
        actions.add_parser("configure", help="all six events to this installation; foreign hooks are left alone")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            hooks = KajabiHooks.from_settings()
            match options["action"]:
                case "list":
                    self._list(hooks)
                case "create":
                    self._print_outcomes([hooks.create(options["event"], target_url=options["url"])])
                case "delete":
                    self._delete(hooks, options["ids"])
                case _:
                    self._print_outcomes(hooks.configure())
        except HooksIncomplete as error:
            self._print_outcomes(error.outcomes)
            raise CommandError(f"Not all hooks could be configured. {error}") from error
        except (Retryable, Permanent, ValueError) as error:
            raise CommandError(str(error)) from error

    def _list(self, hooks: KajabiHooks) -> None:
        found = hooks.listed()
        self._table(("id", "event", "status", "url"), [(h.external_id, h.event, h.state, h.target) for h in found])
        if missing := missing_events(found):
            self.stdout.write(f"missing: {', '.join(missing)}; `manage.py kajabi_hooks configure` makes them")

    def _print_outcomes(self, outcomes: Sequence[HookOutcome]) -> None:
        rows = [(outcome.external_id, outcome.event, outcome.result, outcome.target) for outcome in outcomes]
        self._table(("id", "event", "result", "url"), rows)

    def _delete(self, hooks: KajabiHooks, ids: Sequence[str]) -> None:
        unknown = []
        for hook_id in ids:
            if hooks.delete(hook_id):
                self.stdout.write(f"deleted {hook_id}")
            else:
                unknown.append(hook_id)
        if unknown:
            raise CommandError(f"Kajabi has no hook {', '.join(unknown)}")

    def _table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        lines = [head, *rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
        for line in lines:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
