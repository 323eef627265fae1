"""Filters of the event list. Their choices come from the code, never from a DISTINCT over a million rows."""

from datetime import timedelta
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations import registry
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status

LATE_AFTER = timedelta(minutes=2)


def known_types() -> list[str]:
    """Return every event type that a provider's manifest names, handled or ignored on purpose."""
    providers = registry.all_providers().values()
    return sorted({name for provider in providers for name in (*provider.handled, *provider.ignored)})


def late(events: QuerySet[Any]) -> QuerySet[Any]:
    """Return those that have been due for a while and no worker took: the problem is the workers'."""
    return events.filter(status=Status.PENDING, next_attempt_at__lt=timezone.now() - LATE_AFTER)


class ProviderFilter(SimpleListFilter):
    title = _("provider")
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(provider.key, provider.title) for provider in registry.all_providers().values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InboxEvent]) -> QuerySet[InboxEvent]:
        return queryset.filter(provider=self.value()) if self.value() else queryset


class WrittenProviderFilter(ProviderFilter):
    """Providers that we write to."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (provider.key, provider.title)
            for provider in registry.all_providers().values()
            if provider.mirror or provider.deals
        ]


class TypeFilter(SimpleListFilter):
    title = _("type")
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in known_types()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InboxEvent]) -> QuerySet[InboxEvent]:
        return queryset.filter(event_type=self.value()) if self.value() else queryset


class WaitingFilter(SimpleListFilter):
    """Reasons why an event is still pending."""

    title = _("waiting")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("late", _("due, but no worker came")), ("retried", _("for another attempt"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[InboxEvent]) -> QuerySet[InboxEvent]:
        if self.value() == "late":
            return late(queryset)
        if self.value() == "retried":
            return queryset.filter(status=Status.PENDING, failures__gt=0)
        return queryset
