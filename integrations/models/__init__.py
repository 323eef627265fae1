from integrations.models.alert import AlertState, Notice
from integrations.models.contact_refresh import ContactRefresh
from integrations.models.inbox import Effect, InboxAttempt, InboxEvent
from integrations.models.last_received import LastReceived
from integrations.models.provider_record import ProviderRecord
from integrations.models.sync_run import SyncFinding, SyncRun

__all__ = [
    "AlertState",
    "ContactRefresh",
    "Effect",
    "InboxAttempt",
    "InboxEvent",
    "LastReceived",
    "Notice",
    "ProviderRecord",
    "SyncFinding",
    "SyncRun",
]
