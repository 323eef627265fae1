"""The staff console's pages for people, plans, subscriptions and mails."""

from accounts.admin import access, emails, plans, subscriptions, users

__all__ = ["access", "emails", "plans", "subscriptions", "users"]
