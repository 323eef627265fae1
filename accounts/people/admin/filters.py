"""Filters of lists about people. Their choices cost the same with ten rows and with a million."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.people.models import Contact, ContactMapping, ContactTag, Tag
from core.console.counting import Column, Source
from core.console.facets import ColumnFilter, ConditionFilter
from core.provider_names import provider_title

TAGS_NAMED = 200  # names that the browser offers while somebody types


class TypedFilter(SimpleListFilter):
    """A filter whose value is typed in: there may be too many to list them. `lookups` are what the browser offers."""

    template = "admin/typed_filter.html"

    def suggestions(self) -> list[tuple[str, Any]]:
        """Return what the browser offers, each with what it says beside it."""
        return [(name, "") for name, _label in self.lookup_choices]

    def choices(self, changelist: Any) -> Any:
        """Yield one: the form's value, its options, and the other parameters of the page's address."""
        others = changelist.get_filters_params().items()
        yield {
            "value": self.value() or "",
            "suggestions": self.suggestions(),
            "kept": [(name, value) for name, values in others if name != self.parameter_name for value in values],
            "query": changelist.query,
            "without": changelist.get_query_string(remove=[self.parameter_name]),
        }


class ProviderFilter(ColumnFilter):
    """For rows that come from one provider."""

    title = _("provider")
    parameter_name = "provider"

    def label_of(self, value: str) -> Any:
        return provider_title(value)


class AtProviderFilter(ProviderFilter):
    """Contacts whom a provider knows."""

    def source(self, model: type[Model]) -> Source:
        return Column(model=ContactMapping, name="provider", of="contact_id")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        known = ContactMapping.objects.filter(contact=OuterRef("pk"), provider=self.value())
        return queryset.filter(Exists(known)) if self.value() else queryset


class HasAccountFilter(ConditionFilter):
    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("has one")), ("no", _("has none"))]

    def narrowed(self, rows: QuerySet[Contact], value: str) -> QuerySet[Contact]:
        return rows.filter(user__isnull=value == "no")


class TagFilter(TypedFilter):
    """A tag by its name."""

    title = _("tag")
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = Tag.objects.order_by("name").values_list("name", flat=True)[:TAGS_NAMED]
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        if not self.value():
            return queryset
        has_it = ContactTag.objects.filter(tag__name=self.value(), is_present=True)
        return queryset.filter(pk__in=has_it.values("contact"))
