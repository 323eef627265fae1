"""`manage.py import_kajabi_history FILE`: members or orders of the past, from a CSV or XLSX export of any length."""

import json
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accounts.staff.audit import record
from core.cause import Cause
from core.days import span_of
from core.queue import runner
from integrations import registry
from integrations.history import actions, files
from integrations.history.models import HistoryImport, HistoryStatus, RowOutcome
from integrations.toolkit.reading import read_moment

PROVIDER = "kajabi"
READING_SECONDS = 600.0  # nobody waits for an answer here, and the file may be long
POLL_SECONDS = 0.5  # between two looks at an import that waits or that another process works on
LISTED = 1000  # lines that are printed one by one; the console and its download have all


class Command(BaseCommand):
    help = (
        "Imports members (contacts) or orders (transactions, subscriptions, purchases) that were exported from Kajabi. "
        "With --dry-run it prints what each row would do and stores nothing. The same file twice changes nothing. "
        "Ctrl-C stops it; the console resumes it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        kinds = registry.provider(PROVIDER).history
        parser.add_argument("file", type=Path, help="a .csv (UTF-8) or .xlsx file")
        parser.add_argument("--kind", choices=list(kinds.kinds) if kinds else [], default="", help="by its headings")
        parser.add_argument("--dry-run", action="store_true", help="print what each row would do, and store nothing")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument("--exported-on", default="", help="the day on which the file was made: 2026-03-31")
        parser.add_argument(
            "--column", action="append", default=[], metavar="OURS=HEADING", help="a heading that is not known"
        )
        parser.add_argument("--send-mails", action="store_true", help="send set-up mails, one a second")

    def handle(self, *args: Any, **options: Any) -> None:
        history = self._store_file(options)
        if problem := history.last_error:  # columns are missing, which nobody can choose here
            history.delete()
            raise CommandError(f"{problem} Name it: --column OURS=HEADING")
        try:
            self._work(history)
            if not options["dry_run"]:
                actions.confirm(history, sends_mails=options["send_mails"], wake=False)
                record("historyimport.confirm", actor="command", target=history, rows=history.total, kind=history.kind)
                self._work(history)
            self._print(history, as_json=options["json"], dry_run=options["dry_run"])
        except KeyboardInterrupt:
            actions.stop(history)
            raise CommandError(
                f"Stopped. What was imported until then stays; import {history.pk} can be resumed in the console."
            ) from None
        finally:
            if options["dry_run"]:
                actions.stop(history)
                history.delete()

    def _store_file(self, options: dict[str, Any]) -> HistoryImport:
        path: Path = options["file"]
        exported = read_moment(options["exported_on"])
        exported = exported and span_of(exported.date())[0]
        if options["exported_on"] and (exported is None or exported > datetime.now(UTC)):
            raise CommandError("--exported-on is a day in the past, written as 2026-03-31")
        try:
            with path.open("rb") as file:
                return files.store(
                    file,
                    name=path.name,
                    provider=registry.provider(PROVIDER),
                    cause=Cause(text=f"manage.py import_kajabi_history {path.name}"[:200]),
                    kind=options["kind"],
                    exported_at=exported,
                    places=dict(pair.split("=", 1) for pair in options["column"] if "=" in pair),
                    seconds=READING_SECONDS,
                    wake=False,
                )
        except (OSError, files.InvalidFile) as error:
            raise CommandError(f"{path}: {error}") from error

    def _work(self, history: HistoryImport) -> None:
        """Run due attempts until the import waits or has ended; another process may work on it too."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(file=sys.stderr), disable=not sys.stderr.isatty()) as progress:
            task = progress.add_task("rows", total=history.total)
            while True:
                worked = runner.run(HistoryImport, history.pk, wake=False)
                history.refresh_from_db()
                progress.update(task, completed=history.done, description=str(history.get_stage_display()))
                if history.status != HistoryStatus.PENDING:
                    break
                if not worked or (history.next_attempt_at and history.next_attempt_at > timezone.now()):
                    time.sleep(POLL_SECONDS)
        if history.status == HistoryStatus.FAILED:
            raise CommandError(f"Failed: {history.last_error} The console resumes import {history.pk}.")
        if history.status == HistoryStatus.STOPPED:
            raise CommandError("Somebody stopped this import. The console resumes it.")

    def _print(self, history: HistoryImport, *, as_json: bool, dry_run: bool) -> None:
        counts = dict(history.rows.values_list("outcome").annotate(Count("pk")).order_by())
        offers = actions.questions_by_offer(history)
        if as_json:
            self._print_json(history, counts, offers, dry_run=dry_run)
            return
        for note in history.notes:
            self.stdout.write(f"note: {note}")
        rows = history.rows.order_by("line")
        if not dry_run:
            rows = rows.filter(outcome__in=[RowOutcome.QUESTION, RowOutcome.ERROR])
        for row in rows.defer("cells")[:LISTED]:
            self.stdout.write(f"line {row.line}: {row.outcome}: {row.detail}")
        if rows.count() > LISTED:
            self.stdout.write(f"… and {rows.count() - LISTED} more lines")
        for key, (title, count) in offers.items():
            self.stdout.write(f"offer {key} ({title}): {count} rows wait until it is mapped to a plan")
        summary = ", ".join(f"{counts[outcome]} {outcome}" for outcome in RowOutcome.values if outcome in counts)
        stored = "; nothing was written" if dry_run else f"; import {history.pk} in the console"
        self.stdout.write(f"{history.kind}, {history.total} rows: {summary}{stored}")

    def _print_json(self, history: HistoryImport, counts: Any, offers: Any, *, dry_run: bool) -> None:
        rows = history.rows.order_by("line").values("line", "outcome", "person", "offer_title", "detail")
        self.stdout.write(
            json.dumps(
                {
                    "import": None if dry_run else history.pk,
                    "kind": history.kind,
                    "dry_run": dry_run,
                    "rows": history.total,
                    "counts": counts,
                    "offers": [{"key": key, "title": title, "rows": n} for key, (title, n) in offers.items()],
                    "notes": history.notes,
                    "results": list(rows) if dry_run else list(rows.filter(is_settled=False)),
                }
            )
        )
