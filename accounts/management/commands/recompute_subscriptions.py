"""`manage.py recompute_subscriptions`: brings subscriptions to what their facts amount to by the rules of today."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from accounts.memberships import recompute
from accounts.memberships.recompute import Difference
from core.cause import Cause

CAUSE = Cause(text="manage.py recompute_subscriptions")


class Command(BaseCommand):
    help = (
        "Prints every member whose status, paid end or access would change by the rules of today, and why. "
        "Changes nothing without --apply; sends no mail. It may be interrupted and run again."
    )
    requires_system_checks = ()  # what is not configured is not its business

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--apply", action="store_true", help="store what is printed, one subscription at a time")

    def handle(self, *args: Any, **options: Any) -> None:
        changed = listed = gain = lose = 0
        for difference in recompute.differences():
            if difference.is_changed:
                changed += 1
                self.stdout.write(line_of(difference))
            else:
                listed += 1
            if difference.changes_access:
                gain += difference.gains_access
                lose += not difference.gains_access
            if options["apply"]:
                recompute.apply(difference, cause=CAUSE)
        done = "changed" if options["apply"] else "would change"
        self.stdout.write(f"{changed} {done}: {gain} gain access, {lose} lose it.")
        if listed:
            self.stdout.write(f"{listed} more stay as they are; their purchases {_be(options['apply'])} listed.")
        if not options["apply"] and (changed or listed):
            self.stdout.write("Nothing was changed. To store this: manage.py recompute_subscriptions --apply")


def line_of(difference: Difference) -> str:
    """Return a subscription with each value that changes, old → new, and the reason."""
    before, after, parts = difference.before, difference.after, []
    if before.status != after.status:
        parts.append(f"{before.status} → {after.status}")
    for name in ("paid_until", "access_from", "access_until"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            parts.append(f"{name.replace('_', ' ')} {_day(old)} → {_day(new)}")
    if difference.changes_access:
        parts.append("GAINS ACCESS" if difference.gains_access else "LOSES ACCESS")
    return f"{difference.subscription.pk}  {difference.subscription}: {', '.join(parts)} ({difference.reason})"


def _day(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M}" if moment else "–"


def _be(is_applied: bool) -> str:
    return "are" if is_applied else "would be"
