"""The staff console's pages for the inbox, for readings at the providers, and for the providers' hooks."""

from integrations.admin import events, hooks, readings

__all__ = ["events", "hooks", "readings"]
