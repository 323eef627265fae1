"""Drifts as rows: begun, counted, ended and accepted; one issue for all of a kind in the events of one type."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.mail import questions
from core.cause import Cause
from core.provider_names import provider_title
from integrations.inbox.models import InboxEvent
from integrations.issues import failed
from integrations.issues.models import Issue
from integrations.operations.drift import texts
from integrations.operations.drift.learning import Field, is_drifting
from integrations.operations.drift.paths import TooLarge, types_of
from integrations.operations.models import FieldDrift, PayloadStructure

Kind = FieldDrift.Kind
MOST_NAMED = 10  # fields in one mail
MOST_ENDED = 5  # ended drifts of one field
PAGE = "/admin/integrations/issue/"
_SCALARS = ("text", "number", "boolean")


def follow(structures: Sequence[PayloadStructure]) -> None:
    """Make the rows say what the structures say, count on the issues, and notify staff of those that open.

    In the transaction that stores the structures.
    """
    opened: dict[int, Issue] = {}
    rows = FieldDrift.objects.filter(structure__in=structures, ended_at=None)
    known = {(row.structure_id, row.path): row for row in rows}
    for structure in structures:
        for path, field in sorted(structure.fields.items()):
            if is_drifting(field):
                row = known.pop((structure.pk, path), None)
                if issue := _count(structure, path, field, row):
                    opened[issue.pk] = issue
    last_seen = {structure.pk: structure.last_seen_at for structure in structures}
    for row in known.values():
        row.ended_at = last_seen[row.structure_id]
        row.save(update_fields=["ended_at"])
    for issue in opened.values():
        _notify(issue)


def of_issue(issue: Issue) -> list[FieldDrift]:
    """Return the drifts of an issue, those of now first."""
    rows = FieldDrift.objects.filter(issue=issue).select_related("structure")
    return sorted(rows, key=lambda row: (row.ended_at is not None, -row.since.timestamp(), row.path))


def accept(issue: Issue, *, cause: Cause) -> bool:
    """Take the structure of now for the right one: the fields of an issue are learnt anew, and it is resolved.

    False where nothing of it drifts any more.
    """
    with transaction.atomic():
        held = FieldDrift.objects.filter(issue=issue, ended_at=None).values("structure")
        structures = PayloadStructure.objects.select_for_update().filter(pk__in=held).order_by("pk")
        by_key = {structure.pk: structure for structure in structures}
        rows = list(FieldDrift.objects.filter(issue=issue, ended_at=None, structure__in=by_key))
        for row in rows:
            by_key[row.structure_id].fields.pop(row.path, None)
        for structure in by_key.values():
            structure.save(update_fields=["fields"])
        keys = [row.pk for row in rows]
        FieldDrift.objects.filter(pk__in=keys).update(ended_at=timezone.now(), is_accepted=True)
        if rows:
            failed.decide(issue, Issue.Status.RESOLVED, cause=cause)
    return bool(rows)


def _count(structure: PayloadStructure, path: str, field: Field, row: FieldDrift | None) -> Issue | None:
    """Store a drift as it is now and count its new events; return its issue where that opens."""
    odd = field["odd"]
    kind, place, now = (row.kind, row.place, row.now) if row else _now(path, field)
    more = odd["lost"] - (row.lost if row else 0)
    issue, is_new, is_back = None, False, False
    if more:
        issue, is_new, is_back = failed.count(
            provider=structure.provider,
            kind=Issue.Kind.DRIFT,
            event_type=structure.event_type,
            cause=texts.CAUSES[Kind(kind)],
            number=more,
        )
    if row is None:
        row = FieldDrift(structure=structure, issue=issue, path=path, kind=kind, place=place, now=now)
        row.before = ", ".join(sorted(field["types"]))[:60]
        row.events_before = field["seen"]
        row.since = datetime.fromisoformat(odd["since"])
        ended = FieldDrift.objects.filter(structure=structure, path=path).order_by("-pk").values_list("pk", flat=True)
        FieldDrift.objects.filter(pk__in=list(ended[MOST_ENDED - 1 :])).delete()
        row.event = InboxEvent.objects.filter(pk=odd["event"]).only("pk").first()
    row.lost, row.of = odd["lost"], odd["of"]
    row.save()
    return issue if is_new or is_back else None


def _now(path: str, field: Field) -> tuple[str, str, str]:
    """Return the kind of a drift, the path under which the value seems to stand now, and the type there."""
    if kind := field["odd"]["kind"]:
        return Kind.TYPE, "", kind
    types, before = _types(field["odd"]["newest"]), _types(field["event"])
    parents = [path.rsplit(".", up)[0] for up in range(1, path.count(".") + 1)]
    for parent in parents:  # an object that is a text now has lost all that was in it
        if types.get(parent) in _SCALARS:
            return Kind.TYPE, parent, types[parent]
    place = _place(path, field, [one for one in types if one not in before], types)
    return (Kind.MOVED, place, types[place]) if place else (Kind.MISSING, "", "")


def _place(path: str, field: Field, new: Iterable[str], types: Mapping[str, str]) -> str:
    """Return the one new path that has the name of the lost field, else the one that stands beside it; "" for none."""
    likely = [one for one in new if types[one] in field["types"]]
    parent, _dot, name = path.rpartition(".")
    same_name = [one for one in likely if _loose(one.rpartition(".")[2]) == _loose(name)]
    beside = [one for one in likely if one.rpartition(".")[0] == parent]
    return next((found[0] for found in (same_name, beside) if len(found) == 1), "")


def _loose(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _types(event_id: int) -> dict[str, str]:
    payload: Any = InboxEvent.objects.filter(pk=event_id).values_list("payload", flat=True).first()
    try:
        return {".".join(path): kind for path, kind in types_of(payload or {}).items()}
    except TooLarge:
        return {}


def _notify(issue: Issue) -> None:
    rows = [row for row in of_issue(issue) if row.ended_at is None]
    questions.ask(
        "drift",
        key=f"drift:{issue.pk}:{issue.changes}",
        provider=provider_title(issue.provider),
        details=lambda: texts.sentences(issue, rows[:MOST_NAMED]),
        admin_path=f"{PAGE}{issue.pk}/change/",
        list_path=f"{PAGE}?kind__exact={Issue.Kind.DRIFT}",
    )
