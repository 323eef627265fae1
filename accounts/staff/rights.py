"""A user's rights, before and after a change."""

from typing import Any

from django.http import HttpRequest

from accounts.staff import audit, tokens
from core.console.values import changed_values


def of(user: Any) -> dict[str, Any]:
    """Return the rights of `user` as the audit log keeps them."""
    permissions = user.user_permissions.select_related("content_type")
    return {
        "is_active": user.is_active,
        "is_staff": user.is_staff,
        "is_superuser": user.is_superuser,
        "roles": sorted(user.groups.values_list("name", flat=True)),
        "permissions": sorted(f"{one.content_type.app_label}.{one.codename}" for one in permissions),
    }


def note_change(user: Any, *, before: dict[str, Any], request: HttpRequest) -> None:
    """Record how the rights of `user` changed, if they did; the tokens of somebody who is no staff any more go."""
    was, now = changed_values(before, of(user))
    if not (user.is_active and user.is_staff):
        tokens.revoke_all_of(user, by=request.user, because="its owner is no active member of staff")
    if was or (now and user.is_staff):
        audit.record("role.changed", request=request, target=user, before=was, after=now)
