"""The page on which staff see what processing events again would change, and start it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.people.models import User
from accounts.staff.audit import record
from core import phrases
from core.cause import Cause
from core.console.links import EVENTS, back_of, badge, row_link, row_url
from core.web import access
from integrations.inbox import process
from integrations.inbox.models import InboxEvent
from integrations.inbox.models.event import Status
from integrations.inbox.replays import actions, plan, summary
from integrations.inbox.replays.criteria import MOST_IDS, Criteria, CriteriaForm

NAME = f"{EVENTS}_replay"
REPLAYS = "admin:integrations_replay"
_FILTERS = {
    "provider": "provider",
    "type": "type",
    "status__exact": "status",
    "received_at__gte": "since",
    "received_at__lt": "until",
}
_NO_ADDRESS = {"=", '"'}  # a search for contents has these
NAMED = 50  # events whose changes are shown one by one


class StartForm(forms.Form):
    """The button's answers: how fast, and the plan that it stands under."""

    pace = forms.IntegerField(
        label=gettext_lazy("Events a minute"), min_value=1, max_value=actions.FASTEST, initial=actions.PACE
    )
    key = forms.UUIDField(widget=forms.HiddenInput)


def url_of(filters: dict[str, str]) -> str:
    """Return the address of the plan of a filter."""
    return reverse(NAME, query=filters)


def filters_of(listed: Mapping[str, str], *, keys_of: Callable[[str], Iterable[int]]) -> dict[str, str] | None:
    """Return the filter of a list of events by the parameters in its address; None where a filter here has no such.

    `keys_of` returns the keys of the events that a search finds.
    """
    filters: dict[str, str] = {}
    for name, value in listed.items():
        if name == SEARCH_VAR and "@" in value and not set(value) & _NO_ADDRESS:
            filters["person"] = value.strip()
        elif name == SEARCH_VAR and value.strip():
            keys = sorted(keys_of(value.strip()))
            if len(keys) > MOST_IDS:
                return None
            filters["ids"] = ",".join(map(str, keys))
        elif name in _FILTERS and value:
            filters[_FILTERS[name]] = value
        elif name not in (SEARCH_VAR, PAGE_VAR, ORDER_VAR) and value:
            return None
    return filters if all(filters.values()) else None


def page(request: HttpRequest) -> HttpResponse:
    """Show the plan of a filter (GET), or start processing its events again (POST)."""
    asked = CriteriaForm(request.GET or None)
    if request.GET and asked.is_valid():
        return _start(request, asked.criteria) if request.method == "POST" else _planned(request, asked.criteria)
    return _shown(request, asked, {})


def _start(request: HttpRequest, criteria: Criteria) -> HttpResponse:
    if not access.may(request.user, NAME, "POST"):
        raise PermissionDenied
    form = StartForm(request.POST)
    if not form.is_valid():
        return _planned(request, criteria, start=form)
    if len(criteria.ids) == 1:
        return _start_one(request, criteria)
    try:
        replay, is_new = actions.start(
            criteria,
            cause=Cause.by_staff(cast(User, request.user)),
            pace=form.cleaned_data["pace"],
            key=form.cleaned_data["key"],
        )
    except actions.NothingToReplay:
        messages.warning(request, _("No event of this filter can be processed again."))
        return redirect(request.get_full_path())
    if is_new:
        record("replay.apply", request=request, target=replay, filter=criteria.stated, events=replay.total)
    return redirect(f"{REPLAYS}_change", replay.pk)


def _start_one(request: HttpRequest, criteria: Criteria) -> HttpResponse:
    """Process one event again: it needs no pace, and its own page shows what comes of it."""
    events = list(criteria.events())
    if count := process.retry(events):
        record("replay.apply", request=request, target=events[0], filter=criteria.stated, events=count)
        user = cast(User, request.user)
        LogEntry.objects.log_actions(user.pk, events, CHANGE, change_message="replay", single_object=True)
        text = ngettext("%(count)d event was queued again.", "%(count)d events were queued again.", count)
        messages.success(request, text % {"count": count})
    else:
        messages.warning(request, _("No event of this filter can be processed again."))
    return redirect(back_of(request) or row_url(EVENTS, criteria.ids[0]))


def _planned(request: HttpRequest, criteria: Criteria, start: StartForm | None = None) -> HttpResponse:
    events = criteria.events()
    keys = list(events.values_list("pk", flat=True)[: plan.MOST])
    total = events.count() if len(keys) == plan.MOST else len(keys)
    found, is_one = plan.plan(keys), len(criteria.ids) == 1
    record("replay.plan", request=request, filter=criteria.stated, events=total)
    context = {
        **(_of_one(request, criteria) if is_one else {"criteria": criteria.shown}),
        "plan": found,
        "total": total,
        "planned": len(found.events),
        "left_alone": criteria.matching().count() - total,
        "summary": summary.of_plan(found),
        "events": [_event(one) for one in found.events[:NAMED]],
        "further": max(len(found.events) - NAMED, 0),
        "is_one": is_one,
        "start": start or StartForm(initial={"key": uuid4(), "pace": actions.PACE}),
        "may_start": access.may(request.user, NAME, "POST"),
    }
    return _shown(request, CriteriaForm(initial=criteria.stated), context)


def _of_one(request: HttpRequest, criteria: Criteria) -> dict[str, str]:
    """Return what the plan of one event says otherwise: its own line names it, and the way back is its page."""
    back = back_of(request) or row_url(EVENTS, criteria.ids[0])
    return {"title": _("Process this event again"), "back": back}


def _event(one: plan.PlannedEvent) -> dict[str, Any]:
    event = one.event
    return {
        "link": row_link(EVENTS, event.pk, event),
        "person": event.person_email,
        "before": badge(event.status, Status(event.status).label),
        "after": badge(one.status, Status(one.status).label),
        "reason": phrases.shown(one.reason),
        "lines": summary.of_event(one),
    }


def _shown(request: HttpRequest, form: CriteriaForm, context: dict[str, Any]) -> HttpResponse:
    whole = {
        **site.each_context(request),
        "title": _("Replay events"),
        "opts": InboxEvent._meta,
        "form": form,
        "list": reverse(f"{EVENTS}_changelist"),
        "back": back_of(request),
        **context,
    }
    return TemplateResponse(request, "admin/replay_plan.html", whole, status=422 if form.errors else 200)
