"""Console page of Kajabi's hooks: their list, and buttons that configure all or delete one."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.staff.audit import record
from core import phrases
from core.console import tools
from core.console.links import badge
from integrations import setup_state
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.providers.kajabi.hook_states import HookOutcome, HookResult, HooksIncomplete, HookState
from integrations.providers.kajabi.hooks import KajabiHooks, missing_events
from integrations.providers.kajabi.provider import PROVIDER
from integrations.reconcile.admin.sync_page import api_notice

NAME = f"hooks_{PROVIDER.key}"
# State → the badge that shows it, and its label.
STATES = {
    HookState.CURRENT: ("active", gettext_lazy("as it should be")),
    HookState.OUTDATED: ("unmatched", gettext_lazy("ours, with an old address")),
    HookState.FOREIGN: ("foreign", gettext_lazy("somebody else's")),
}
RESULTS = {
    HookResult.CREATED: gettext_lazy("created"),
    HookResult.REPLACED: gettext_lazy("replaced"),
    HookResult.REMOVED: gettext_lazy("removed"),
}


def hooks_page(request: HttpRequest) -> HttpResponse:
    """Show the provider's hooks (GET), or run an action and redirect back (POST)."""
    if request.method == "POST":
        try:
            _run_action(request)
        except (Retryable, Permanent, ValueError) as error:
            messages.error(request, phrases.shown(str(error)))
        return redirect(f"admin:{NAME}")
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    context = {
        **site.each_context(request),
        "title": _("Hooks of %(provider)s") % {"provider": PROVIDER.title},
        "provider": PROVIDER,
        "notice": api_notice(setup_state.of(PROVIDER)),
        **_hook_rows(),
    }
    return TemplateResponse(request, "kajabi/hooks.html", context)


def _hook_rows() -> dict[str, Any]:
    try:
        hooks = KajabiHooks.from_settings().listed()
    except (Retryable, Permanent) as error:
        return {"problem": str(error)}
    rows = [{"hook": hook, "state": badge(*STATES[hook.state])} for hook in hooks]
    return {"rows": rows, "missing": missing_events(hooks)}


def _run_action(request: HttpRequest) -> None:
    hooks = KajabiHooks.from_settings()
    if "delete" in request.POST:
        hook_id = request.POST["delete"]
        if hooks.delete(hook_id):
            _log(request, DELETION, f"deleted hook {hook_id}")
            messages.success(request, _("The hook was deleted."))
        else:
            messages.warning(request, _("The hook was deleted already."))
        return
    if "configure" not in request.POST:
        return
    try:
        outcomes = hooks.configure()
    except HooksIncomplete as error:
        _report(request, list(error.outcomes))
        messages.error(
            request, _("Not all hooks could be configured: %(problem)s") % {"problem": phrases.shown(str(error))}
        )
        return
    if not _report(request, outcomes):
        messages.success(request, _("Nothing was to be done: every event has its hook."))


def _report(request: HttpRequest, outcomes: list[HookOutcome]) -> bool:
    """Show and log the changes, if any; return whether there were."""
    changed = [outcome for outcome in outcomes if outcome.result in RESULTS]
    if changed:
        _log(request, CHANGE, ", ".join(f"{outcome.event}: {outcome.result}" for outcome in changed))
        messages.success(request, ", ".join(f"{outcome.event}: {RESULTS[outcome.result]}" for outcome in changed))
    return bool(changed)


def _log(request: HttpRequest, flag: int, message: str) -> None:
    verb = "deleted" if flag == DELETION else "configured"
    record(f"hooks.{verb}", request=request, target=("hooks", PROVIDER.key), note=message)
    LogEntry.objects.create(
        user_id=cast(int, request.user.pk),
        object_repr=f"{PROVIDER.title}: hooks",
        action_flag=flag,
        change_message=message,
    )


tools.register(
    tools.Tool(
        name=NAME,
        label=format_lazy("{}: {}", PROVIDER.title, gettext_lazy("hooks")),
        path=f"hooks/{PROVIDER.key}/",
        view=hooks_page,
    )
)
