"""The staff console's pages for the inbox, the outbox, what is read at the providers, and the providers' hooks."""

from integrations.admin import (
    alerts,
    circuits,
    contact_sync,
    events,
    field_rules,
    history,
    history_rows,
    history_upload,
    hooks,
    reading_lists,
    readings,
    runs,
    subscription_check,
    subscription_syncs,
    writes,
)

__all__ = [
    "alerts",
    "circuits",
    "contact_sync",
    "events",
    "field_rules",
    "history",
    "history_rows",
    "history_upload",
    "hooks",
    "reading_lists",
    "readings",
    "runs",
    "subscription_check",
    "subscription_syncs",
    "writes",
]
