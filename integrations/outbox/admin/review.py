"""Questions about deleted records in *Review*: what follows for the same person's records elsewhere."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people.admin.contact_history import shown_value
from accounts.people.admin.mapping_columns import MAPPINGS
from accounts.people.models import ContactMapping
from core.console import review
from core.console.links import list_url, row_link
from core.console.review import Decision, Kind, Question, Weight
from core.field_names import field_label
from core.provider_names import provider_title
from integrations.outbox import deletions


def _deleted(mapping: ContactMapping) -> Question:
    records = [mapping, *deletions.records_elsewhere(mapping)]
    values = [one.last_synced_values for one in records]
    names = sorted({name for one in values for name, value in one.items() if value})
    title = _("%(person)s was deleted at %(provider)s. What follows for the other records?")
    return Question(
        title=title % {"person": mapping.contact.called, "provider": provider_title(mapping.provider)},
        heads=[row_link(MAPPINGS, one.pk, one) for one in records],
        lines=[(field_label(name), [shown_value(one.get(name)) for one in values]) for name in names],
    )


review.register(
    Kind(
        key="deleted_records",
        label=gettext_lazy("Deleted records"),
        model=ContactMapping,
        permission="accounts.view_contactmapping",
        weight=Weight.RECORDS,
        rows=lambda: ContactMapping.objects.questions().select_related("contact"),
        occurred="gone_at",
        about=review.first_text("contact__email", "contact__first_name", "external_id"),
        show=_deleted,
        decisions=(
            Decision(action="leave-others", key="l", undo=gettext_lazy("This cannot be undone; no record is changed.")),
            Decision(
                action="mark-others",
                key="m",
                undo=gettext_lazy("The mark goes by itself once the deleted record is there again."),
            ),
        ),
        url=lambda: list_url("admin:accounts_contactmapping", gone="asked"),
    )
)
