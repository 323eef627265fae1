"""The staff console's pages for the inbox."""

from integrations.admin import events

__all__ = ["events"]
