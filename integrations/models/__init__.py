from integrations.models.alert import AlertState, Notice
from integrations.models.contact_refresh import ContactRefresh
from integrations.models.inbox import Effect, InboxAttempt, InboxEvent

__all__ = ["AlertState", "ContactRefresh", "Effect", "InboxAttempt", "InboxEvent", "Notice"]
