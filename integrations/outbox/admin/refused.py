"""Values that could not be written at a provider, with the decisions of staff about them."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people.admin.contact_changes import own_address
from accounts.people.admin.contact_history import shown_value
from accounts.people.admin.contacts import found, person_link
from accounts.people.models import Contact
from core import phrases
from core.console import attention, columns
from core.console.actions import AboutRows, Action, ReasonForm, Refused, Submission
from core.console.base import ReadOnlyAdmin
from core.console.links import list_url
from core.field_names import field_label
from integrations.inbox.admin.filters import ProviderFilter
from integrations.outbox import enqueue, refused, repair
from integrations.outbox.differences import is_unusable, readable
from integrations.outbox.models import OutgoingWrite, RefusedValue

REFUSED_VALUES = "admin:integrations_refusedvalue"
Status = RefusedValue.Status
_BADGES = {Status.OPEN: "unmatched", Status.LEFT_OUT: "past", Status.SETTLED: "processed"}
_LONGEST = 1000  # of a custom field


def open_values() -> QuerySet[RefusedValue]:
    return RefusedValue.objects.filter(status=Status.OPEN)


@attention.source
def refused_values() -> list[attention.Item]:
    return [
        attention.Item(
            key="refused_values",
            label=gettext_lazy("Values that a provider refused"),
            rows=open_values(),
            occurred="refused_at",
            action=gettext_lazy("Decide"),
            url=list_url(REFUSED_VALUES, status__exact=Status.OPEN.value),
            permission="integrations.view_refusedvalue",
        )
    ]


class CorrectForm(AboutRows, ReasonForm):
    """The value that the contact gets instead, as it would be stored."""

    value = forms.CharField(max_length=_LONGEST, widget=forms.TextInput(attrs={"class": "vTextField"}))
    field_order = ("value", "reason")
    _row: RefusedValue | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["value"].label = _("Corrected value")

    def set_rows(self, rows: Sequence[Any]) -> None:
        (self._row,) = rows
        self.initial.setdefault("value", self._row.value)

    def clean_value(self) -> str:
        row, text = self._row, str(self.cleaned_data["value"])
        assert row is not None
        parsed = readable(row.name, text)
        if is_unusable(parsed):
            raise ValidationError(phrases.shown(parsed.left_out))
        value = str(parsed.best)
        if value == row.value:
            raise ValidationError(_("This is the value that was refused."))
        if len(value) > _longest(row.name):
            raise ValidationError(_("At most %(count)d characters.") % {"count": _longest(row.name)})
        return value


def _longest(name: str) -> int:
    try:
        return getattr(Contact._meta.get_field(name), "max_length", None) or _LONGEST
    except FieldDoesNotExist:
        return _LONGEST


def _correct(row: RefusedValue, submission: Submission) -> bool:
    held = Contact.objects.select_for_update().get(pk=row.contact_id)
    row.contact, corrected = held, submission.answers["value"]
    if row.name == "email":
        own_address(held, corrected, cause=submission.cause)
    changed = refused.correct(row, corrected, cause=submission.cause)
    if changed is None:
        raise Refused(_("The contact has this value already. Nothing was changed."))
    enqueue.contact_changed(changed)
    return True


def _try_again(row: RefusedValue, submission: Submission) -> bool:
    held = Contact.objects.select_for_update().get(pk=row.contact_id)
    if not refused.accept_retry(row, cause=submission.cause):
        return False
    if enqueue.enqueue_write(held, row.provider, cause=submission.cause) is None:
        writes = OutgoingWrite.objects.filter(contact=held, provider=row.provider, kind=OutgoingWrite.Kind.CONTACT)
        repair.retry(writes.filter(status=OutgoingWrite.Status.PENDING))
    return True


def _is_open(row: RefusedValue) -> bool:
    return row.status == Status.OPEN


@admin.register(RefusedValue)
class RefusedValueAdmin(ReadOnlyAdmin):
    list_display = ("refused", "state", "person", "provider", "field", "ours", "why")
    list_filter = ("status", ProviderFilter)
    list_select_related = ("contact",)
    search_fields = ("name",)
    search_help_text = gettext_lazy("Beginning of an e-mail, a name or a phone number, or a whole id at a provider")
    fields = (("state", "refused"), ("person", "provider"), "field", "ours", "why", "write_link", ("staff", "settled"))
    readonly_fields = ("state", "refused", "person", "field", "ours", "why", "write_link", "settled")
    row_actions = (
        Action(
            name="correct",
            label=gettext_lazy("correct the value"),
            explanation=gettext_lazy("The contact gets this value instead, and it is written on every side."),
            done=ngettext_lazy(
                "%(count)d value was corrected, and is written on every side.",
                "%(count)d values were corrected, and are written on every side.",
                "count",
            ),
            run=_correct,
            applies_to=lambda row: _is_open(row) and (row.value is None or isinstance(row.value, str)),
            form=CorrectForm,
            in_list=False,
        ),
        Action(
            name="leave-out",
            label=gettext_lazy("leave it out"),
            explanation=gettext_lazy(
                "The value stays in Enlace, and is not sent to this provider again as long as it is the same."
            ),
            done=ngettext_lazy("%(count)d value is left out.", "%(count)d values are left out.", "count"),
            run=lambda row, submission: refused.leave_out(row, cause=submission.cause),
            applies_to=_is_open,
            form=ReasonForm,
        ),
        Action(
            name="try-again",
            label=gettext_lazy("try again"),
            explanation=gettext_lazy("The value is sent once more. If it is refused again, it is a question again."),
            done=ngettext_lazy("%(count)d value is sent again.", "%(count)d values are sent again.", "count"),
            run=_try_again,
            applies_to=_is_open,
        ),
        Action(
            name="ask-again",
            label=gettext_lazy("ask again"),
            explanation=gettext_lazy("The value is a question again, and the next write tries it once more."),
            done=ngettext_lazy(
                "%(count)d value is a question again.", "%(count)d values are questions again.", "count"
            ),
            run=lambda row, submission: refused.ask_again(row, cause=submission.cause),
            applies_to=lambda row: row.status == Status.LEFT_OUT,
            form=ReasonForm,
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[RefusedValue], search_term: str
    ) -> tuple[QuerySet[RefusedValue], bool]:
        term = search_term.strip()
        return (queryset.filter(contact__in=found(term)) if term else queryset), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        row = super().get_object(request, object_id, from_field)
        if row is None:
            return None
        return RefusedValue.objects.select_related("contact__user", "write", "staff").filter(pk=row.pk).first()

    refused = columns.moment("refused_at", gettext_lazy("refused"))
    settled = columns.moment("settled_at", gettext_lazy("settled"))
    state = columns.badge("status", gettext_lazy("status"), kinds=_BADGES)
    person = columns.attribute("contact", gettext_lazy("contact"), show=person_link)
    field = columns.attribute("name", gettext_lazy("field"), show=field_label)
    ours = columns.attribute("value", gettext_lazy("value in Enlace"), show=shown_value)
    why = columns.reason("reason", gettext_lazy("why"))
    write_link = columns.link("admin:integrations_outgoingwrite", "write", gettext_lazy("outgoing write"))
