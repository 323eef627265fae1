"""The staff console's pages for people, companies, contacts and what they bought, plans, subscriptions and mails."""

from accounts.admin import access, companies, contacts, duplicates, emails, plans, purchases, subscriptions, users

__all__ = ["access", "companies", "contacts", "duplicates", "emails", "plans", "purchases", "subscriptions", "users"]
