"""`manage.py import_completions FILE`: completions from a CSV or XLSX file of any length."""

import sys
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from accounts.courses.completion_file import NotATable, count_of, layout_of, rows_of
from accounts.courses.completion_import import IMPORT, CompletionImport, Row, WrongRow
from accounts.courses.models import Activity
from accounts.staff.audit import record
from core.cause import Cause

READING_SECONDS = 600.0  # nobody waits for an answer here, and the file may be long
AT_ONCE = 200  # rows in a transaction: others wait no longer than for these


class Command(BaseCommand):
    help = (
        "Imports completed courses. The first line of FILE names the columns: email, course and completed_on are "
        "needed; name, certificate_url, activity and source may be there. Rows with errors are left out and named by "
        "their line. The same file twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a .csv or .xlsx file")
        parser.add_argument(
            "--dates", choices=["day", "month"], default="", help="what comes first in days like 03/04/2026"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what each row would do, and write nothing")
        parser.add_argument("--activity", default="LEARN", help="what rows mean that name none; default LEARN")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        activity = Activity.objects.filter(code=options["activity"].upper(), is_active=True).first()
        if activity is None:
            raise CommandError(f"There is no active activity {options['activity']!r}.")
        self._counts: Counter[str] = Counter()
        self._cause = Cause(text=IMPORT(file=path.name)[:200])
        try:
            with path.open("rb") as file:
                total = count_of(file, name=path.name)
                layout = layout_of(file, name=path.name, seconds=READING_SECONDS)
                layout.date_format = options["dates"] or layout.date_format
                for notice in layout.notices:
                    self.stderr.write(notice)
                self._import = CompletionImport(activity=activity, day_first=layout.day_first)
                rows = rows_of(file, name=path.name, seconds=READING_SECONDS, layout=layout)
                with _progress(is_shown=not options["dry_run"]) as self._progress:
                    self._row = self._progress.add_task("rows", total=total)
                    self._go_through(rows, is_dry=options["dry_run"])
        except (OSError, NotATable) as error:
            raise CommandError(f"{path}: {error}") from error
        finally:
            self._say_counts(is_dry=options["dry_run"])
            if not options["dry_run"]:
                record("data.imported", actor="command", target="completions", file=path.name, rows=dict(self._counts))
        if self._counts["wrong"]:
            raise CommandError("Correct the lines that were named, and import the file again.")

    def _go_through(self, rows: Any, *, is_dry: bool) -> None:
        batch: list[Row] = []
        for line, cells in rows:
            self._progress.advance(self._row)
            try:
                row = self._import.read(cells)
            except WrongRow as error:
                self._counts["wrong"] += 1
                self._progress.console.print(f"line {line}: {error}", markup=False, highlight=False, soft_wrap=True)
                continue
            if is_dry:
                self._counts["read"] += 1
                self.stdout.write(f"line {line}: {self._import.preview(row)}")
                continue
            batch.append(row)
            if len(batch) == AT_ONCE:
                self._write(batch)
                batch = []
        self._write(batch)

    def _write(self, batch: list[Row]) -> None:
        """Keep these rows, all or none of them."""
        with transaction.atomic():
            kept = [self._import.write(row, cause=self._cause) for row in batch]
        self._counts.update("known" if not one.is_new else str(one.completion.state) for one in kept)

    def _say_counts(self, *, is_dry: bool) -> None:
        words = ("read", "wrong") if is_dry else ("awarded", "matched", "received", "known", "wrong")
        said = ", ".join(f"{self._counts[word]} {word}" for word in words)
        self.stdout.write(f"{said}{'; nothing was written' if is_dry else ''}")


def _progress(*, is_shown: bool) -> Progress:
    """Return how far the import is, on stderr. A dry run says a line for each row instead."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(file=sys.stderr), disable=not is_shown)
