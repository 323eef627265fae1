"""Roles: groups with exactly the permissions of the table of access."""

from typing import Any

from django.apps import apps as installed
from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_migrate

from core.web import access


def connect() -> None:
    """Give the roles their permissions after each migration, when those of every application exist."""
    last = [config for config in installed.get_app_configs() if config.models_module is not None][-1]
    post_migrate.connect(give_permissions, sender=last, dispatch_uid="accounts.roles")


def give_permissions(*, using: str, apps: Any = installed, **kwargs: Any) -> None:
    """Set what each role may do; the groups themselves are made by a migration, and other groups are left alone."""
    try:
        groups, permissions = (apps.get_model("auth", name).objects.using(using) for name in ("Group", "Permission"))
    except LookupError:
        return  # migrated to a state in which there are none
    with transaction.atomic(using):
        for group in groups.filter(name__in=access.table().roles):
            wanted = Q(pk__in=())
            for permission in access.table().roles[group.name]:
                app, _dot, codename = permission.partition(".")
                wanted |= Q(content_type__app_label=app, codename=codename)
            group.permissions.set(permissions.filter(wanted))
