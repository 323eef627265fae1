"""The console's page of Kajabi's hooks: what there is, a button that makes it what it should be, one to delete each."""

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
from core.console import tools
from core.console.links import badge
from integrations import setup_state
from integrations.contracts.exceptions import Permanent, Retryable
from integrations.providers.kajabi.hook_states import HookOutcome, HooksIncomplete, Result, Standing
from integrations.providers.kajabi.hooks import KajabiHooks, missing_events
from integrations.providers.kajabi.provider import PROVIDER
from integrations.reconcile.admin.sync_page import api_notice

NAME = f"hooks_{PROVIDER.key}"
# Each with the badge that shows it.
STANDINGS = {
    Standing.CURRENT: ("active", gettext_lazy("as it should be")),
    Standing.OUTDATED: ("unmatched", gettext_lazy("ours, with an old address")),
    Standing.FOREIGN: ("foreign", gettext_lazy("somebody else's")),
}
RESULTS = {
    Result.CREATED: gettext_lazy("created"),
    Result.REPLACED: gettext_lazy("replaced"),
    Result.REMOVED: gettext_lazy("removed"),
}


def hooks_page(request: HttpRequest) -> HttpResponse:
    """GET shows the provider's own list; POST does what was pressed and comes back."""
    if request.method == "POST":
        try:
            _do(request)
        except (Retryable, Permanent, ValueError) as error:
            messages.error(request, str(error))
        return redirect(f"admin:{NAME}")
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    context = {
        **site.each_context(request),
        "title": _("Hooks of %(provider)s") % {"provider": PROVIDER.title},
        "provider": PROVIDER,
        "notice": api_notice(setup_state.of(PROVIDER)),
        **_shown(),
    }
    return TemplateResponse(request, "kajabi/hooks.html", context)


def _shown() -> dict[str, Any]:
    try:
        hooks = KajabiHooks.from_settings().listed()
    except (Retryable, Permanent) as error:
        return {"problem": str(error)}
    rows = [{"hook": hook, "standing": badge(*STANDINGS[hook.standing])} for hook in hooks]
    return {"rows": rows, "missing": missing_events(hooks)}


def _do(request: HttpRequest) -> None:
    keeper = KajabiHooks.from_settings()
    if "delete" in request.POST:
        hook_id = request.POST["delete"]
        if keeper.delete(hook_id):
            _log(request, DELETION, f"deleted hook {hook_id}")
            messages.success(request, _("The hook was deleted."))
        else:
            messages.warning(request, _("The hook was deleted already."))
        return
    if "configure" not in request.POST:
        return
    try:
        outcomes = keeper.configure()
    except HooksIncomplete as error:
        _tell(request, list(error.outcomes))
        messages.error(request, _("Not all hooks could be configured: %(problem)s") % {"problem": error})
        return
    if not _tell(request, outcomes):
        messages.success(request, _("Nothing was to be done: every event has its hook."))


def _tell(request: HttpRequest, outcomes: list[HookOutcome]) -> bool:
    """Say and log what was changed, if anything was."""
    changed = [outcome for outcome in outcomes if outcome.result in RESULTS]
    if changed:
        _log(request, CHANGE, ", ".join(f"{one.event}: {one.result}" for one in changed))
        messages.success(request, ", ".join(f"{one.event}: {RESULTS[one.result]}" for one in changed))
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
