from integrations.models.alert import AlertState, Notice
from integrations.models.contact_refresh import ContactRefresh
from integrations.models.field_rule import FieldPlace, FieldRule, PipelineRule
from integrations.models.history import HistoryImport, HistoryRow
from integrations.models.inbox import Effect, InboxAttempt, InboxEvent
from integrations.models.last_received import LastReceived
from integrations.models.outbox import Circuit, OpportunityMapping, OutgoingWrite
from integrations.models.provider_record import ProviderRecord
from integrations.models.subscription_sync import SubscriptionSync
from integrations.models.sync_run import SyncFinding, SyncRun

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
