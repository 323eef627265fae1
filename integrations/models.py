"""The app's models, which stand in its topics: Django finds them here."""

from integrations.fields.models import FieldPlace, FieldRule, PipelineRule
from integrations.history.models import HistoryImport, HistoryRow
from integrations.inbox.models import ContactRefresh, Effect, InboxAttempt, InboxEvent, LastReceived
from integrations.operations.models import AlertState, Notice
from integrations.outbox.models import Circuit, OpportunityMapping, OutgoingWrite
from integrations.reconcile.models import ProviderRecord, SubscriptionSync, SyncFinding, SyncRun

__all__ = [
    "AlertState",
    "Circuit",
    "ContactRefresh",
    "Effect",
    "FieldPlace",
    "FieldRule",
    "HistoryImport",
    "HistoryRow",
    "InboxAttempt",
    "InboxEvent",
    "LastReceived",
    "Notice",
    "OpportunityMapping",
    "OutgoingWrite",
    "PipelineRule",
    "ProviderRecord",
    "SubscriptionSync",
    "SyncFinding",
    "SyncRun",
]
