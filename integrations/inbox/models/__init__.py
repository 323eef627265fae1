from integrations.inbox.models.contact_refresh import ContactRefresh
from integrations.inbox.models.event import Effect, InboxAttempt, InboxEvent
from integrations.inbox.models.last_received import LastReceived

__all__ = ["ContactRefresh", "Effect", "InboxAttempt", "InboxEvent", "LastReceived"]
