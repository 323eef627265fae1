"""`manage.py forget PERSON`: erases a person."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from accounts.people import person
from accounts.people.person import NobodyFound, Person, SeveralFound
from accounts.privacy import erase
from accounts.privacy.erase import NotErased, Report, StaffAccount


class Command(BaseCommand):
    help = (
        "Erases a person: names, addresses, phones, bodies and mails of theirs are removed in every table; amounts, "
        "points and subscriptions stay without a name. PERSON is an e-mail, contact:ID, user:ID, PROVIDER:ID or an id."
    )
    requires_system_checks = ()  # what is not configured is not its business

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", metavar="PERSON")
        parser.add_argument("--dry-run", action="store_true", help="only count what would be removed")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            who = person.find(options["person"])
            if not options["dry_run"] and not options["yes"]:
                self._ask(who)
            report = self._forget(who, dry_run=options["dry_run"])
        except (NobodyFound, SeveralFound, StaffAccount, NotErased) as error:
            raise CommandError(str(error)) from error
        self._say(report, dry_run=options["dry_run"])

    def _ask(self, who: Person) -> None:
        if not sys.stdin.isatty():
            raise CommandError("There is no terminal to ask on. Look with --dry-run, then say --yes.")
        handles = [f"contact:{key}" for key in sorted(who.contacts)] + [f"user:{key}" for key in sorted(who.users)]
        named = ", ".join([*handles, *sorted(who.emails)])
        if input(f"Erase {named}? This cannot be undone. Type yes: ").strip().lower() != "yes":
            raise CommandError("Nothing was removed.")

    def _forget(self, who: Person, *, dry_run: bool) -> Report:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("begins")
            return erase.forget(
                who,
                dry_run=dry_run,
                actor="command",
                on_table=lambda label: progress.update(task, description=label),
            )

    def _say(self, report: Report, *, dry_run: bool) -> None:
        for label, deleted, emptied, scrubbed in report.as_rows():
            self.stdout.write(f"{label}: {deleted} deleted, {emptied} emptied, {scrubbed} scrubbed")
        for provider, kind, external_id in report.still_known:
            self.stdout.write(f"still known at {provider} as {kind} {external_id}: delete there first")
        if not report.tables:
            self.stdout.write("Nothing of this person is left.")
        elif dry_run:
            self.stdout.write("Nothing was removed.")
        else:
            self.stdout.write("Erased. Backups made before still hold the person: see docs/personal-data.md.")
