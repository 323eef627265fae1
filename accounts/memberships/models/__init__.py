from accounts.memberships.models.plan import Plan, PlanOffer
from accounts.memberships.models.subscription import Subscription, SubscriptionFact, SubscriptionTransition

__all__ = ["Plan", "PlanOffer", "Subscription", "SubscriptionFact", "SubscriptionTransition"]
