"""The admin site beneath the console: the methods that an application's site must have."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest


class ConsoleSite(AdminSite):
    """An admin site with an audit log."""

    def record(self, action: str, *, request: HttpRequest, target: Any, **facts: Any) -> None:
        """Add an entry about `target` to the audit log, in the caller's transaction."""
        raise NotImplementedError

    def list_context(self, request: HttpRequest, label: str) -> dict[str, Any]:
        """Return what `admin/list_tools.html` shows above the list of a model ("accounts.user")."""
        raise NotImplementedError
