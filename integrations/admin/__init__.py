"""The staff console's pages for the inbox, reconciliations and the providers' hooks."""

from integrations.admin import events, hooks, runs, subscription_check

__all__ = ["events", "hooks", "runs", "subscription_check"]
