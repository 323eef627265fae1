"""The staff console's pages for people, companies, contacts, what they bought, points, plans and mails."""

from accounts.commerce.admin import orders, policies
from accounts.courses.admin import completions, progress
from accounts.mail.admin import emails, suppressed_addresses
from accounts.memberships.admin import plans, subscriptions
from accounts.people.admin import companies, contact_changes, contacts, duplicates, mappings, users
from accounts.staff.admin import audit_log, groups, tokens

__all__ = [
    "access",
    "audit_log",
    "companies",
    "completions",
    "contact_changes",
    "contacts",
    "duplicates",
    "emails",
    "mappings",
    "plans",
    "policies",
    "progress",
    "purchases",
    "subscriptions",
    "suppressed_addresses",
    "token_admin",
    "users",
]
