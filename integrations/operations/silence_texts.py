"""Sentences about a silence, in the reader's language."""

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from integrations.operations.models import Silence

_DAYS = (
    gettext_lazy("on Mondays"),
    gettext_lazy("on Tuesdays"),
    gettext_lazy("on Wednesdays"),
    gettext_lazy("on Thursdays"),
    gettext_lazy("on Fridays"),
    gettext_lazy("on Saturdays"),
    gettext_lazy("on Sundays"),
)


def sentence(row: Silence, title: str) -> str:
    """Return what was unusual when the silence was noticed."""
    noticed = timezone.localtime(row.noticed_at, timezone.get_default_timezone())
    text = _("%(provider)s has sent nothing for %(silent)s; %(day)s at this time it is never longer than %(usual)s")
    return text % {
        "provider": title,
        "silent": length(row.noticed_at - row.since),
        "day": _DAYS[noticed.weekday()],
        "usual": length(timedelta(seconds=row.usual_seconds)),
    }


def length(duration: timedelta) -> str:
    """Return a duration in whole hours, from three days on in whole days."""
    hours = max(round(duration / timedelta(hours=1)), 1)
    if hours < 72:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    days = round(hours / 24)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
