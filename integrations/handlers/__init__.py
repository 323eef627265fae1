"""Events → what they mean for the business. Handlers name no provider and are order-free."""

from integrations.handlers.context import Change, Context, Greeting
from integrations.handlers.dispatch import handle

__all__ = ["Change", "Context", "Greeting", "handle"]
