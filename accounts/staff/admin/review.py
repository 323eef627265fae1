"""The page *Review*: one list of questions to staff, each with its sides, a suggestion and the decisions."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from accounts.staff.admin import decisions
from accounts.staff.admin.decisions import pages_of
from core.console import review, tools
from core.console.format import side_by_side
from core.console.links import BACK, back_of, row_url
from core.console.list_actions import skipped_message
from core.console.review import Entry, Kind, Question, Queue

NAME = "review"
Place = tuple[int, int]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the first open question of all, or of the kind in the address."""
    asked = _asked(request)
    queue = review.read(request.user, kind=asked, after=_place(request))
    for entry in queue.entries:
        row = entry.kind.open_row(entry.key)
        if row is not None:  # else it was decided since the list was read
            return _show(request, queue, asked, entry.kind, row)
    return _show(request, queue, asked, None, None)


@require_safe
def question(request: HttpRequest, kind: str, key: int) -> HttpResponse:
    """Show one question; where it is decided by now, say so and go on."""
    found = _kind(request, kind)
    row = found.open_row(key)
    if row is None:
        return _go_on(request, found, key)
    asked = _asked(request)
    return _show(request, review.read(request.user, kind=asked, after=_place(request)), asked, found, row)


def decide(request: HttpRequest, kind: str, key: int, action: str) -> HttpResponse:
    """Run a decision, which is an action of the row's pages (POST), and go on to the next question."""
    found = _kind(request, kind)
    if all(one.action != action for one in found.decisions):
        raise Http404
    if request.method != "POST":
        return redirect("admin:review_question", kind, key)
    pages: Any = site.get_model_admin(found.model)
    chosen = pages.action_named(action)
    if not pages.may_run(request, chosen):
        raise PermissionDenied
    row = found.open_row(key)
    if row is None:
        return _go_on(request, found, key)

    def left(count: int) -> str:
        return skipped_message(count) if found.open_row(key) else decisions.past(found, key)

    shown: HttpResponse | None = pages.run_action(request, chosen, [row], left=left)
    return shown or redirect(_next(request, found))


def urls(guard: Any) -> list[URLPattern]:
    """Return the addresses beneath that of the page, each view guarded."""
    return [
        path("review/decided/", guard(decisions.page), name="review_decided"),
        path("review/<slug:kind>/<int:key>/", guard(question), name="review_question"),
        path("review/<slug:kind>/<int:key>/<slug:action>/", guard(decide), name="review_decide"),
    ]


tools.register(tools.Tool(name=NAME, label=gettext_lazy("Review"), path="review/", view=page))


# The address ----------------------------------------------------------------------------------------------------------


def _kind(request: HttpRequest, key: str) -> Kind:
    """Return the kind of this key. Raises Http404 where there is none that the user may see."""
    kind = review.kind_for(key, request.user)
    if kind is None:
        raise Http404
    return kind


def _asked(request: HttpRequest) -> Kind | None:
    """Return the kind to which the list is limited, None for all."""
    return review.kind_for(request.GET.get("kind", ""), request.user)


def _place(request: HttpRequest) -> Place | None:
    """Return the place after which the list begins; None for its beginning."""
    part, _dot, key = request.GET.get("after", "").partition(".")
    is_place = part.isdecimal() and key.isdecimal() and len(part) < 4 and len(key) < 19
    return (int(part), int(key)) if is_place else None


def _query(request: HttpRequest) -> dict[str, str]:
    """Return the part of the address that says which list it is."""
    return {name: request.GET[name] for name in ("kind", "after", "keys") if request.GET.get(name)}


def _next(request: HttpRequest, kind: Kind) -> str:
    return back_of(request) or reverse("admin:review", query={"kind": kind.key})


def _go_on(request: HttpRequest, kind: Kind, key: int) -> HttpResponse:
    messages.info(request, format_html("{}", decisions.past(kind, key)))
    return redirect(_next(request, kind))


# What is shown --------------------------------------------------------------------------------------------------------


def _show(request: HttpRequest, queue: Queue, asked: Kind | None, kind: Kind | None, row: Any) -> HttpResponse:
    query = _query(request)
    entries = [{"entry": one, "url": _url(one, query), "is_here": _is(one, kind, row)} for one in queue.entries]
    before, after = _neighbours(entries)
    further_url = ""
    if queue.has_more:
        further_url = _list_url({**query, "after": "{}.{}".format(*queue.entries[-1].place)})
    after = after or further_url
    kept = {"keys": query["keys"]} if "keys" in query else {}  # of every list
    first_url = _list_url(kept | ({"kind": asked.key} if asked else {}))
    context = {
        **site.each_context(request),
        "title": _("Review"),
        "asked": asked,
        "kinds": [
            {
                "label": one.kind.label,
                "shown": one.shown,
                "key": one.kind.key,
                "url": _list_url({**kept, "kind": one.kind.key}),
                "is_here": one.kind is asked,
            }
            for one in queue.counts
        ],
        "all_url": _list_url(kept),
        "has_keys": not kept,
        "keys_url": _with_keys(request, off=not kept),
        "entries": entries,
        "further_url": further_url,
        "first_url": first_url if "after" in query else "",
        "before_url": before,
        "after_url": after,
    }
    if kind is not None:
        context |= _asked_of(request, kind, row, back_of(request) or after or first_url)
    return TemplateResponse(request, "admin/review.html", context)


def _asked_of(request: HttpRequest, kind: Kind, row: Any, following: str) -> dict[str, Any]:
    """Return what the page shows of one question; after a decision it goes on to `following`."""
    shown = kind.show(row)
    pages: Any = site.get_model_admin(kind.model)
    suggested = shown.suggestion and pages.action_named(shown.suggestion.action)
    return {
        "question": shown,
        "compared": side_by_side(shown.heads, shown.lines) if shown.lines else "",
        "suggested": capfirst(suggested.label) if suggested else "",
        "decisions": _decisions(request, kind, row, shown, following),
        "row_url": row_url(pages_of(kind), row.pk),
        "list_url": kind.url(),
    }


def _decisions(
    request: HttpRequest, kind: Kind, row: Any, shown: Question, following: str
) -> Sequence[Mapping[str, Any]]:
    """Return the decisions that apply and that the user may make, each with its form."""
    pages: Any = site.get_model_admin(kind.model)
    chosen = request.GET.get("choose", "")
    found = []
    for decision in kind.decisions:
        action = pages.action_named(decision.action)
        if not (pages.may_run(request, action, row) and action.applies_to(row)):
            continue
        suggestion = shown.suggestion if shown.suggestion and shown.suggestion.action == decision.action else None
        answers = {**suggestion.answers} if suggestion else {}
        if chosen == action.name:  # a link of the page that fills in the form
            answers |= request.GET.dict()
        address = reverse("admin:review_decide", args=[kind.key, row.pk, action.name], query={BACK: following})
        found.append(
            {
                "action": action,
                "label": capfirst(action.label),
                "key": decision.key,
                "undo": decision.undo,
                "rule": shown.rules.get(action.name),
                "form": review.form_of(action, row, answers),
                "url": address,
                "is_open": chosen == action.name if chosen else suggestion is not None,
            }
        )
    return found


def _list_url(query: Mapping[str, str]) -> str:
    return reverse("admin:review", query=query or None)


def _with_keys(request: HttpRequest, *, off: bool) -> str:
    """Return the address of this page with its keys turned on or off: they may be those of a reader's own software."""
    query = {name: value for name, value in _query(request).items() if name != "keys"} | (
        {"keys": "off"} if off else {}
    )
    return f"{request.path}?{urlencode(query)}"


def _url(entry: Entry, query: Mapping[str, str]) -> str:
    return reverse("admin:review_question", args=[entry.kind.key, entry.key], query=query or None)


def _is(entry: Entry, kind: Kind | None, row: Any) -> bool:
    return kind is not None and (entry.kind.key, entry.key) == (kind.key, row.pk)


def _neighbours(entries: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Return the addresses of the questions before and after the one that is shown, "" for none."""
    here = next((place for place, one in enumerate(entries) if one["is_here"]), None)
    if here is None:
        return "", entries[0]["url"] if entries else ""
    return (
        entries[here - 1]["url"] if here else "",
        entries[here + 1]["url"] if here + 1 < len(entries) else "",
    )
