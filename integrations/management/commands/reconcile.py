"""`manage.py reconcile <provider>`: reads what changed in its own lists and applies it, while somebody watches."""

import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from accounts.mail import emails
from core.cause import Cause
from core.queue import runner
from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.provider import Provider
from integrations.contracts.pull import RunKind
from integrations.reconcile import runs
from integrations.reconcile.dry_run import dry_run
from integrations.reconcile.models import SyncFinding, SyncRun
from integrations.reconcile.models.sync_run import OPEN, RunStatus

A_WHILE = 0.5  # seconds between two looks at a run that somebody else works on, or that waits

Say = Callable[[str], None]


class Command(BaseCommand):
    help = "Reads a provider's lists: the first time everything, then what changed. Ctrl-C stops; again resumes."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        known = [key for key, provider in registry.all_providers().items() if provider.pulls]
        parser.add_argument("provider", choices=known)
        parser.add_argument("--dry-run", action="store_true", help="show the exact difference and write nothing")
        parser.add_argument("--full", action="store_true", help="compare everything; the console shows the result")
        parser.add_argument("--invite", action="store_true", help="then send new members the greetings held back")
        parser.add_argument("--per-minute", type=int, default=60, help="greetings a minute with --invite (60)")

    def handle(self, *args: Any, **options: Any) -> None:
        provider = registry.provider(options["provider"])
        if options["invite"] and not (provider.pulls and provider.pulls.sells_memberships):
            raise CommandError(f"--invite: {provider.title} sells no memberships, so nobody is greeted")
        if options["per_minute"] < 1:
            raise CommandError("--per-minute must be 1 at least")
        kind = RunKind.AUDIT if options["full"] else None
        try:
            if options["dry_run"]:
                self._dry_run(provider, kind)
                return
            run = self._opened(provider, kind)
        except (Retryable, Permanent, runs.AlreadyOpen) as error:
            raise CommandError(str(error)) from error
        self._work(run)
        self._summarise(run)
        if options["invite"]:
            count = emails.release_greetings(per_minute=options["per_minute"])
            self.stdout.write(f"{count} greetings are on their way, {options['per_minute']} a minute")

    def _opened(self, provider: Provider, kind: RunKind | None) -> SyncRun:
        """The run to work on: the open one, else a new one."""
        run = SyncRun.objects.filter(provider=provider.key, status__in=OPEN).first()
        if run is None:
            return runs.start(provider, cause=Cause(text="manage.py reconcile"), kind=kind, wake=False)
        if kind is not None and run.kind != kind:
            raise runs.AlreadyOpen(run)
        runs.resume(run, wake=False)
        self.stdout.write(f"going on with reconciliation {run.pk} at page {run.page} of {run.stage}")
        return run

    def _work(self, run: SyncRun) -> None:
        """Read page after page until the run has ended; Ctrl-C lets it rest."""
        try:
            with self._progress() as say:
                while True:
                    worked = runner.run(SyncRun, run.pk, wake=False)
                    run.refresh_from_db()
                    if not run.is_open or run.status == RunStatus.STOPPED:
                        break
                    say(_counted(run))
                    if not worked or (run.next_attempt_at and run.next_attempt_at > timezone.now()):
                        say(f"{_counted(run)}; waits: {run.last_error or 'a worker reads this page'}")
                        time.sleep(A_WHILE)
        except KeyboardInterrupt:
            runs.stop(run)
            run.refresh_from_db()
            raise CommandError(
                f"Stopped at page {run.page} of {run.stage}; what was read until then is kept. "
                f"To go on: python manage.py reconcile {run.provider}{' --full' if run.kind == RunKind.AUDIT else ''}"
            ) from None
        if run.status == RunStatus.STOPPED:
            raise CommandError("Somebody stopped this reconciliation. The same command goes on with it.")
        if run.status == RunStatus.FAILED:
            raise CommandError(f"Failed: {run.last_error}. The same command goes on where it failed.")

    def _summarise(self, run: SyncRun) -> None:
        self.stdout.write(_counted(run))
        for note in run.notes:
            self.stdout.write(f"note: {note}")
        self._explain(run.changes_listed, run.healed_listed, run.problems)
        found = list(run.findings.select_related("plan", "contact"))
        if found or run.kind == RunKind.AUDIT:
            self._findings(found)

    def _dry_run(self, provider: Provider, kind: RunKind | None) -> None:
        with self._progress() as say:
            found = dry_run(
                provider, kind=kind, on_page=lambda place, seen: say(f"page {place.page} of {place.stage}: {seen} seen")
            )
        result = found.result
        self.stdout.write(
            f"dry run, {found.kind}: {found.pages} pages, {found.seen} seen; it would change {result.changed}, "
            f"heal {result.healed}; {result.unmatched} unmatched, {result.errors} errors"
        )
        self._explain(result.changes, result.healings, result.problems)
        if found.findings or found.kind is RunKind.AUDIT:
            self._findings(found.findings)
        self.stdout.write("Nothing was written.")

    def _explain(self, changes: list[Any], healings: list[Any], problems: list[Any]) -> None:
        for line in changes:
            self.stdout.write(f"changed  {line['key']}  {line['person']}  {line['what']}")
        for line in healings:
            self.stdout.write(f"missed   {line['event']} of {line['happened']}  {line['key']}  {line['person']}")
        for key, why in dict.fromkeys((line["key"], line["why"]) for line in problems):
            self.stdout.write(f"problem  {key}  {why}")

    def _findings(self, findings: list[SyncFinding]) -> None:
        for one in findings:
            who = one.person or one.person_id
            self.stdout.write(
                f"{one.get_kind_display()}  {who}  there: {one.remote_value}; here: {one.local_value}. {one.remedy}"
            )
        self.stdout.write(f"{len(findings)} differences")

    @contextmanager
    def _progress(self) -> Iterator[Say]:
        """Says where things are: one line that changes on a terminal, a line for each saying elsewhere."""
        if not self.stdout.isatty():
            said: list[str] = []

            def say(text: str) -> None:
                if text not in said[-1:]:
                    said.append(text)
                    self.stdout.write(text)

            yield say
            return
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True) as bar:
            task = bar.add_task("begins")
            yield lambda text: bar.update(task, description=text)


def _counted(run: SyncRun) -> str:
    place = f"page {run.page} of {run.stage}" if run.is_open else run.get_status_display()
    return (
        f"{run.get_kind_display()}, {place}: {run.pages} pages, {run.seen} seen, {run.changed} changed, "
        f"{run.healed} healed, {run.unmatched} unmatched, {run.errors} errors"
    )
