"""Sentences about drift, in the reader's language."""

from collections.abc import Sequence

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.phrases import Phrase
from core.provider_names import provider_title
from integrations.issues.models import Issue
from integrations.operations.models import FieldDrift

Kind = FieldDrift.Kind
# As issues store them; the console shows them in the reader's language.
CAUSES = {
    Kind.MISSING: Phrase.worded("fields are missing", Kind.MISSING.label)(),
    Kind.MOVED: Phrase.worded("fields have another name or place", Kind.MOVED.label)(),
    Kind.TYPE: Phrase.worded("fields have another type", Kind.TYPE.label)(),
}
TYPES = {
    "text": gettext_lazy("a text"),
    "number": gettext_lazy("a number"),
    "boolean": gettext_lazy("yes or no"),
    "list": gettext_lazy("a list"),
    "object": gettext_lazy("a group of fields"),
}


def sentences(issue: Issue, rows: Sequence[FieldDrift]) -> list[str]:
    """Return a sentence for each changed field."""
    return [f"{provider_title(issue.provider)}: {issue.type}: {sentence(row)}" for row in rows]


def sentence(row: FieldDrift) -> str:
    """Return what became of a field, since when, in how many events, and what it was before."""
    since = timezone.localtime(row.since, timezone.get_default_timezone())
    named = {
        "field": row.path,
        "place": row.place,
        "now": typed(row.now),
        "since": date_format(since, "MONTH_DAY_FORMAT"),
        "lost": row.lost,
        "of": row.of,
        "before": typed(row.before),
        "event": row.event_id or 0,
    }
    if row.kind == Kind.TYPE and not row.place:
        sentences = [_("the field %(field)s is %(now)s since %(since)s, in %(lost)d of the last %(of)d events.")]
    else:
        sentences = [_("the field %(field)s is missing since %(since)s, in %(lost)d of the last %(of)d events.")]
        if row.place:
            sentences.append(_("%(place)s is %(now)s.") if row.kind == Kind.TYPE else _("%(place)s is new."))
    if row.event_id:
        sentences.append(_("Example: event %(event)d."))
    before = ngettext(
        "It was %(before)s in %(count)d event before.", "It was %(before)s in %(count)d events before.",
        row.events_before,
    )  # fmt: skip
    sentences.append(before)
    return " ".join(sentences) % {**named, "count": row.events_before}


def typed(names: str) -> str:
    """Return the words for JSON types: "a text or a number"; "" for none."""
    return _(" or ").join(str(TYPES.get(name, name)) for name in names.split(", ") if name)


def now(row: FieldDrift) -> str:
    """Return what stands there now, in a few words."""
    if row.ended_at is not None:
        return _("accepted as right") if row.is_accepted else _("as before")
    if row.kind == Kind.TYPE:
        return f"{row.place}: {typed(row.now)}" if row.place else typed(row.now)
    return _("missing; %(place)s is new") % {"place": row.place} if row.kind == Kind.MOVED else _("missing")
