"""The page on which a reading of a provider's lists is begun by hand."""

from typing import Any

from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.models import ADDITION, LogEntry
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext as _

from accounts.staff.audit import record
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
RUNS = "admin:integrations_syncrun"


@attention.source
def lists_that_were_never_read() -> list[attention.Item]:
    """Providers whose contacts nobody has compared yet: events alone do not make old records equal."""
    waiting = [provider for provider in _readable() if runs.waits_for_a_person(provider)]
    return [
        attention.Item(
            key="never_read",
            label=gettext_lazy("Providers whose contacts were never compared"),
            count=len(waiting),
            url=reverse(f"admin:{NAME}"),
            permission="integrations.view_syncrun",
        )
    ]


@attention.source
def apis_that_are_not_set_up() -> list[attention.Item]:
    """Providers for whose API something is set that does not open it: whoever set it believes that it is on."""
    return [
        attention.Item(
            key="api_setup",
            label=gettext_lazy("Providers whose API is off, though something is set for it"),
            count=len(api_notices()),
            url=reverse(f"admin:{NAME}"),
            permission="integrations.view_syncrun",
        )
    ]


def api_notices() -> list[str]:
    """Return, for people, what is wrong with the settings of each provider's API."""
    return [text for state in setup_state.of_all() if (text := api_notice(state))]


def api_notice(state: SetupState) -> str:
    """Return what is wrong with the settings of a provider's API, "" where it is on or nothing is set for it."""
    title = state.provider.title
    if state.is_half:
        lacks = ", ".join(state.api_lacks)
        return _("The API of %(provider)s is off: %(names)s is missing.") % {"provider": title, "names": lacks}
    if state.retired is None:
        return ""
    name, instead = state.retired
    said = _("The API of %(provider)s is off: %(name)s does nothing here.") % {"provider": title, "name": name}
    return f"{said} {gettext(instead)}"


def page(request: HttpRequest) -> HttpResponse:
    """GET shows the providers that have lists; POST begins a reading of one."""
    if request.method == "POST":
        _begin(request)
        return redirect(f"admin:{NAME}")
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    context = {
        **site.each_context(request),
        "title": _("Reading providers' lists"),
        "rows": [_row(provider) for provider in _readable()],
        "notices": api_notices(),
        "may_begin": access.may(request.user, f"admin:{NAME}", "POST"),
    }
    return TemplateResponse(request, "admin/reading_lists.html", context)


def _row(provider: Provider) -> dict[str, Any]:
    newest = SyncRun.objects.filter(provider=provider.key).order_by("-pk").first()
    return {
        "provider": provider,
        "command": f"python manage.py reconcile {provider.key} --dry-run",
        "next": runs.next_kind(provider).label,
        "waits": runs.waits_for_a_person(provider),
        "newest": row_link(RUNS, newest.pk, newest) if newest else "",
        "newest_at": moment(newest.started_at) if newest else "",
        "is_open": newest is not None and newest.is_open,
    }


def _begin(request: HttpRequest) -> None:
    provider = next((one for one in _readable() if one.key == request.POST.get("provider")), None)
    if provider is None:
        return
    kind = RunKind.AUDIT if request.POST.get("kind") == RunKind.AUDIT else None
    staff: Any = request.user
    try:
        run = runs.start(provider, cause=Cause.by_staff(staff), kind=kind)
    except (runs.AlreadyOpen, Retryable, Permanent) as error:
        messages.error(request, str(error))
        return
    record("syncrun.begun", request=request, target=run)
    LogEntry.objects.create(
        user_id=staff.pk, object_repr=str(run)[:200], action_flag=ADDITION, change_message="reading begun"
    )
    messages.success(request, _("The sync has started; its page shows the progress."))


def _readable() -> list[Provider]:
    return [one for one in registry.all_providers().values() if one.pulls is not None and one.pulls.is_configured()]


tools.register(tools.Tool(name=NAME, label=gettext_lazy("Reading providers' lists"), path="reading-lists/", view=page))
