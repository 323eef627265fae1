"""The staff console's pages for the inbox, and for the providers' hooks."""

from integrations.admin import alerts, events, hooks

__all__ = ["alerts", "events", "hooks"]
