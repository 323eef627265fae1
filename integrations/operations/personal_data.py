"""Declarations of personal data in integrations' models, as `accounts.privacy.declarations` has those of accounts."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from accounts.commerce.models import FormSubmission, Order, Payment, Policy
from accounts.courses.models import Completion, CourseProgress
from accounts.mail.models import EmailMessage
from accounts.memberships.models import Subscription
from accounts.people.models import Contact, User
from accounts.people.person import Person
from accounts.privacy.holdings import AS_LONG_AS_KNOWN, CONFIGURATION, Holding, Retention, register
from core.queue.delivery import FAILED, PENDING
from integrations.fields.models import FieldPlace, FieldRule, PipelineRule, PolicyStatusRule
from integrations.history import actions as history_actions
from integrations.history.models import HistoryImport, HistoryRow
from integrations.inbox.models import (
    ContactRefresh,
    DeliveryCount,
    Effect,
    EventText,
    InboxAttempt,
    InboxEvent,
    LastReceived,
    Replay,
)
from integrations.inbox.models.event import Status
from integrations.issues.models import Issue
from integrations.operations import erased_events
from integrations.operations.models import (
    AlertState,
    DailyClose,
    FieldDrift,
    Figure,
    LearntUntil,
    Notice,
    PayloadStructure,
    Silence,
)
from integrations.outbox.models import Circuit, FirstSync, OpportunityMapping, OutgoingWrite, RefusedValue
from integrations.reconcile.models import ProviderRecord, SubscriptionSync, SyncFinding, SyncRun
from integrations.reconcile.models.sync_run import RunStatus

_ENDED = [OutgoingWrite.Status.DONE, OutgoingWrite.Status.NOT_NEEDED, OutgoingWrite.Status.SKIPPED]


def register_all() -> None:
    """Declare every model of integrations. Attempts and effects come before the events that they belong to."""
    register([*_inbox(), *_outbox(), *_reconciliation(), *_history(), *_operations()])


def _inbox() -> list[Holding]:
    return [
        Holding(
            model=InboxAttempt,
            holds="errors of attempts at an event",
            retention="with its event",
            own=lambda person: Q(event__in=_events_of(person)),
            becomes={"error": "", "traceback": ""},
        ),
        Holding(
            model=EventText,
            holds="what events contain, as text to search in",
            retention="with the contents of its event, which a trigger follows",
            scans=False,
        ),
        Holding(
            model=InboxEvent,
            holds="webhooks as received: body, headers, sender",
            retention=Retention(
                since="finished_at",
                rows=Q(status__in=[Status.PROCESSED, Status.IGNORED]),
                becomes={"body": b"", "payload": None, "headers": {}, "source_address": "", "last_error": ""},
                first=erased_events.before_pruning,
            ),
            own=lambda person: Q(pk__in=_events_of(person)),
            erase=erased_events.erase,
            exports=erased_events.exported,
            attempts="voided",
        ),
        Holding(
            model=Effect,
            holds="what an event led to, in a few words",
            retention="with its event, which stays",
            own=_effects_on,
            becomes={},
        ),
        Holding(
            model=Replay,
            holds="filters by which events were processed again, some by a person's address",
            retention=Retention(since="finished_at", rows=~Q(status=Replay.Status.PENDING)),
            own=lambda person: Q(person__in=person.emails),
            attempts="voided",
        ),
        Holding(
            model=Replay.unsettled_events.through,
            holds="numbers of the events that a replay did not process",
            retention="with its replay",
            scans=False,
        ),
        Holding(
            model=LastReceived,
            holds="the records that a provider reported on, by an address where a record has no id",
            retention="for ever: without it repetitions of old events would count as news",
            own=_last_received_of,
        ),
        Holding(
            model=ContactRefresh,
            holds="ids of contacts that are refreshed from their provider",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: _by_provider(person, "external_id"),
            attempts="voided",
        ),
    ]


def _outbox() -> list[Holding]:
    return [
        Holding(
            model=OutgoingWrite,
            holds="writes at providers: values before and after, request and response",
            retention=Retention(
                since="finished_at",
                rows=Q(status__in=_ENDED),
                becomes={"before": {}, "after": {}, "left_out": {}, "request": {}, "response": None, "last_error": ""},
            ),
            own=lambda person: Q(contact__in=person.contacts) | Q(policy__contact__in=person.contacts),
            becomes={
                "before": {},
                "after": {},
                "left_out": {},
                "request": {},
                "response": None,
                "external_id": "",
                "last_error": "",
                "status": lambda write: (
                    OutgoingWrite.Status.SKIPPED if write.status in (PENDING, FAILED) else write.status
                ),
                "next_attempt_at": None,
                "wake_at": None,
                "finished_at": lambda write: write.finished_at or timezone.now(),
                "pruned_at": lambda write: write.pruned_at or timezone.now(),
            },
            attempts="waited for",
        ),
        Holding(
            model=RefusedValue,
            holds="values that a provider refused, and what staff decided about them",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(contact__in=person.contacts),
        ),
        Holding(
            model=OpportunityMapping,
            holds="the opportunity of a policy at a provider",
            retention=AS_LONG_AS_KNOWN,
            own=lambda person: Q(policy__contact__in=person.contacts),
        ),
        Holding(model=FirstSync, holds="who of staff started the sync of contacts", retention=CONFIGURATION),
        Holding(model=Circuit, holds="errors of a provider", retention="until its next answer"),
    ]


def _reconciliation() -> list[Holding]:
    return [
        Holding(
            model=SyncFinding,
            holds="differences between a provider's records and ours, with the person's address",
            retention=Retention(since="settled_at", rows=~Q(status=SyncFinding.Status.OPEN)),
            own=lambda person: (
                Q(user__in=person.users)
                | Q(contact__in=person.contacts)
                | Q(person__in=person.emails)
                | _by_provider(person, "person_id", provider="run__provider")
            ),
        ),
        Holding(
            model=SyncRun,
            holds="changes that a sync run made, with addresses",
            retention=Retention(
                since="finished_at",
                rows=Q(status=RunStatus.DONE),
                becomes={"changes_listed": [], "healed_listed": [], "problems": [], "last_error": ""},
            ),
            attempts="voided",
        ),
        Holding(
            model=SubscriptionSync,
            holds="syncs of a member's subscription: who requested them, and their outcome",
            retention=Retention(since="finished_at"),
            own=lambda person: Q(user__in=person.users),
            attempts="voided",
        ),
        Holding(
            model=ProviderRecord,
            holds="the last listed state of remote records: ids, and names and addresses of customers",
            retention="for ever: what has not changed is not applied again",
            own=lambda person: (
                Q(email__in=person.emails)
                | _by_provider(person, "person_id")
                | _by_provider(person, "key", prefixes=("contact", "person", "policy", "quote"))
            ),
        ),
    ]


def _history() -> list[Holding]:
    return [
        Holding(
            model=HistoryRow,
            holds="rows of uploaded files of members and orders, until they are applied, with the outcome of each",
            retention="with its import",
            own=lambda person: Q(person__in=person.emails),
        ),
        Holding(
            model=HistoryImport,
            holds="names and headings of uploaded files",
            retention=Retention(
                since="created_at", kept_for=history_actions.ABANDONED_AFTER, becomes={}, delete=history_actions.prune
            ),
            attempts="voided",
        ),
    ]


def _operations() -> list[Holding]:
    return [
        Holding(
            model=Issue,
            holds="causes of failures, without addresses, numbers and quoted values",
            retention=Retention(since="last_seen_at", rows=Q(status=Issue.Status.RESOLVED)),
        ),
        Holding(
            model=Notice,
            holds="messages to Slack",
            retention=Retention(since="finished_at", rows=~Q(status=Notice.Status.PENDING)),
        ),
        *(
            Holding(model=one, holds="counts", retention="400 days", scans=False)
            for one in (DailyClose, DeliveryCount, Silence)
        ),
        *(
            Holding(model=one, holds="paths and types of fields, no values", retention=kept, scans=False)
            for one, kept in (
                (PayloadStructure, AS_LONG_AS_KNOWN),
                (LearntUntil, AS_LONG_AS_KNOWN),
                (FieldDrift, "with its issue"),
            )
        ),
        *(
            Holding(model=model, holds=CONFIGURATION, retention=CONFIGURATION, scans=False)
            for model in (AlertState, FieldPlace, FieldRule, Figure, PipelineRule, PolicyStatusRule)
        ),
    ]


def _events_of(person: Person) -> "QuerySet[InboxEvent, int]":
    """Return the keys of the events that name the person or had an effect on a row of theirs."""
    events = InboxEvent.objects.filter(
        Q(person_email__in=person.emails) | Q(pk__in=Effect.objects.filter(_effects_on(person)).values("event"))
    )
    return events.values_list("pk", flat=True)


def _effects_on(person: Person) -> Q:
    own_rows: Mapping[type[Model], Q] = {
        User: Q(pk__in=person.users),
        Subscription: Q(user__in=person.users),
        EmailMessage: Q(user__in=person.users),
        **{model: Q(user__in=person.users) | Q(email__in=person.emails) for model in (Completion, CourseProgress)},
        Contact: Q(pk__in=person.contacts),
        **{model: Q(contact__in=person.contacts) for model in (Order, Payment, FormSubmission, Policy)},
        OutgoingWrite: Q(contact__in=person.contacts),
        ContactRefresh: _by_provider(person, "external_id"),
    }
    types = ContentType.objects.get_for_models(*own_rows)
    conditions = (
        Q(content_type=types[model], object_id__in=model._default_manager.filter(own).values("pk"))
        for model, own in own_rows.items()
    )
    return reduce(or_, conditions)


def _by_provider(person: Person, column: str, *, provider: str = "provider", prefixes: Sequence[str] = ()) -> Q:
    """Return the condition that `column` is one of the person's ids at the row's own provider."""
    condition = Q(pk__in=[])
    for key in {provider_key for provider_key, _kind, _id in person.ids}:
        ids = sorted(person.ids_at(key))
        values = [f"{prefix}:{external_id}" for prefix in prefixes for external_id in ids] or ids
        condition |= Q(**{provider: key, f"{column}__in": values})
    return condition


def _last_received_of(person: Person) -> Q:
    condition = Q(pk__in=[])
    for provider, _kind, external_id in person.ids:
        condition |= Q(provider=provider, record__endswith=f":{external_id.lower()}")
    for value in (*person.emails, *person.phones):
        condition |= Q(record__endswith=f":{value.lower()}")
    return condition
