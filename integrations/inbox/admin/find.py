"""The search of the event list: by what identifies an event, and by what it contains."""

from django.db.models import Q
from django.http import HttpRequest

from core.prefix import at_most
from core.text import InvalidAddress, normalise_email
from integrations import registry
from integrations.inbox import body_search
from integrations.inbox.models import InboxEvent

SEARCH_LIMIT = 1000  # events of one search


def found(request: HttpRequest, term: str) -> body_search.Found:
    """Find events by what identifies them and by what they contain, once for a request."""
    if getattr(request, "_found_events", ("",))[0] != term:
        contain = body_search.find(term, limit=SEARCH_LIMIT)
        both = body_search.Found(keys=contain.keys | _matching_keys(term), notes=contain.notes)
        request._found_events = (term, both)  # type: ignore[attr-defined]
    return request._found_events[1]  # type: ignore[attr-defined]


def _matching_keys(term: str) -> set[int]:
    """Return the keys of events by an e-mail, a remote id, their key or our number; each by its index."""
    try:
        email = normalise_email(term)
    except InvalidAddress:
        email = term
    own = [Q(external_id=term), Q(provider__in=list(registry.all_providers()), key=term), Q(person_email=email)]
    if term.isdecimal() and len(term) < 19:
        own.append(Q(pk=int(term)))
    ways = [at_most(InboxEvent.objects.filter(one).order_by(), SEARCH_LIMIT).values_list("pk") for one in own]
    return {key for (key,) in ways[0].union(*ways[1:])}
