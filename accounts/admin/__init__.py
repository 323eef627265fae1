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
    progress,
    purchases,
    subscriptions,
    suppressed_addresses,
    users,
)
from accounts.staff import admin as audit_log
from accounts.staff import token_admin

__all__ = [
    "access",
    "audit_log",
    "companies",
    "completions",
    "contact_changes",
    "contacts",
    "duplicates",
    "emails",
    "plans",
    "policies",
    "progress",
    "purchases",
    "subscriptions",
    "suppressed_addresses",
    "token_admin",
    "users",
]
