"""The staff console's pages for people, plans, subscriptions and mails."""

from accounts.admin import access, completions, emails, plans, subscriptions, users

__all__ = ["access", "completions", "emails", "plans", "subscriptions", "users"]
