"""The staff console's pages for the inbox, the outbox, what is read at the providers, and the providers' hooks."""

from integrations.fields.admin import field_rules
from integrations.history.admin import imports, rows, upload
from integrations.inbox.admin import events, refreshes, replays, review_claims, review_dates, search
from integrations.inbox.admin import review as inbox_review
from integrations.inbox.admin import timeline as inbox_timeline
from integrations.issues.admin import issues
from integrations.operations import admin, close_admin, silence_admin
from integrations.operations.connections import page
from integrations.outbox.admin import circuits, contact_sync, deletions, refused, review_refused, writes
from integrations.outbox.admin import review as outbox_review
from integrations.outbox.admin import timeline as outbox_timeline
from integrations.reconcile.admin import first_sync, runs, subscription_check, subscription_syncs, sync_page
from integrations.reconcile.admin import review as reconcile_review

__all__ = [
    "admin",
    "circuits",
    "close_admin",
    "contact_sync",
    "deletions",
    "events",
    "field_rules",
    "first_sync",
    "imports",
    "inbox_review",
    "page",
    "inbox_timeline",
    "issues",
    "outbox_review",
    "outbox_timeline",
    "reconcile_review",
    "refreshes",
    "refused",
    "replays",
    "review_claims",
    "review_dates",
    "review_refused",
    "rows",
    "runs",
    "search",
    "silence_admin",
    "subscription_check",
    "subscription_syncs",
    "sync_page",
    "upload",
    "writes",
]
