"""`manage.py demo`: a plausible business to look at, and `--clear` to remove it."""

import fcntl
import logging
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.demo.marks import DOMAIN, is_shown
from accounts.mail.models import EmailMessage
from integrations.demo import refusals
from integrations.demo.clear import clear
from integrations.demo.play import play
from integrations.demo.story import tell
from integrations.inbox.models import InboxEvent

MOST_MEMBERS, MOST_DAYS = 2000, 365


class Command(BaseCommand):
    help = (
        "Makes a plausible business (members, purchases, mails, synced contacts …) of webhooks that the real code "
        "processes. No mail leaves and no provider is called. --clear removes all of it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--members", type=int, default=200, help="buyers; default 200")
        parser.add_argument("--days", type=int, default=90, help="days until now over which it happens; default 90")
        parser.add_argument("--seed", type=int, default=1, help="another number tells another story")
        parser.add_argument("--clear", action="store_true", help="remove the demo")

    def handle(self, *args: Any, **options: Any) -> None:
        with _alone():
            if options["clear"]:
                self._clear()
            else:
                self._make(members=options["members"], days=options["days"], seed=options["seed"])

    def _make(self, *, members: int, days: int, seed: int) -> None:
        if not 6 <= members <= MOST_MEMBERS or not 2 <= days <= MOST_DAYS:
            raise CommandError(f"--members takes 6 to {MOST_MEMBERS}, --days 2 to {MOST_DAYS}.")
        if reason := refusals.reason():
            raise CommandError(reason)
        if is_shown():
            self._clear()
        began, until = time.monotonic(), timezone.now()
        since = until - timedelta(days=days)
        with _quiet():
            play(
                tell(members=members, since=since, until=until, seed=seed),
                since=since,
                until=until,
                on_day=self._on_day,
            )
        mails = EmailMessage.objects.filter(to__endswith=f"@{DOMAIN}").count()
        self.stdout.write(
            f"{members} members, {InboxEvent.objects.count()} events and {mails} mails of {days} days, "
            f"in {time.monotonic() - began:.0f} s. Look at it in the console (make run); "
            "manage.py demo --clear removes it."
        )

    def _on_day(self, day: datetime) -> None:
        if self.stdout.isatty():
            self.stdout.write(f"\r{day:%Y-%m-%d}", ending="\r")
            self.stdout.flush()

    def _clear(self) -> None:
        with _quiet():
            removed, kept = clear()
        self.stdout.write(f"The demo is removed: {removed} rows." if removed else "There is no demo here.")
        for row in kept:
            self.stdout.write(f"kept, because real rows need it: {row}")


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock of the demo. CommandError where another process does."""
    with (settings.VAR_DIR / "demo.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CommandError("The demo is being made or removed here by another process.") from None
        yield


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out the log lines of thousands of events."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
