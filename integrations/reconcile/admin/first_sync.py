"""The page on which staff look at what the sync of contacts would write, and start it."""

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import site
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.people.admin.contacts import person_link
from accounts.people.models import User
from accounts.staff.audit import record
from core import phrases
from core.cause import Cause
from core.console import attention, tools
from core.console.links import badge, list_link, moment, row_link
from core.console.paging import PageByPage
from core.web import access
from integrations import registry
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.provider import Provider
from integrations.fields.names import FieldConfiguration
from integrations.inbox.admin.format import before_and_after
from integrations.outbox import enqueue, switch
from integrations.outbox.differences import differences, due
from integrations.outbox.models import FirstSync, OutgoingWrite
from integrations.outbox.models.first_sync import GUIDED
from integrations.outbox.switch import Writing
from integrations.reconcile import first_sync
from integrations.reconcile.admin.sync_page import RUNS
from integrations.reconcile.first_sync import SideFigures

NAME = "first-sync"
RECORDS = 25  # of one page of a list
_BADGES = {Writing.OFF: "past", Writing.WAITING: "pending", Writing.ON: "processed"}
_STATES = {
    Writing.OFF: gettext_lazy("off"),
    Writing.WAITING: gettext_lazy("waiting for start"),
    Writing.ON: gettext_lazy("writing"),
}
_LISTS: dict[str, tuple[Any, Callable[[str], "QuerySet[Any]"]]] = {
    "creates": (gettext_lazy("Would be created"), first_sync.creates),
    "changes": (gettext_lazy("Would be changed"), first_sync.changes),
    "opportunities": (gettext_lazy("Opportunities that would be written"), first_sync.opportunities),
    "left_out": (gettext_lazy("Left out: neither e-mail nor phone number"), first_sync.left_out),
}


@attention.source
def waiting_for_start() -> list[attention.Item]:
    """Count the contact sync that nobody started: the providers are connected, and nothing is written."""
    is_guided = len(enqueue.mirrored_providers()) > 1 and settings.CONTACT_SYNC == GUIDED
    return [
        attention.Item(
            key="first_sync",
            label=gettext_lazy("Contact sync that waits for its start"),
            expects={"start": FirstSync.objects.in_use()} if is_guided else {},
            action=gettext_lazy("Look and start"),
            url=reverse(f"admin:{NAME}"),
            permission="integrations.view_syncrun",
        )
    ]


def page(request: HttpRequest) -> HttpResponse:
    """Show what would be written (GET); read both sides, or start writing (POST)."""
    if request.method == "POST":
        (_start if request.POST.get("step") == "start" else _read)(request)
        return redirect(f"admin:{NAME}")
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    row, state, sides = first_sync.newest(), switch.state(), first_sync.figures()
    duplicates = first_sync.duplicates().count()
    is_reading = row is not None and row.status == "pending"
    context = {
        **site.each_context(request),
        "title": _("First sync"),
        "state": badge(_BADGES[state], _STATES[state]),
        "is_waiting": state is Writing.WAITING,
        "is_off": state is Writing.OFF,
        "row": row,
        "read_at": moment(row.finished_at) if row and row.finished_at else "",
        "error": phrases.shown(row.last_error) if row else "",
        "started_at": moment(row.started_at) if row and row.started_at else "",
        "is_reading": is_reading,
        "is_ready": first_sync.is_ready(row),
        "sides": [_side(side) for side in sides],
        "duplicates": duplicates,
        "duplicates_link": list_link(
            "admin:accounts_possibleduplicate", f"{_('Possible duplicates')}: {duplicates}", status__exact="open"
        ),
        "totals": first_sync.totals(sides),
        "listed": _listed(request, sides),
        "may_start": access.may(request.user, f"admin:{NAME}", "POST"),
    }
    return TemplateResponse(request, "admin/first_sync.html", context)


def _read(request: HttpRequest) -> None:
    try:
        row = first_sync.begin(cause=Cause.by_staff(cast(User, request.user)))
    except (first_sync.CannotStart, Retryable, Permanent) as error:
        messages.error(request, phrases.shown(str(error)))
        return
    record("firstsync.read", request=request, target=row)
    messages.success(request, _("Both sides are being read. Nothing is written meanwhile."))


def _start(request: HttpRequest) -> None:
    row = first_sync.newest()
    confirmed = {}
    for name in ("creates", "changes", "opportunities"):
        given = request.POST.get(name, "")
        confirmed[name] = int(given) if given.isdecimal() and len(given) < 10 else -1
    try:
        if row is None:
            raise first_sync.CannotStart("both sides must be read first")
        first_sync.start_writing(row, confirmed=confirmed, cause=Cause.by_staff(cast(User, request.user)))
    except first_sync.CannotStart as error:
        messages.error(request, phrases.shown(str(error)))
        return
    record("firstsync.started", request=request, target=row, figures=str(confirmed))
    messages.success(request, _("Writing has started; the outgoing writes show the progress."))


def _side(side: SideFigures) -> dict[str, Any]:
    run = first_sync.run_of(side.provider)
    if run is not None:
        seen = ngettext("%(count)d record read", "%(count)d records read", run.seen) % {"count": run.seen}
    key = side.provider.key
    lists = [
        {"label": label, "count": getattr(side, name), "url": f"?list={name}&provider={key}#records"}
        for name, (label, _rows) in _LISTS.items()
        if name != "opportunities" or side.provider.deals is not None
    ]
    return {
        "title": side.provider.title,
        "contacts": side.contacts,
        "lists": lists,
        "run": row_link(RUNS, run.pk, f"{side.provider.title}: {run.get_status_display()}, {seen}") if run else "",
    }


def _listed(request: HttpRequest, sides: list[SideFigures]) -> dict[str, Any] | None:
    """Return the page of the list that the request names; None where it names none."""
    name, key = request.GET.get("list", ""), request.GET.get("provider", "")
    if name not in _LISTS or key not in {side.provider.key for side in sides}:
        return None
    asked = request.GET.get("page", "1")
    number = int(asked) if asked.isdecimal() and len(asked) < 7 else 1
    label, rows = _LISTS[name]
    paginator = PageByPage(rows(key), RECORDS, page_number=max(number, 1))
    provider, fields = registry.provider(key), FieldConfiguration()
    shown = paginator.get_page(number)
    return {
        "label": label,
        "provider": provider.title,
        "records": [_record(row, provider, fields) for row in shown],
        "page": shown,
        "query": f"list={name}&provider={key}",
    }


def _record(row: Any, provider: Provider, fields: FieldConfiguration) -> dict[str, Any]:
    """Return a contact with the exact differences that a write of it would make, as far as the sides were read."""
    if not isinstance(row, OutgoingWrite):
        return {"person": person_link(row), "changes": ""}
    contact, mirror = row.contact, provider.mirror
    if contact is None or mirror is None:
        return {"person": row.external_id, "changes": ""}
    if row.policy is not None:
        policy = row_link("admin:accounts_policy", row.policy.pk, row.policy)
        return {"person": person_link(contact), "policy": policy, "changes": ""}
    mapping = contact.mappings.filter(provider=provider.key, kind=enqueue.RECORD, is_main=True).first()
    synced = mapping.last_synced_values if mapping else {}
    names = fields.names(provider.key, mirror)
    after = due(contact, names, mapping) if mapping else differences(contact, names, mapping)
    changes = {name: (synced.get(name), value) for name, value in sorted(after.items())}
    return {
        "person": person_link(contact),
        "changes": before_and_after(changes, label=provider.title) if changes else "",
    }


tools.register(tools.Tool(name=NAME, label=gettext_lazy("First sync"), path="first-sync/", view=page))
