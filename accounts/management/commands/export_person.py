"""`manage.py export_person PERSON`: everything that is kept of a person, as JSON."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.people import person
from accounts.people.person import NobodyFound, SeveralFound
from accounts.privacy import export


class Command(BaseCommand):
    help = "Prints what is kept of a person as JSON. PERSON is an e-mail, contact:ID, user:ID, PROVIDER:ID or an id."
    requires_system_checks = ()  # what is not configured is not its business

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", metavar="PERSON")
        parser.add_argument("--output", type=Path, help="a file that is made for it, readable by its owner alone")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            who = person.find(options["person"])
        except (NobodyFound, SeveralFound) as error:
            raise CommandError(str(error)) from error
        path: Path | None = options["output"]
        if path is None:
            self.stdout.write(export.export(who, actor="command"))
            return
        try:
            # Never an existing file, whose mode may be another; nor what a link of that name points to.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(export.export(who, actor="command") + "\n")
        self.stdout.write(f"written to {path}")
