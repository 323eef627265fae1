"""Register the console's pages of every topic: Django's autodiscovery imports this module."""

from accounts.commerce.admin import orders, policies
from accounts.commerce.admin import search as purchase_search
from accounts.courses.admin import completions, progress
from accounts.courses.admin import review as courses_review
from accounts.mail.admin import emails, suppressed_addresses
from accounts.memberships.admin import facts, plan_mails, plans, subscriptions
from accounts.memberships.admin import review as memberships_review
from accounts.people.admin import companies, contact_changes, contacts, duplicates, mappings, person_timeline, users
from accounts.people.admin import review as people_review
from accounts.people.admin import search as people_search
from accounts.signin.admin import presentation
from accounts.staff.admin import audit_log, groups, staff, tokens

__all__ = [
    "audit_log",
    "companies",
    "completions",
    "contact_changes",
    "contacts",
    "courses_review",
    "duplicates",
    "emails",
    "facts",
    "groups",
    "mappings",
    "memberships_review",
    "orders",
    "people_review",
    "people_search",
    "person_timeline",
    "plan_mails",
    "plans",
    "policies",
    "presentation",
    "progress",
    "purchase_search",
    "staff",
    "subscriptions",
    "suppressed_addresses",
    "tokens",
    "users",
]
