"""Play a story: each webhook is stored and processed by the real code, at its own time.

A day is one transaction, so that workers who run beside never meet a half-processed row, and a process that ends in the
middle leaves whole days, which `clear` removes.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.courses import completions
from accounts.demo.marks import DOMAIN, mark
from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.memberships import notices, subscriptions
from accounts.memberships.models import Plan, PlanOffer
from accounts.people.models import Company, Contact, ContactTag, Tag, User
from core.queue import runner
from core.queue.delivery import PENDING
from integrations import registry, samples
from integrations.contracts.webhook import WebhookRequest
from integrations.demo import remote
from integrations.demo.clock import standing_at
from integrations.demo.story import ACCOUNTS, ANNUAL, MONTHLY, PRICES, TITLES, Sending, Story
from integrations.inbox import receive
from integrations.inbox.models import InboxEvent
from integrations.operations import figures
from integrations.providers.gohighlevel.demo import DemoLocation

_ROUNDS = 20
_FIGURES = timedelta(days=figures.DAYS + 1)
Status = EmailMessage.Status


def play(story: Story, *, since: datetime, until: datetime, on_day: Callable[[datetime], None]) -> None:
    """Play `story`, which lies between `since` and `until`. Outside of a transaction."""
    with remote.connected() as location:
        player = _Player(story, location)
        with transaction.atomic(), standing_at(since):
            _configure()
        for day, sendings in groupby(story.sendings, key=lambda one: one.at.date()):
            with transaction.atomic():
                for sending in sendings:
                    player.send(sending)
                evening = min(until, sending.at.replace(hour=23, minute=59, second=0, microsecond=0))
                with standing_at(evening):
                    player.end_day(with_figures=evening > until - _FIGURES)
            on_day(datetime.combine(day, datetime.min.time()))


class _Player:
    """Plays one webhook after the other; what it makes has greater keys than what there was (`_first`)."""

    def __init__(self, story: Story, location: DemoLocation) -> None:
        self._story, self._location = story, location
        self._password = make_password(get_random_string(40))  # nobody knows it
        watched: list[type[models.Model]] = [Tag, *(kind.model for kind in runner.KINDS.values())]
        self._first = {model: _last_key(model) + 1 for model in watched}

    def send(self, sending: Sending) -> None:
        """Store a webhook as its endpoint does once the sender has proved itself, and process it a moment later."""
        provider = registry.provider(sending.provider)
        assert provider.simulation is not None
        with standing_at(sending.at):
            payload = json.loads(samples.find(provider, sending.event, sending.case).read_text())
            payload = provider.simulation.personalise(payload, sending.chosen)
            if sending.provider == "gohighlevel":  # its contacts are read before they count
                self._location.add(payload)
            endpoint = registry.endpoint_of(provider.key, provider.simulation.endpoint_for(payload))
            request = WebhookRequest(body=sending.body(payload), headers={"content-type": "application/json"})
            receipt = receive.receive(provider, endpoint, request, is_signed=True)
        mark([InboxEvent(pk=receipt.event.pk)])
        with standing_at(sending.at + timedelta(milliseconds=150 + len(request.body) % 1500)):
            self._work()

    def end_day(self, *, with_figures: bool) -> None:
        """Do what the clock does in the course of a day, and let members choose passwords and languages."""
        subscriptions.advance()
        notices.enqueue_ends_soon()
        completions.match_pending()
        self._work()
        members = User.objects.filter(email__endswith=f"@{DOMAIN}")
        members.filter(email__in=self._story.spanish).exclude(language="es").update(language="es")
        without = members.filter(email__in=self._story.with_password, password__startswith=UNUSABLE_PASSWORD_PREFIX)
        without.update(password=self._password, last_login=timezone.now())
        tags = ContactTag.objects.filter(contact__email__endswith=f"@{DOMAIN}", tag__gte=self._first[Tag])
        mark(Tag.objects.filter(pk__in=tags.values("tag")))
        mark(Company.objects.filter(chatwoot_account_id__in=ACCOUNTS))
        if with_figures:
            figures.count()

    def _work(self) -> None:
        """Do the jobs that are due by the standing clock, until none is."""
        for _round in range(_ROUNDS):
            due = self._due()
            for kind, key in due:
                runner.run(runner.KINDS[kind].model, key, wake=False)
            self._report_mails()
            if not due:
                return

    def _due(self) -> list[tuple[str, int]]:
        """Return kind and key of each job that is due, by one statement."""
        now = timezone.now()
        pending = [
            kind.model._default_manager.filter(
                status=PENDING, next_attempt_at__lte=now, pk__gte=self._first[kind.model]
            )
            .order_by()
            .annotate(job_kind=models.Value(kind.name, models.CharField()))
            .values_list("job_kind", "pk")
            for kind in runner.KINDS.values()
        ]
        return list(pending[0].union(*pending[1:], all=True))

    def _report_mails(self) -> None:
        """Report each mail as its server would: as delivered, or as bounced."""
        sent = EmailMessage.objects.filter(status=Status.SENT, pk__gte=self._first[EmailMessage])
        for message in sent.filter(to__endswith=f"@{DOMAIN}"):
            if message.to in self._story.bouncing:
                emails.mark_bounced(message, reason="smtp; 550 5.1.1 mailbox unavailable")
            else:
                emails.mark_delivered(message)


def _configure() -> None:
    """Make what staff would: two plans with their offers. An activity for completed courses is there from the start."""
    for offer, code, months in ((ANNUAL, "demo_annual", 12), (MONTHLY, "demo_monthly", 1)):
        plan = Plan.objects.create(code=code, name=TITLES[offer], price_cents=PRICES[offer], period_months=months)
        mark([plan, PlanOffer.objects.create(plan=plan, external_id=offer)])


def _last_key(model: type[models.Model]) -> int:
    return int(model._default_manager.aggregate(last=models.Max("pk"))["last"] or 0)


def real_people() -> int:
    """Return how many members and contacts are not of the demo; staff do not count."""
    users = User.objects.filter(is_staff=False, is_superuser=False).exclude(email__endswith=f"@{DOMAIN}")
    contacts = Contact.objects.exclude(email__endswith=f"@{DOMAIN}").filter(user__isnull=True)
    return users.count() + contacts.count()
