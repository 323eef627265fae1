from accounts.models.certificate import CertificateCheck, CertificateState
from accounts.models.company import Company, ProvisioningStep
from accounts.models.contact import Contact, ContactEmail, ContactMapping, ContactTag, PossibleDuplicate, Tag
from accounts.models.contact_change import ContactChange
from accounts.models.course import CourseProgress, Requirement
from accounts.models.delivery import Delivery
from accounts.models.email_message import EmailMessage
from accounts.models.external_identity import ExternalIdentity
from accounts.models.form_submission import FormSubmission
from accounts.models.link_request import LinkRequest
from accounts.models.order import Order, OrderLine, Payment
from accounts.models.plan import Plan, PlanOffer
from accounts.models.points import Activity, Completion, PointsEntry
from accounts.models.policy import Policy
from accounts.models.subscription import Subscription, SubscriptionFact, SubscriptionTransition
from accounts.models.suppressed_address import SuppressedAddress
from accounts.models.user import User
from accounts.people.models import ForgottenKey
from accounts.staff.api_token import ApiToken
from accounts.staff.models import AuditEntry

__all__ = [
    "Activity",
    "ApiToken",
    "AuditEntry",
    "CertificateCheck",
    "CertificateState",
    "Completion",
    "Company",
    "Contact",
    "ContactChange",
    "ContactEmail",
    "ContactMapping",
    "ContactTag",
    "CourseProgress",
    "Delivery",
    "EmailMessage",
    "ExternalIdentity",
    "ForgottenKey",
    "FormSubmission",
    "LinkRequest",
    "Order",
    "OrderLine",
    "Payment",
    "Plan",
    "PlanOffer",
    "Policy",
    "PointsEntry",
    "PossibleDuplicate",
    "Requirement",
    "ProvisioningStep",
    "Subscription",
    "SubscriptionFact",
    "SubscriptionTransition",
    "SuppressedAddress",
    "Tag",
    "User",
]
