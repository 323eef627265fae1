"""The staff console's pages for people, contacts and what they bought, plans, subscriptions and mails."""

from accounts.admin import access, completions, contacts, duplicates, emails, plans, purchases, subscriptions, users

__all__ = ["access", "completions", "contacts", "duplicates", "emails", "plans", "purchases", "subscriptions", "users"]
