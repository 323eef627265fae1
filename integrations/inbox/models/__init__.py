from integrations.inbox.models.contact_refresh import ContactRefresh
from integrations.inbox.models.delivery_count import DeliveryCount
from integrations.inbox.models.event import Effect, InboxAttempt, InboxEvent
from integrations.inbox.models.event_text import EventText
from integrations.inbox.models.last_received import LastReceived
from integrations.inbox.models.replay import Replay

__all__ = [
    "ContactRefresh",
    "DeliveryCount",
    "Effect",
    "EventText",
    "InboxAttempt",
    "InboxEvent",
    "LastReceived",
    "Replay",
]
