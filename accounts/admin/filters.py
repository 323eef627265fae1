"""Filters of lists about people. Their choices cost the same with ten rows and with a million."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import Contact, ContactMapping, ContactTag, Tag

TAGS_NAMED = 200  # names that the browser offers while somebody types


def providers_of(model: type[Model]) -> list[str]:
    """The providers that rows of `model` come from, by its index on them: a step a provider, never a DISTINCT."""
    found: list[str] = []
    rows = model._default_manager.order_by("provider").values_list("provider", flat=True)
    while (following := rows.filter(provider__gt=found[-1] if found else "").first()) is not None:
        found.append(following)
    return found


class ProviderFilter(SimpleListFilter):
    """For rows that come from one provider."""

    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(provider, provider) for provider in providers_of(model_admin.model)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


class AtProviderFilter(SimpleListFilter):
    """Contacts whom a provider knows."""

    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(provider, provider) for provider in providers_of(ContactMapping)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        known = ContactMapping.objects.filter(contact=OuterRef("pk"), provider=self.value())
        return queryset.filter(Exists(known)) if self.value() else queryset


class HasAccountFilter(SimpleListFilter):
    title = _("account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("has one")), ("no", _("has none"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        return queryset.filter(user__isnull=self.value() == "no") if self.value() else queryset


class TagFilter(SimpleListFilter):
    """A tag by its name, typed in: there may be thousands of them."""

    title = _("tag")
    parameter_name = "tag"
    template = "admin/typed_filter.html"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        names = Tag.objects.order_by("name").values_list("name", flat=True)[:TAGS_NAMED]
        return [(name, name) for name in names]

    def choices(self, changelist: Any) -> Any:
        """One: what the form is filled with, what it offers, and what it keeps of the page's address."""
        others = changelist.get_filters_params().items()
        yield {
            "value": self.value() or "",
            "suggestions": [name for name, _label in self.lookup_choices],
            "kept": [(name, value) for name, values in others if name != self.parameter_name for value in values],
            "query": changelist.query,
            "without": changelist.get_query_string(remove=[self.parameter_name]),
        }

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        if not self.value():
            return queryset
        has_it = ContactTag.objects.filter(tag__name=self.value(), is_present=True)
        return queryset.filter(pk__in=has_it.values("contact"))
