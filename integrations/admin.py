"""The staff console's pages for the inbox, the outbox, what is read at the providers, and the providers' hooks."""

from integrations.fields.admin import field_rules
from integrations.history.admin import imports, rows, upload
from integrations.inbox.admin import events, refreshes
from integrations.operations import admin
from integrations.outbox.admin import circuits, contact_sync, writes
from integrations.reconcile.admin import runs, subscription_check, subscription_syncs, sync_page

__all__ = [
    "admin",
    "circuits",
    "contact_sync",
    "events",
    "field_rules",
    "imports",
    "refreshes",
    "rows",
    "runs",
    "subscription_check",
    "subscription_syncs",
    "sync_page",
    "upload",
    "writes",
]
