"""Decisions of *Review*, as the audit log has them: who decided a question, and the page of the last ones."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.staff.models import AuditEntry
from core.console import review
from core.console.links import moment, row_link
from core.console.names import visible_names
from core.console.review import Decision, Kind

SHOWN = 20


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the last decisions, everybody's to those who may see the audit log, and what takes them back."""
    seen = [kind for kind in review.kinds() if request.user.has_perm(kind.permission)]
    codes = {_code(kind, one): (kind, one) for kind in seen for one in kind.decisions}
    entries = AuditEntry.objects.filter(action__in=codes, outcome=AuditEntry.Outcome.DONE)
    if not request.user.has_perm("accounts.view_auditentry"):
        entries = entries.filter(actor_id=request.user.pk)
    lines = [(entry, *codes[entry.action]) for entry in entries.select_related("actor").order_by("-pk")[:SHOWN]]
    rows = _rows(lines)
    names = visible_names(request, {(entry.target_type, entry.target_id) for entry, _kind, _decision in lines})
    shown = [
        _taken(
            request,
            *line,
            row=rows.get((line[1].key, line[0].target_id)),
            name=names.get((line[0].target_type, line[0].target_id), ""),
        )
        for line in lines
    ]
    context = {**site.each_context(request), "title": _("Last decisions"), "lines": shown}
    return TemplateResponse(request, "admin/review_decided.html", context)


def past(kind: Kind, key: int) -> str:
    """Return the message about a question that is not open any more."""
    entries = AuditEntry.objects.filter(target_id=str(key), target_type=kind.model._meta.label_lower)
    codes = [_code(kind, one) for one in kind.decisions]
    last = entries.filter(action__in=codes, outcome=AuditEntry.Outcome.DONE).select_related("actor").last()
    if last is None or last.actor is None:
        return _("This question needs no decision any more. Here is the next one.")
    return _("%(staff)s decided this meanwhile. Here is the next one.") % {"staff": last.actor}


def _code(kind: Kind, decision: Decision) -> str:
    """Return the code under which the audit log has a decision."""
    pages: Any = site.get_model_admin(kind.model)
    return str(pages.audit_code(decision.action))


def _rows(lines: Sequence[tuple[AuditEntry, Kind, Decision]]) -> dict[tuple[str, str], Any]:
    """Return the rows of decisions that something takes back, by kind and key, each `about` somebody."""
    keys: dict[str, set[str]] = {}
    kinds = {kind.key: kind for _entry, kind, one in lines if one.undo_by}
    for entry, kind, one in lines:
        if one.undo_by:
            keys.setdefault(kind.key, set()).add(entry.target_id)
    return {
        (key, str(row.pk)): row
        for key, kind in kinds.items()
        for row in kind.model._base_manager.filter(pk__in=keys[key]).annotate(about=kind.about_expression)
    }


def _taken(
    request: HttpRequest, entry: AuditEntry, kind: Kind, decision: Decision, *, row: Any, name: str
) -> Mapping[str, Any]:
    """Return a decision of before; its buttons are those that take it back, as far as they apply to the row now."""
    pages: Any = site.get_model_admin(kind.model)
    back = reverse("admin:review_decided")
    about = getattr(row, "about", "") or f"{kind.model._meta.verbose_name} {name or entry.target_id}"
    return {
        "at": moment(entry.recorded_at),
        "staff": entry.actor,
        "kind": capfirst(kind.model._meta.verbose_name),
        "label": capfirst(pages.action_named(decision.action).label),
        "row": row_link(pages_of(kind), entry.target_id, about),
        "reason": ((entry.facts or {}).get("answers") or {}).get("reason", ""),
        "undo": decision.undo,
        "buttons": pages.buttons(request, row, back=back, only=decision.undo_by) if row is not None else [],
    }


def pages_of(kind: Kind) -> str:
    return f"admin:{kind.model._meta.app_label}_{kind.model._meta.model_name}"
