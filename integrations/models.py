"""The app's models, which stand in its topics: Django finds them here."""

from integrations.fields.models import FieldPlace, FieldRule, PipelineRule, PolicyStatusRule
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
from integrations.issues.models import Issue
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

__all__ = [
    "AlertState",
    "Circuit",
    "ContactRefresh",
    "DailyClose",
    "DeliveryCount",
    "Effect",
    "EventText",
    "FieldDrift",
    "FieldPlace",
    "FieldRule",
    "Figure",
    "FirstSync",
    "HistoryImport",
    "HistoryRow",
    "InboxAttempt",
    "InboxEvent",
    "Issue",
    "LastReceived",
    "LearntUntil",
    "Notice",
    "OpportunityMapping",
    "OutgoingWrite",
    "PayloadStructure",
    "PipelineRule",
    "PolicyStatusRule",
    "ProviderRecord",
    "RefusedValue",
    "Replay",
    "Silence",
    "SubscriptionSync",
    "SyncFinding",
    "SyncRun",
]
