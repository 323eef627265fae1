"""The admin site that the console's kit stands on; what it asks of the site that an application makes of it."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest


class ConsoleSite(AdminSite):
    """An admin site with an audit log."""

    def record(self, action: str, *, request: HttpRequest, target: Any, **facts: Any) -> None:
        """Add an entry about `target` to the audit log, in the caller's transaction."""
        raise NotImplementedError
