"""Handlers apply events to the business. They name no provider and do not depend on the order of events."""

from integrations.handlers.context import Change, Context
from integrations.handlers.dispatch import handle

__all__ = ["Change", "Context", "handle"]
