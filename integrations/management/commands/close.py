"""`manage.py close`: closes a business day of each provider; 0 where all balance, 1 where one does not."""

import json
import sys
import time
from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.cause import Cause
from core.days import day_of
from core.queue import runner
from integrations import registry, setup_state
from integrations.contracts.provider import Provider
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.operations import close_texts, closing
from integrations.operations.balance import State
from integrations.operations.models import DailyClose
from integrations.reconcile.models import SyncRun
from integrations.reconcile.models.sync_run import RunStatus

A_WHILE = 0.5  # seconds between two looks at a reading that a worker does, or that waits
AT_MOST = 600.0  # seconds for the reading of one provider
_PARTS = (Status.PROCESSED, Status.IGNORED, Status.UNMATCHED, Status.FAILED, Status.PENDING)


class Command(BaseCommand):
    help = "Closes a business day: what each provider sent, what became of it, and what its own list says."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", type=_day, help="YYYY-MM-DD in TIME_ZONE; yesterday by default")
        parser.add_argument("--provider", choices=list(registry.all_providers()), help="only this one")
        parser.add_argument("--heal", action="store_true", help="repair what differs, then count again")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        day = options["date"] or day_of(timezone.now()) - timedelta(days=1)
        providers = [registry.provider(options["provider"])] if options["provider"] else setup_state.used()
        if not providers:
            raise CommandError("No provider is set up.")
        try:
            rows = [closing.close(provider, day) for provider in providers]
        except closing.NotEnded as error:
            raise CommandError(str(error)) from error
        if options["heal"]:
            rows = [self._healed(row, provider) for row, provider in zip(rows, providers, strict=True)]
        if options["json"]:
            self.stdout.write(json.dumps(closing.as_data(rows), indent=2))
        else:
            for row, provider in zip(rows, providers, strict=True):
                self._print(row, provider)
        if not all(State(row.state).is_right for row in rows):
            sys.exit(1)

    def _healed(self, row: DailyClose, provider: Provider) -> DailyClose:
        """Repair a day where there is something to repair, wait for that, and close it again."""
        if State(row.state).is_right and not row.failed:
            return row
        healing = closing.heal(row, cause=Cause(text="manage.py close --heal"), wake=False)
        if healing.problem:
            self.stderr.write(f"{provider.title}: {healing.problem}")
        for key in healing.retried:
            runner.run(InboxEvent, key, wake=False)
        if healing.run is not None:
            self._read(healing.run)
        return closing.close(provider, row.day)

    def _read(self, run: SyncRun) -> None:
        deadline = time.monotonic() + AT_MOST
        while run.status == RunStatus.PENDING and time.monotonic() < deadline:
            if not runner.run(SyncRun, run.pk, wake=False):
                time.sleep(A_WHILE)
            run.refresh_from_db()
        if run.status != RunStatus.DONE:
            self.stderr.write(f"{run}: {run.get_status_display()} {run.last_error}".rstrip())

    def _print(self, row: DailyClose, provider: Provider) -> None:
        received = "not known" if row.received is None else row.received
        parts = [f"{getattr(row, status.value)} {status.label}" for status in _PARTS]
        parts.append("duplicates not counted" if row.repeated is None else f"{row.repeated} duplicate")
        parts += [f"{row.lost} lost"] if row.lost else []
        equation = " + ".join(parts)
        self.stdout.write(f"{provider.title} {row.day}: {row.get_state_display()}")
        self.stdout.write(f"  {received} received = {equation}")
        for why, number in row.reasons:
            self.stdout.write(f"    ignored {number}: {why}")
        self.stdout.write(f"  {close_texts.comparison(row)}")
        for text in close_texts.differences(row).values():
            self.stdout.write(f"  differs: {text}")


def _day(text: str) -> date:
    return date.fromisoformat(text)
