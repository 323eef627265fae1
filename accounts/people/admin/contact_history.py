"""Display of changes of a contact's values: the names and values in a line, and the newest beneath the contact."""

import json
from typing import Any

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people.contact_report import EMPTY
from accounts.people.models import ContactChange
from core import phrases
from core.console import columns
from core.console.base import NewestInline
from core.console.links import NOTHING, badge, moment, row_link, shortened
from core.console.pruned import removed
from core.field_names import field_label
from core.provider_names import provider_title

CELL = 40  # characters of a value in a list
CHANGES = "admin:accounts_contactchange"
Kind = ContactChange.Kind
_BADGES = {Kind.CHANGED: "past", Kind.WON: "active", Kind.LOST: "unmatched", Kind.STAFF: "active"}


def shown_value(value: Any) -> str:
    """Return a value of a contact as text."""
    if value in EMPTY:
        return NOTHING
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def state_of(change: ContactChange) -> str:
    """Return what happened, as a badge; a frozen value that is settled waits for nobody."""
    kind = Kind(change.kind)
    if kind == Kind.FROZEN:
        return badge("past", _("was frozen")) if change.settled_at else badge("failed", _("frozen"))
    return badge(_BADGES[kind], kind.label)


class ChangeShown:
    """The columns in which a change is shown, wherever it stands."""

    field = columns.attribute("name", gettext_lazy("field"), show=field_label)

    @admin.display(description=gettext_lazy("we had"))
    def we_had(self, change: ContactChange) -> str:
        return removed(change) or shortened(shown_value(change.before), CELL)

    @admin.display(description=gettext_lazy("remote value"))
    def they_say(self, change: ContactChange) -> str:
        return removed(change) or shortened(shown_value(change.after), CELL)

    state = columns.of(state_of, gettext_lazy("what"))

    @admin.display(description=gettext_lazy("by"))
    def by(self, change: ContactChange) -> str:
        return provider_title(change.provider) or shortened(phrases.shown(change.cause), CELL) or NOTHING


class ChangeInline(ChangeShown, NewestInline):
    """The newest changes of a contact's values."""

    model = ContactChange
    verbose_name_plural = gettext_lazy("history")
    fields = readonly_fields = ("when", "field", "we_had", "they_say", "state", "by")

    @admin.display(description=gettext_lazy("when"))
    def when(self, change: ContactChange) -> str:
        return row_link(CHANGES, change.pk, moment(change.recorded_at))
