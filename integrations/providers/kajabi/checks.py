"""System check: the operators' pages without a password."""

from typing import Any

from django.conf import settings
from django.core import checks

from integrations.checks import opens_by_nothing
from integrations.providers.kajabi.api.operator import PASSWORD
from integrations.providers.kajabi.api.operator_pages import PAGES


@checks.register
def check_operators_password(**kwargs: Any) -> list[checks.CheckMessage]:
    """Warn that the pages are closed because no password is set, as with a .env of an older version."""
    if getattr(settings, PASSWORD).strip():
        return []
    return [opens_by_nothing(f"/{page.path}", setting=PASSWORD) for page in PAGES]
