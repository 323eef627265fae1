"""The staff console's pages for people, companies, contacts and what they bought, points, plans, subscriptions and mails."""

from accounts.admin import (
    access,
    companies,
    completions,
    contacts,
    duplicates,
    emails,
    plans,
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
    "purchases",
    "subscriptions",
    "users",
]
