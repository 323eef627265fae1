from integrations.models.contact_refresh import ContactRefresh
from integrations.models.inbox import Effect, InboxAttempt, InboxEvent

__all__ = ["ContactRefresh", "Effect", "InboxAttempt", "InboxEvent"]
