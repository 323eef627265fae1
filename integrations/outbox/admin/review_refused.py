"""Questions in *Review* about values that could not be written at a provider: what becomes of each."""

import re

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people.admin.contact_history import shown_value
from accounts.people.admin.contacts import person_link
from accounts.people.admin.mapping_columns import MAPPINGS
from accounts.people.contact_report import value_of
from core import phrases
from core.console import review
from core.console.links import list_url, row_link
from core.console.review import Decision, Kind, Question, Rule, Suggestion, Weight
from core.field_names import CUSTOM, custom, field_label
from core.provider_names import provider_title
from integrations.outbox.admin.refused import REFUSED_VALUES, Status, open_values
from integrations.outbox.admin.writes import WRITES
from integrations.outbox.enqueue import RECORD
from integrations.outbox.models import RefusedValue

_SITE_WITHOUT_SCHEME = re.compile(r"([a-z0-9-]{1,63}\.){1,8}[a-z]{2,63}(/\S{0,500})?", re.IGNORECASE)


def _refused(row: RefusedValue) -> Question:
    contact, field = row.contact, field_label(row.name)
    title = provider_title(row.provider)
    records = list(contact.mappings.filter(kind=RECORD, is_main=True).order_by("provider"))
    theirs = [record.last_synced_values.get(row.name) for record in records]
    now = value_of(contact, row.name) if row.name.startswith(CUSTOM) or hasattr(contact, row.name) else None
    return Question(
        title=_("%(person)s: %(provider)s does not take this: %(field)s")
        % {"person": contact.called, "provider": title, "field": field},
        why=phrases.shown(row.reason),
        facts=[
            (_("refused value"), shown_value(row.value)),
            (_("outgoing write"), row_link(WRITES, row.write_id, row.write_id) if row.write_id else ""),
        ],
        heads=[person_link(contact), *(row_link(MAPPINGS, one.pk, one) for one in records)],
        lines=[(field, [shown_value(value) for value in (now, *theirs)])],
        suggestion=_suggestion(row),
        rules={
            "leave-out": Rule(
                text=_("This value is not sent to %(provider)s again until it changes.") % {"provider": title},
                url=list_url(REFUSED_VALUES, status__exact=Status.LEFT_OUT.value),
            )
        },
    )


def _suggestion(row: RefusedValue) -> Suggestion | None:
    """Suggest the address of a site that only lacks its beginning, or what staff decided about the same value."""
    if row.name == custom("website") and _SITE_WITHOUT_SCHEME.fullmatch(str(row.value or "")):
        return Suggestion(
            action="correct",
            reason=_("the address of a website begins with https://"),
            answers={"value": f"https://{row.value}"},
        )
    same = RefusedValue.objects.filter(
        status=Status.LEFT_OUT, provider=row.provider, name=row.name, value=row.value, reason=row.reason
    )
    if same.exists():
        return Suggestion(action="leave-out", reason=_("the same value of somebody else was left out"))
    return None


review.register(
    Kind(
        key="refused_values",
        label=gettext_lazy("Refused values"),
        model=RefusedValue,
        permission="integrations.view_refusedvalue",
        weight=Weight.RECORDS,
        rows=lambda: open_values().select_related("contact"),
        occurred="refused_at",
        about=review.first_text("contact__email", "contact__first_name", "name"),
        show=_refused,
        decisions=(
            Decision(
                action="correct",
                key="c",
                undo=gettext_lazy("The earlier value stays among the changes of the contact."),
            ),
            Decision(
                action="leave-out",
                key="l",
                undo=gettext_lazy("It can be taken back: the value is a question again."),
                undo_by=("ask-again",),
            ),
            Decision(
                action="try-again",
                key="t",
                undo=gettext_lazy("Nothing has to be undone: if it is refused again, it is a question again."),
            ),
        ),
        url=lambda: list_url(REFUSED_VALUES, status__exact=Status.OPEN.value),
    )
)
