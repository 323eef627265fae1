from accounts.memberships.models.plan import Plan, PlanOffer
from accounts.memberships.models.subscription import Purchase, Subscription, SubscriptionFact, SubscriptionTransition

__all__ = ["Plan", "PlanOffer", "Purchase", "Subscription", "SubscriptionFact", "SubscriptionTransition"]
