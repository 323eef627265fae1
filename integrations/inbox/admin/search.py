"""Events in the console's search."""

from collections.abc import Iterator
from typing import Any

from django.db.models import BooleanField, Q, QuerySet, Value
from django.utils.translation import gettext as _

from core.console import search
from core.console.links import EVENTS, list_url, row_url
from core.console.search import READ, Group, Hit
from core.prefix import at_most, begins_with
from core.provider_names import provider_title
from integrations import registry
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status


@search.source(order=3)
def events(text: str, user: Any) -> Iterator[Group]:
    """Find events by their own id, key or number, and by the beginning of the person's address. In one query."""
    if not user.has_perm("integrations.view_inboxevent"):
        return
    own = [Q(external_id=text), Q(provider__in=list(registry.all_providers()), key=text)]
    if text.isdecimal() and len(text) < 19:
        own.append(Q(pk=int(text)))
    rows = InboxEvent.objects.order_by()
    ways = [_columns(rows.filter(match), is_exact=True) for match in own]
    if "@" in text:
        theirs = rows.filter(person_email=text.lower()).order_by("-pk")
        begun = rows.filter(begins_with("person_email", text.lower()))
        ways += [_columns(theirs, is_exact=False), _columns(begun, is_exact=False)]
    found = {row[0]: row for row in sorted(ways[0].union(*ways[1:], all=True), key=lambda row: (row[-1], row[0]))}
    yield Group(label=_("Events"), hits=[_hit(*row) for row in reversed(found.values())], url=list_url(EVENTS, q=text))


def _columns(rows: QuerySet[InboxEvent], *, is_exact: bool) -> Any:
    found = at_most(rows, READ).annotate(exact=Value(is_exact, BooleanField()))
    return found.values_list("pk", "provider", "event_type", "status", "received_at", "person_email", "exact")


def _hit(key: int, provider: str, event_type: str, status: str, received_at: Any, email: str, is_exact: bool) -> Hit:
    detail = " · ".join(str(part) for part in (Status(status).label, email) if part)
    title = f"{provider_title(provider)} {event_type or '?'} #{key}"
    return Hit(url=row_url(EVENTS, key), title=title, detail=detail, at=received_at, is_exact=is_exact)
