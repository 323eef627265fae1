"""Actions in lists: run on the selected rows, on those of them that they apply to."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

MAX_ROWS = 500  # of one run


def skipped_message(count: int) -> str:
    """Return the message about rows that an action does not apply to."""
    return ngettext(
        "%(count)d row was left as it is: this does not apply to it.",
        "%(count)d rows were left as they are: this does not apply to them.",
        count,
    ) % {"count": count}


def list_action(action: Any) -> Callable[..., HttpResponse | None]:
    """Return `action` (an Action) as Django's lists take it."""

    def run(model_admin: Any, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        # Lists leave out large columns; a service may need them, and one query a row for each would be too many.
        rows = list(queryset.defer(None)[: MAX_ROWS + 1])
        if len(rows) > MAX_ROWS:
            text = _("At most %(count)d rows at once. Nothing was done.") % {"count": MAX_ROWS}
            model_admin.message_user(request, format_html("{}", text), messages.ERROR)
            return None
        return model_admin.run_action(request, action, rows)

    return run
