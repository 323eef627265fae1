"""The staff console's pages for people, companies, contacts, what they bought, points, plans and mails."""

from accounts.admin import (
    access,
    companies,
    completions,
    contact_changes,
    contacts,
    duplicates,
    emails,
    plans,
    policies,
    purchases,
    subscriptions,
    users,
)

__all__ = [
    "access",
    "companies",
    "completions",
    "contact_changes",
    "contacts",
    "duplicates",
    "emails",
    "plans",
    "policies",
    "purchases",
    "subscriptions",
    "users",
]
