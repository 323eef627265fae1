from integrations.models.inbox import Effect, InboxAttempt, InboxEvent

__all__ = ["Effect", "InboxAttempt", "InboxEvent"]
