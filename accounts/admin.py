"""Register the console's pages of every topic: Django's autodiscovery imports this module."""

from accounts.commerce.admin import orders, policies
from accounts.courses.admin import completions, progress
from accounts.mail.admin import emails, suppressed_addresses
from accounts.memberships.admin import facts, plan_mails, plans, subscriptions
from accounts.people.admin import companies, contact_changes, contacts, duplicates, mappings, users
from accounts.staff.admin import audit_log, groups, tokens

__all__ = [
    "audit_log",
    "companies",
    "completions",
    "contact_changes",
    "contacts",
    "duplicates",
    "emails",
    "facts",
    "groups",
    "mappings",
    "orders",
    "plan_mails",
    "plans",
    "policies",
    "progress",
    "subscriptions",
    "suppressed_addresses",
    "tokens",
    "users",
]
