"""The page on which staff start a sync with a provider."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.models import ADDITION, LogEntry
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from accounts.staff.audit import record
from core import phrases
from core.cause import Cause
from core.console import attention, tools
from core.console.links import moment, row_link
from core.web import access
from integrations import registry, setup_state
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.contracts.provider import Provider
from integrations.contracts.pull import RunKind
from integrations.reconcile import runs
from integrations.reconcile.models import SyncRun
from integrations.setup_state import SetupState

NAME = "reading-lists"
_START = {
    RunKind.BACKFILL: gettext_lazy("Read everything for the first time"),
    RunKind.INCREMENTAL: gettext_lazy("Read recent changes"),
    RunKind.AUDIT: gettext_lazy("Compare everything"),
}
RUNS = "admin:integrations_syncrun"


@attention.source
def providers_never_synced() -> list[attention.Item]:
    """Count the providers whose contacts were never compared: events alone do not make old records equal."""
    return [
        attention.Item(
            key="never_read",
            label=gettext_lazy("Providers whose contacts were never compared"),
            expects={provider.title: runs.earlier(provider) for provider in runs.started_by_staff()},
            action=gettext_lazy("Compare"),
            url=reverse(f"admin:{NAME}"),
            permission="integrations.view_syncrun",
        )
    ]


@attention.source
def half_configured_apis() -> list[attention.Item]:
    """Count the providers whose API has settings that do not turn it on, though somebody believes that it is on."""
    notices = api_notices()
    return [
        attention.Item(
            key="api_setup",
            label=gettext_lazy("Providers whose API is off, though something is set for it"),
            count=len(notices),
            state=" ".join(notices),
            url=reverse(f"admin:{NAME}"),
            permission="integrations.view_syncrun",
        )
    ]


def api_notices() -> list[str]:
    """Return, for people, the problems with the settings of the providers' APIs."""
    return [text for state in setup_state.of_all() if (text := api_notice(state))]


def api_notice(state: SetupState) -> str:
    """Return the problem with the settings of a provider's API, "" where it is on or has none."""
    title = state.provider.title
    if state.is_half:
        missing = ", ".join(state.api_lacks)
        return _("The API of %(provider)s is off: %(names)s is missing.") % {"provider": title, "names": missing}
    if state.retired is None:
        return ""
    name, instead = state.retired
    problem = _("The API of %(provider)s is off: %(name)s does nothing here.") % {"provider": title, "name": name}
    return f"{problem} {gettext(instead)}"


def page(request: HttpRequest) -> HttpResponse:
    """Show the providers that have lists (GET); start a sync with one of them (POST)."""
    if request.method == "POST":
        _start(request)
        return redirect(f"admin:{NAME}")
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    context = {
        **site.each_context(request),
        "title": _("Compare with providers"),
        "rows": [_row(provider) for provider in _providers_with_lists()],
        "notices": api_notices(),
        "may_begin": access.may(request.user, f"admin:{NAME}", "POST"),
    }
    return TemplateResponse(request, "admin/reading_lists.html", context)


def _row(provider: Provider) -> dict[str, Any]:
    newest = SyncRun.objects.filter(provider=provider.key).order_by("-pk").first()
    kind = runs.next_kind(provider)
    return {
        "provider": provider,
        "command": f"python manage.py reconcile {provider.key} --dry-run",
        "start": _START[kind],
        "is_first": kind is RunKind.BACKFILL,
        "interval": _interval(provider),
        "needs_manual_start": runs.needs_manual_start(provider),
        "newest": row_link(RUNS, newest.pk, newest) if newest else "",
        "newest_at": moment(newest.started_at) if newest else "",
        "is_open": newest is not None and newest.is_open,
    }


def _interval(provider: Provider) -> str:
    """Return how often recent changes are read without staff, for people; "" where they are not."""
    minutes = int(getattr(settings, provider.pulls.interval_setting)) if provider.pulls else 0
    if minutes <= 0:
        return ""
    if minutes == 60:
        return _("hourly, automatically")
    return ngettext("every minute, automatically", "every %(count)d minutes, automatically", minutes) % {
        "count": minutes
    }


def _start(request: HttpRequest) -> None:
    provider = next((known for known in _providers_with_lists() if known.key == request.POST.get("provider")), None)
    if provider is None:
        return
    kind = RunKind.AUDIT if request.POST.get("kind") == RunKind.AUDIT else None
    staff: Any = request.user
    try:
        run = runs.start(provider, cause=Cause.by_staff(staff), kind=kind)
    except (runs.AlreadyOpen, Retryable, Permanent) as error:
        messages.error(request, phrases.shown(str(error)))
        return
    record("syncrun.begun", request=request, target=run)
    LogEntry.objects.create(
        user_id=staff.pk, object_repr=str(run)[:200], action_flag=ADDITION, change_message="sync started"
    )
    messages.success(request, _("The sync has started; its page shows the progress."))


def _providers_with_lists() -> list[Provider]:
    providers = registry.all_providers().values()
    return [provider for provider in providers if provider.pulls is not None and provider.is_connected()]


tools.register(tools.Tool(name=NAME, label=gettext_lazy("Compare with providers"), path="reading-lists/", view=page))
