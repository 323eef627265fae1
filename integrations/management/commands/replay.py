"""`manage.py replay --plan|--apply`: what processing events again would change; then do it, with progress."""

import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.staff.audit import record
from core.cause import Cause
from core.queue import runner
from integrations import registry
from integrations.inbox.models import Replay
from integrations.inbox.models.event import Status
from integrations.inbox.replays import actions, plan, summary
from integrations.inbox.replays.criteria import Criteria, CriteriaForm

POLL_SECONDS = 0.2  # between two looks at a replay that waits for its pace, or that another process works on
LISTED = 100  # events whose changes are printed; --json has all
NOT_ALL = 3  # exit code: applied, and some of the events failed, are unmatched or wait
STOPPED = 130  # exit code after Ctrl-C, as shells have it

FILTER = ("provider", "type", "status", "since", "until", "person", "ids")


class Command(BaseCommand):
    help = (
        "Processes stored events again. --plan prints what that would change and writes nothing; --apply does it. Both "
        "need a filter. Ctrl-C stops; the console resumes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        action = parser.add_mutually_exclusive_group(required=True)
        action.add_argument("--plan", action="store_true", help="print what would change")
        action.add_argument("--apply", action="store_true", help="process the events again")
        parser.add_argument("--provider", choices=list(registry.all_providers()), default="")
        parser.add_argument("--type", default="", help="the type of the events, as the console shows it")
        parser.add_argument("--status", choices=Status.values, default="", help="without it: any but ignored")
        zone = timezone.get_default_timezone_name()
        parser.add_argument(
            "--since", default="", help=f"received from then on: 2026-03-31 or 2026-03-31T14:00, {zone}"
        )
        parser.add_argument("--until", default="", help="received before then; a day alone means its end")
        parser.add_argument("--person", default="", help="an e-mail address of the person")
        parser.add_argument("--ids", default="", help="numbers of events: 12,15,18")
        parser.add_argument("--pace", type=int, default=actions.PACE, help=f"events a minute ({actions.PACE})")
        parser.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        form = CriteriaForm({name: options[name] for name in FILTER})
        if not form.is_valid():
            errors = [
                f"{'' if name == '__all__' else f'--{name}: '}{text}"
                for name, texts in form.errors.items()
                for text in texts
            ]
            raise CommandError(" ".join(errors))
        if not 1 <= options["pace"] <= actions.FASTEST:
            raise CommandError(f"--pace is from 1 to {actions.FASTEST}")
        if options["plan"]:
            self._plan(form.criteria, as_json=options["json"])
        else:
            self._apply(form.criteria, pace=options["pace"], as_json=options["json"])

    def _plan(self, criteria: Criteria, *, as_json: bool) -> None:
        keys = list(criteria.events().values_list("pk", flat=True))
        record("replay.plan", actor="command", filter=criteria.stated, events=len(keys))
        parts: list[plan.Plan] = []
        try:
            for part in plan.parts(keys):
                parts.append(part)
                self.stderr.write(f"{sum(len(one.events) for one in parts)} of {len(keys)} events planned")
        except KeyboardInterrupt:
            raise CommandError("Stopped. Nothing was written.", returncode=STOPPED) from None
        left_alone = criteria.matching().count() - len(keys)
        if as_json:
            head = {"filter": criteria.stated, "events": len(keys), "left_alone": left_alone}
            self.stdout.write(json.dumps(head | summary.as_json(parts), ensure_ascii=False, indent=2))
            return
        whole = plan.Plan(events=[one for part in parts for one in part.events])
        for one in whole.events[:LISTED]:
            lines = summary.of_event(one) or [("", "nothing changes")]
            reason = f" ({one.reason})" if one.reason else ""
            self.stdout.write(f"{one.event.pk}  {one.event}: {one.event.status} → {one.status}{reason}")
            for what, text in lines:
                self.stdout.write(f"    {what}: {text}" if what else f"    {text}")
        if len(whole.events) > LISTED:
            self.stdout.write(f"… and {len(whole.events) - LISTED} more")
        for what, text in summary.of_plan(whole):
            self.stdout.write(f"{what}: {text}")
        if left_alone:
            self.stdout.write(f"{left_alone} more match and cannot be processed again")
        self.stdout.write(
            f"{len(whole.events)} events, {whole.changing} of them would change something. Nothing was written."
        )

    def _apply(self, criteria: Criteria, *, pace: int, as_json: bool) -> None:
        try:
            replay, _is_new = actions.start(criteria, cause=Cause(text="manage.py replay"), pace=pace, wake=False)
        except actions.NothingToReplay:
            raise CommandError("No event of this filter can be processed again.") from None
        record("replay.apply", actor="command", target=replay, filter=criteria.stated, events=replay.total)
        try:
            self._work(replay)
        except KeyboardInterrupt:
            actions.stop(replay)
            replay.refresh_from_db()
            raise CommandError(
                f"Stopped: {_progress(replay)}. The console resumes replay {replay.pk}.", returncode=STOPPED
            ) from None
        if as_json:
            columns = ("status", "total", "done", "changed", "unsettled")
            values = {name: getattr(replay, name) for name in columns}
            self.stdout.write(json.dumps({"replay": replay.pk, "filter": criteria.stated, **values}))
        if replay.status != Replay.Status.DONE:
            raise CommandError(f"{replay.status.capitalize()}: {_progress(replay)}. The console resumes it.")
        if replay.unsettled:
            raise CommandError(f"{replay.unsettled} events were not processed: see the console.", returncode=NOT_ALL)

    def _work(self, replay: Replay) -> None:
        """Run attempt after attempt until the replay ends; another process may work on it too."""
        said = ""
        while replay.status == Replay.Status.PENDING:
            worked = runner.run(Replay, replay.pk, wake=False)
            replay.refresh_from_db()
            if said != (said := _progress(replay)):
                self.stderr.write(said)
            if replay.status == Replay.Status.PENDING and (
                not worked or (replay.next_attempt_at and replay.next_attempt_at > timezone.now())
            ):
                time.sleep(POLL_SECONDS)


def _progress(replay: Replay) -> str:
    return (
        f"{replay.done} of {replay.total} events processed again, {replay.changed} changed something, "
        f"{replay.unsettled} not processed"
    )
