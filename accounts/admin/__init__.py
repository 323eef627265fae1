"""The staff console's pages for people, companies, contacts, what they bought, points, plans and mails."""

from accounts.admin import (
    access,
    companies,
    completions,
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
    "contacts",
    "duplicates",
    "emails",
    "plans",
    "policies",
    "purchases",
    "subscriptions",
    "users",
]
