"""Events → what they mean for the business. Handlers name no provider and are order-free."""

from integrations.handlers.dispatch import Change, Context, handle

__all__ = ["Change", "Context", "handle"]
