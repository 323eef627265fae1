from integrations.reconcile.models.provider_record import ProviderRecord
from integrations.reconcile.models.subscription_sync import SubscriptionSync
from integrations.reconcile.models.sync_run import SyncFinding, SyncRun

__all__ = ["ProviderRecord", "SubscriptionSync", "SyncFinding", "SyncRun"]
