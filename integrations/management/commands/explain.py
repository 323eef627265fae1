"""`manage.py explain PERSON`: who somebody is, and why they have access or not."""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.memberships.facts import FactKind
from accounts.memberships.purchase_state import status_label
from accounts.people.person import NobodyFound, SeveralFound
from core.provider_names import provider_title
from integrations.inbox.models.event import Status as EventStatus
from integrations.operations.explain import explain


class Command(BaseCommand):
    help = "Says why somebody has access or not. PERSON is an e-mail, contact:ID, user:ID, PROVIDER:ID or an id."
    requires_system_checks = ()  # what is not configured is not its business

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", metavar="PERSON")
        parser.add_argument("--language", choices=dict(settings.LANGUAGES), default=settings.LANGUAGE_CODE)
        parser.add_argument("--json", action="store_true", help="the sentence with the facts that it follows from")

    def handle(self, *args: Any, **options: Any) -> None:
        with translation.override(options["language"]):
            self._answer(**options)

    def _answer(self, *, person: str, **options: Any) -> None:
        try:
            found = explain(person)
        except (NobodyFound, SeveralFound) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
            return
        self.stdout.write(found["sentence"])
        for plan in found["plans"]:
            self.stdout.write(f"\n{plan['name']}: {_state(plan['status'], plan['until'])}")
            for fact in plan["facts"]:
                after = _state(fact["status_after"], fact["until_after"])
                kind = FactKind(fact["kind"]).label
                self.stdout.write(
                    f"  {_moment(fact['occurred_at'])}  {kind:<10} → {after}  ({fact['cause']}; {fact['rule']})"
                )
            for question in plan["questions"]:
                asked = _("to be decided: %(kind)s of %(date)s: %(question)s (fact %(fact)d)") % {
                    "kind": FactKind(question["kind"]).label,
                    "date": _moment(question["occurred_at"]),
                    "question": question["question"],
                    "fact": question["fact_id"],
                }
                self.stdout.write(f"  {asked}")
        if found["events_not_processed"]:
            self.stdout.write("\n" + _("Events about them that were not processed:"))
        for event in found["events_not_processed"]:
            named = f"{event['id']}  {provider_title(event['provider'])} {event['type']}"
            line = f"  {named}: {EventStatus(event['status']).label}, {event['reason']}"
            self.stdout.write(line.rstrip(", "))


def _state(status: str, until: str | None) -> str:
    """Return a state of a subscription and its end, in words."""
    texts = {"status": status_label(status), "end": _moment(until)}
    return _("%(status)s, until %(end)s") % texts if until else str(texts["status"])


def _moment(text: str | None) -> str:
    moment = parse_datetime(text) if text else None
    return date_format(timezone.localtime(moment), "SHORT_DATETIME_FORMAT") if moment else "–"
