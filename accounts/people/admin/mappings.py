"""The contact ID mapping: the ids of each contact at the providers, side by side."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people import contact_changes
from accounts.people.admin.contact_history import shown_value
from accounts.people.admin.contacts import found, person_link
from accounts.people.admin.filters import ProviderFilter
from accounts.people.admin.left_out import LeftOutFilter
from accounts.people.admin.mapping_columns import MAPPINGS, MappingShown
from accounts.people.models import ContactMapping
from core.console import attention, columns
from core.console.actions import Action, ReasonForm
from core.console.base import ReadOnlyAdmin
from core.console.facets import ColumnFilter, ConditionFilter
from core.console.format import side_by_side
from core.console.links import NOTHING, badge, list_link, list_url, row_link
from core.field_names import field_label
from core.provider_names import kind_title, provider_title

ELSEWHERE_SHOWN = 6  # records elsewhere that a line of the list has room for


class KindFilter(ColumnFilter):
    title = ContactMapping._meta.get_field("kind").verbose_name
    parameter_name = "kind"

    def label_of(self, value: str) -> str:
        return kind_title(value)


class GoneFilter(ConditionFilter):
    title = ContactMapping._meta.get_field("gone_at").verbose_name
    parameter_name = "gone"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No")), ("asked", _("to be decided"))]

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "asked":
            return rows & ContactMapping.objects.questions()
        return rows.filter(gone_at__isnull=value == "no")


REMOVE_ID = Action(
    name="remove-id",
    label=gettext_lazy("remove this ID"),
    explanation=gettext_lazy(
        "It no longer means this person: that solves a conflict of a purchase, which is retried then. The record at the"
        " provider stays; whoever is reported under this ID next has it."
    ),
    done=ngettext_lazy("%(count)d ID was removed.", "%(count)d IDs were removed.", "count"),
    run=lambda mapping, submission: bool(mapping.delete()[0]),
    form=ReasonForm,
    in_list=False,
    deletes=True,
)


LEAVE_OUT = Action(
    name="leave-out",
    label=gettext_lazy("leave it out"),
    explanation=gettext_lazy(
        "The rest of the record is used, and these values are not. It is asked about again when others cannot be used."
    ),
    done=ngettext_lazy(
        "The values of %(count)d record are left out.", "The values of %(count)d records are left out.", "count"
    ),
    run=lambda mapping, submission: contact_changes.leave_out(mapping),
    applies_to=lambda mapping: mapping.left_out_at is not None and mapping.gone_at is None,
    form=ReasonForm,
)


@attention.source
def unusable_values() -> list[attention.Item]:
    return [
        attention.Item(
            key="unusable_values",
            label=gettext_lazy("Records with values that cannot be used"),
            rows=ContactMapping.objects.with_unusable_values(),
            occurred="left_out_at",
            action=gettext_lazy("Decide"),
            url=list_url(MAPPINGS, left_out="asked"),
            permission="accounts.view_contactmapping",
        )
    ]


class UnusableFilter(LeftOutFilter):
    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*super().lookups(request, model_admin), ("asked", _("to be decided"))]

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value == "asked":
            return rows & ContactMapping.objects.with_unusable_values()
        return super().narrowed(rows, value)


@admin.register(ContactMapping)
class ContactMappingAdmin(MappingShown, ReadOnlyAdmin):
    """A line a record; beside it stands who else the same contact is. An id of either side finds both."""

    list_display = ("remote_record", "elsewhere", "person", "since", "last_synced")
    list_filter = (ProviderFilter, KindFilter, GoneFilter, UnusableFilter)
    search_fields = ("external_id",)
    search_help_text = gettext_lazy("Beginning of an e-mail, a name or a phone number, or a whole id at any provider")
    fields = (
        ("person", "provider", "kind_shown"),
        ("external_id", "is_main", "gone", "follows"),
        "elsewhere",
        "compared",
        ("since", "last_synced"),
        "left_out_shown",
        ("remote_offers", "synced_values"),
        "see_also",
    )
    readonly_fields = (
        *("person", "gone", "elsewhere", "since", "last_synced", "left_out_shown", "remote_offers", "synced_values"),
        *("kind_shown", "follows", "compared", "see_also"),
    )

    row_actions = (REMOVE_ID, LEAVE_OUT)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ContactMapping]:
        others = ContactMapping.objects.filter(is_main=True).order_by("provider", "kind")
        found: QuerySet[ContactMapping] = super().get_queryset(request)
        return found.select_related("contact").prefetch_related(
            Prefetch("contact__mappings", queryset=others, to_attr="main_mappings")
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ContactMapping], search_term: str
    ) -> tuple[QuerySet[ContactMapping], bool]:
        term = search_term.strip()
        return (queryset.filter(contact__in=found(term)) if term else queryset), False

    @admin.display(description=gettext_lazy("remote record"))
    def remote_record(self, mapping: ContactMapping) -> str:
        marks = [badge("past", _("deleted"))] if mapping.gone_at else []
        if mapping.is_question:
            marks.append(badge("unmatched", mapping.get_deletion_display()))
        if not mapping.is_main:
            marks.append(badge("past", _("merged into the main one")))
        return format_html_join(" ", "{}", ((part,) for part in (mapping, *marks)))

    kind_shown = columns.attribute("kind", ContactMapping._meta.get_field("kind").verbose_name, show=kind_title)
    person = columns.attribute("contact", gettext_lazy("contact"), show=person_link)

    @admin.display(description=gettext_lazy("the same person elsewhere"))
    def elsewhere(self, mapping: Any) -> str:
        others = [one for one in mapping.contact.main_mappings if one.pk != mapping.pk]
        lines = [
            (f"{provider_title(one.provider)} {kind_title(one.kind)}", row_link(MAPPINGS, one.pk, one.external_id))
            for one in others[:ELSEWHERE_SHOWN]
        ]
        shown = format_html_join(SafeString("<br>"), "{} {}", lines) or NOTHING
        return format_html("{}<br>…", shown) if len(others) > ELSEWHERE_SHOWN else shown

    @admin.display(description=ContactMapping._meta.get_field("deletion").verbose_name)
    def follows(self, mapping: ContactMapping) -> str:
        shown = mapping.get_deletion_display() if mapping.gone_at else ""
        return badge("unmatched", shown) if shown and mapping.is_question else shown or NOTHING

    @admin.display(description=gettext_lazy("side by side"))
    def compared(self, mapping: Any) -> str:
        """Return the values of a deleted record beside those of the same person's records elsewhere."""
        others = [one for one in mapping.contact.main_mappings if one.kind == mapping.kind and one.pk != mapping.pk]
        if mapping.gone_at is None or not others:
            return NOTHING
        records = [mapping, *others[:ELSEWHERE_SHOWN]]
        names = sorted({name for one in records for name, value in one.last_synced_values.items() if value})
        rows = [
            (field_label(name), [shown_value(one.last_synced_values.get(name)) for one in records]) for name in names
        ]
        return side_by_side([row_link(MAPPINGS, one.pk, one) for one in records], rows)

    since = columns.moment("known_since", ContactMapping._meta.get_field("known_since").verbose_name)
    last_synced = columns.moment("reported_at", gettext_lazy("last synced"))

    @admin.display(description=gettext_lazy("see also"))
    def see_also(self, mapping: ContactMapping) -> str:
        links = (
            self.events(mapping),
            list_link(MAPPINGS, _("all records of this contact"), contact__exact=mapping.contact_id),
            list_link("admin:accounts_contactchange", _("all changes"), contact__exact=mapping.contact_id),
            list_link("admin:integrations_outgoingwrite", _("outgoing writes"), contact__exact=mapping.contact_id),
        )
        return format_html_join(SafeString(" · "), "{}", ((link,) for link in links))
