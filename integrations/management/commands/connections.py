"""`manage.py connections [--check] [--json]`: what is set up, what came last, and what to do next."""

import json
import textwrap
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from integrations.operations.connections.guided import guided
from integrations.operations.connections.next_step import Health, Step, health_of, steps_of
from integrations.operations.connections.probing import Tried, probe
from integrations.operations.connections.state import Connection, of_all

WIDTH = 80


class Command(BaseCommand):
    help = (
        "Says of each provider what is configured and missing, what came last, and what to do next. Exits with 1 where"
        " a provider that is used does not work."
    )
    requires_system_checks = ()  # what is not configured is what it says

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="call each provider's API, which takes seconds")
        parser.add_argument("--json", action="store_true", help="everything that is known, for scripts")

    def handle(self, *args: Any, **options: Any) -> None:
        first_sync, reports = guided(), []
        for connection in of_all():
            is_asked = options["check"] and connection.is_used and not connection.setup.api_lacks
            tried = probe(connection.provider) if is_asked else None
            reports.append(_report(connection, steps_of(connection, first_sync), tried))
        if options["json"]:
            self.stdout.write(json.dumps(reports, ensure_ascii=False, indent=2))
        else:
            for report in reports:
                self._write(report)
        if any(report["state"] == Health.BROKEN for report in reports):
            raise SystemExit(1)

    def _write(self, report: dict[str, Any]) -> None:
        self.stdout.write(f"{report['title']}: {report['state']}")
        if report["state"] != Health.NOT_USED:
            self._line("webhooks", "accepted" if report["webhooks"] else "refused")
            last = report["last_event"]
            self._line("last event", f"{last['type'] or '–'} {last['received_at']}" if last else "none ever")
            if refusal := report["last_refusal"]:
                self._line("last refusal", f"{refusal['at']} {refusal['reason']}")
            self._line("api", "set up" if report["api"] else "not asked")
        if report["missing"]:
            self._line("missing", ", ".join(report["missing"]))
        for window, number in report["calls_left"].items():
            self._line("calls left", f"{number} ({window})")
        for one in report["checked"] or ():
            self._line("checked", f"{one['what']}: {one['explanation']}")
            if one["error"]:
                self._line("", one["error"])
        for step in report["next"]:
            self._line("next", step["text"] + (f" {step['url']}" if step["url"] else ""))
        self.stdout.write("")

    def _line(self, name: str, text: str) -> None:
        wrapped = textwrap.wrap(text, WIDTH - 16, break_long_words=False, break_on_hyphens=False) or [""]
        for number, line in enumerate(wrapped):
            self.stdout.write(f"  {name if number == 0 else '':<13} {line}".rstrip())


def _report(connection: Connection, steps: list[Step], tried: list[Tried] | None) -> dict[str, Any]:
    event, refusal, hooks = connection.event, connection.refusal, connection.hooks
    return {
        "provider": connection.provider.key,
        "title": connection.provider.title,
        "state": str(health_of(connection, steps, tried or ())),
        "webhooks": connection.takes_webhooks,
        "api": connection.has_api and not connection.setup.api_lacks,
        "reachable": None if tried is None else all(one.is_ok for one in tried),
        "settings": {one.name: str(one.presence) for one in connection.settings},
        "missing": connection.missing,
        "endpoints": {one.name: one.url for one in connection.endpoints},
        "last_event": event and {"id": event.pk, "type": event.event_type, "received_at": _moment(event.received_at)},
        "last_refusal": refusal and {"at": _moment(refusal.at), "reason": refusal.reason},
        "hooks_missing": list(hooks.missing) if hooks is not None and hooks.is_known else None,
        "paused": [
            {"resource": one.resource, "permission": one.permission, "by_staff": one.is_paused}
            for one in connection.circuits
        ],
        "calls_left": dict(connection.calls_left),
        "checked": tried
        and [
            {"what": str(one.label), "verdict": str(one.verdict), "explanation": one.explanation, "error": one.error}
            for one in tried
        ],
        "next": [
            {"code": step.code, "text": step.text, "url": settings.FRONTEND_URL + step.url if step.url else ""}
            for step in steps
        ],
    }


def _moment(when: Any) -> str:
    return timezone.localtime(when).isoformat(timespec="seconds")
