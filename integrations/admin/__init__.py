"""The staff console's pages for the inbox, and for the providers' hooks."""

from integrations.admin import events, hooks

__all__ = ["events", "hooks"]
