"""`manage.py explain PERSON`: who somebody is, and why they have access or not."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.people.person import NobodyFound, SeveralFound
from integrations.operations.explain import explain


class Command(BaseCommand):
    help = "Says why somebody has access or not. PERSON is an e-mail, contact:ID, user:ID, PROVIDER:ID or an id."
    requires_system_checks = ()  # what is not configured is not its business

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("person", metavar="PERSON")
        parser.add_argument("--json", action="store_true", help="the sentence with the facts that it follows from")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = explain(options["person"])
        except (NobodyFound, SeveralFound) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False, indent=2))
            return
        self.stdout.write(found["sentence"])
        for plan in found["plans"]:
            self.stdout.write(f"\n{plan['name']}: {plan['status']}, until {plan['until'] or '–'}")
            for fact in plan["facts"]:
                after = f"{fact['status_after']} until {fact['until_after'] or '–'}"
                self.stdout.write(
                    f"  {fact['occurred_at']}  {fact['kind']:<10} → {after}  ({fact['cause']}; {fact['rule']})"
                )
            for question in plan["questions"]:
                asked = f"{question['kind']} of {question['occurred_at']}: {question['question']}"
                self.stdout.write(f"  to be decided  {asked}  (fact {question['fact_id']})")
        if found["events_not_processed"]:
            self.stdout.write("\nEvents about them that were not processed:")
        for event in found["events_not_processed"]:
            line = f"  {event['id']}  {event['provider']} {event['type']}: {event['status']}, {event['reason']}"
            self.stdout.write(line.rstrip(", "))
