from accounts.people.models.company import Company, ProvisioningStep
from accounts.people.models.contact import (
    Contact,
    ContactEmail,
    ContactMapping,
    ContactPhone,
    ContactTag,
    PossibleDuplicate,
    Tag,
)
from accounts.people.models.contact_change import ContactChange
from accounts.people.models.forgotten_key import ForgottenKey
from accounts.people.models.user import User

__all__ = [
    "Company",
    "Contact",
    "ContactChange",
    "ContactEmail",
    "ContactMapping",
    "ContactPhone",
    "ContactTag",
    "ForgottenKey",
    "PossibleDuplicate",
    "ProvisioningStep",
    "Tag",
    "User",
]
