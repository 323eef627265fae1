from integrations.models.contact_refresh import ContactRefresh
from integrations.models.inbox import Effect, InboxAttempt, InboxEvent
from integrations.models.last_received import LastReceived

__all__ = ["ContactRefresh", "Effect", "InboxAttempt", "InboxEvent", "LastReceived"]
