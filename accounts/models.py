"""The app's models, which stand in its topics: Django finds them here."""

from accounts.commerce.models import FormSubmission, Order, OrderLine, Payment, Policy
from accounts.courses.models import (
    Activity,
    CertificateCheck,
    CertificateState,
    Completion,
    CourseProgress,
    FileLayout,
    PointsEntry,
    Requirement,
)
from accounts.demo.models import DemoRow
from accounts.mail.models import EmailMessage, SuppressedAddress
from accounts.memberships.models import (
    Plan,
    PlanOffer,
    Purchase,
    Subscription,
    SubscriptionFact,
    SubscriptionTransition,
)
from accounts.people.models import (
    Company,
    Contact,
    ContactChange,
    ContactEmail,
    ContactMapping,
    ContactPhone,
    ContactTag,
    ForgottenKey,
    PossibleDuplicate,
    ProvisioningStep,
    Tag,
    User,
)
from accounts.signin.models import LinkRequest
from accounts.staff.models import ApiToken, AuditEntry, Dismissal, SavedFilter

__all__ = [
    "Activity",
    "ApiToken",
    "AuditEntry",
    "CertificateCheck",
    "CertificateState",
    "Company",
    "Completion",
    "Contact",
    "ContactChange",
    "ContactEmail",
    "ContactMapping",
    "ContactPhone",
    "ContactTag",
    "CourseProgress",
    "DemoRow",
    "Dismissal",
    "EmailMessage",
    "FileLayout",
    "ForgottenKey",
    "FormSubmission",
    "LinkRequest",
    "Order",
    "OrderLine",
    "Payment",
    "Plan",
    "PlanOffer",
    "PointsEntry",
    "Policy",
    "PossibleDuplicate",
    "ProvisioningStep",
    "Purchase",
    "Requirement",
    "SavedFilter",
    "Subscription",
    "SubscriptionFact",
    "SubscriptionTransition",
    "SuppressedAddress",
    "Tag",
    "User",
]
