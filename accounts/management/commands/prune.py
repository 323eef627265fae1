"""`manage.py prune`: removes what is past its time, as the scheduler does each hour."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from accounts.privacy.prune import prune


class Command(BaseCommand):
    help = "Removes contents of finished rows, and old rows and mails, after RETENTION_DAYS; says what it removed."
    requires_system_checks = ()  # what is not configured is not its business

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count what would be removed")

    def handle(self, *args: Any, **options: Any) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        seen: dict[str, int] = {}
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("begins")

            def on_batch(label: str, count: int) -> None:
                seen[label] = seen.get(label, 0) + count
                progress.update(task, description=f"{label}: {seen[label]}")

            counts = prune(dry_run=options["dry_run"], on_batch=on_batch, actor="command")
        for label, count in counts.items():
            self.stdout.write(f"{label}: {count}")
        total = sum(counts.values())
        self.stdout.write(f"{total} would be removed." if options["dry_run"] else f"{total} removed.")
