from accounts.models.delivery import Delivery
from accounts.models.email_message import EmailMessage
from accounts.models.external_identity import ExternalIdentity
from accounts.models.link_request import LinkRequest
from accounts.models.plan import Plan, PlanOffer
from accounts.models.subscription import Subscription, SubscriptionFact, SubscriptionTransition
from accounts.models.user import User

__all__ = [
    "Delivery",
    "EmailMessage",
    "ExternalIdentity",
    "LinkRequest",
    "Plan",
    "PlanOffer",
    "Subscription",
    "SubscriptionFact",
    "SubscriptionTransition",
    "User",
]
