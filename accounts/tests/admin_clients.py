"""Browsers of people with different rights in the console."""

from typing import Any

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.people.models import User
from core.console.links import row_url


def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def clerk(*codenames: str) -> Client:
    """A member of staff with these permissions and no others: clerk("view_user", "change_user")."""
    user = User.objects.create_user("clerk@example.com", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return signed_in(user)


def page_of(row: Any) -> str:
    """The address of a row's page."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


def link_to(row: Any) -> str:
    """The address to which other pages link for a row: of a contact or a login the person's."""
    return row_url(f"admin:{row._meta.app_label}_{row._meta.model_name}", row.pk)
