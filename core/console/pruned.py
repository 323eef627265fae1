"""Texts in place of contents that retention or an erasure removed."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext


def removed(row: Any) -> str:
    """Return why the contents of a row are not there any more; "" where they are."""
    if row.pruned_at is None:
        return ""
    if getattr(row, "is_erased", False):
        return _("Removed: the person was erased.")
    days = settings.RETENTION_DAYS
    text = ngettext("Removed after %(days)d day.", "Removed after %(days)d days.", days) % {"days": days}
    # A mail or a write of somebody who was erased does not say which of the two it was.
    return text if hasattr(row, "is_erased") else f"{text} {_('Earlier where the person was erased.')}"
