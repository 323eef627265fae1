"""The staff console's pages for the inbox, for what is read at the providers, and for the providers' hooks."""

from integrations.admin import alerts, events, hooks, reading_lists, readings, runs, subscription_check

__all__ = ["alerts", "events", "hooks", "reading_lists", "readings", "runs", "subscription_check"]
