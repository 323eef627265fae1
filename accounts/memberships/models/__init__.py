from accounts.memberships.models.plan import Plan, PlanOffer
from accounts.memberships.models.plan_mail import PlanMail
from accounts.memberships.models.subscription import Purchase, Subscription, SubscriptionFact, SubscriptionTransition

__all__ = ["Plan", "PlanMail", "PlanOffer", "Purchase", "Subscription", "SubscriptionFact", "SubscriptionTransition"]
