"""Filters of the event list. Their choices are read from indexes, never by a DISTINCT over a million rows."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.console.facets import ColumnFilter, ConditionFilter
from core.provider_names import provider_title
from integrations import registry
from integrations.inbox import questions
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


class ProviderFilter(ColumnFilter):
    title = _("provider")
    parameter_name = "provider"

    def label_of(self, value: str) -> Any:
        return provider_title(value)


class TypeFilter(ColumnFilter):
    title = _("type")
    parameter_name = "type"
    column = "event_type"


class WaitingFilter(ConditionFilter):
    """Reasons why an event is still pending."""

    title = _("waiting")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("late", _("due, but no worker came")), ("retried", _("for another attempt"))]

    def narrowed(self, rows: QuerySet[InboxEvent], value: str) -> QuerySet[InboxEvent]:
        return late(rows) if value == "late" else rows.filter(status=Status.PENDING, failures__gt=0)


class AskedFilter(ConditionFilter):
    """Filter by the question about an unmatched event."""

    title = _("question")
    parameter_name = "asks"
    _lists = {"ids": questions.about_ids, "dates": questions.about_dates, "rest": questions.about_the_rest}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("ids", _("who has an ID")), ("dates", _("a date in doubt")), ("rest", _("a plan or a person"))]

    def narrowed(self, rows: QuerySet[InboxEvent], value: str) -> QuerySet[InboxEvent]:
        return rows & self._lists[value]()
