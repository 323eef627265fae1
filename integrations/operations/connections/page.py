"""Page *Connections*: a card for each provider, with what to paste where, what is missing, and buttons to try it.

Secrets are masked for everybody. Who may change connections may have one that is pasted at a sender shown or copied,
which the audit log names.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin import site
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.staff.audit import record
from core.console import tools
from core.console.links import badge, list_url
from core.web import access, limits
from integrations import registry
from integrations.contracts.provider import Endpoint, Provider
from integrations.operations.connections import configured, probing, trial_event
from integrations.operations.connections.guided import Guided, guided
from integrations.operations.connections.next_step import HEALTHS, Health, Step, health_of, steps_of
from integrations.operations.connections.state import Connection, hooks_page, of_all

NAME = "connections"
TRIES = 6  # calls of a provider, and test events, a minute and provider
_BADGES = {Health.NOT_USED: "past", Health.BROKEN: "failed", Health.UNFINISHED: "open", Health.WELL: "done"}
_WINDOWS = {"10s": gettext_lazy("in ten seconds"), "day": gettext_lazy("today")}


def connections_page(request: HttpRequest) -> HttpResponse:
    """Show every connection (GET); test one, send it a test event, or show a secret of it (POST)."""
    if request.method == "POST":
        provider = registry.all_providers().get(request.POST.get("provider", ""))
        step = _STEPS.get(request.POST.get("step", ""))
        return redirect(f"admin:{NAME}") if provider is None or step is None else step(request, provider)
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    return _shown(request)


def _shown(request: HttpRequest, provider: Provider | None = None, **result: Any) -> HttpResponse:
    """Show the page; `result` is what an action about one provider came to, and stands on its card."""
    first_sync = guided()
    cards = [_card(request, one, first_sync, result if one.provider is provider else {}) for one in of_all()]
    context = {
        **site.each_context(request),
        "title": _("Connections"),
        "cards": cards,
        "first_sync": first_sync,
        "may_act": access.may(request.user, f"admin:{NAME}", "POST"),
        "circuits_url": _allowed(request, "admin:integrations_circuit_changelist"),
        "first_sync_url": _allowed(request, "admin:first-sync"),
    }
    return TemplateResponse(request, "admin/connections.html", context)


def _card(
    request: HttpRequest, connection: Connection, first_sync: Guided | None, result: Mapping[str, Any]
) -> dict[str, Any]:
    steps = steps_of(connection, first_sync)
    page = hooks_page(connection.provider)
    health = health_of(connection, steps, result.get("tried", ()))
    is_being_set_up = connection.is_used and (bool(connection.missing) or connection.event is None)
    return {
        "connection": connection,
        "steps": [{"step": step, "url": step.url if _may_follow(request, step) else ""} for step in steps],
        "is_open": is_being_set_up or bool(result),
        "result": result,
        "has_optional": any(one.presence == "optional" for one in connection.settings),
        "health": badge(_BADGES[health], HEALTHS[health]),
        "events_url": list_url("admin:integrations_inboxevent", provider=connection.provider.key),
        "hooks_url": _allowed(request, page) if page else "",
        "may_see_runs": access.may(request.user, "admin:integrations_syncrun_changelist"),
        "may_see_circuits": access.may(request.user, "admin:integrations_circuit_changelist"),
        "calls_left": [(number, _WINDOWS.get(window, window)) for window, number in connection.calls_left.items()],
    }


def _may_follow(request: HttpRequest, step: Step) -> bool:
    return step.page not in ("", f"admin:{NAME}") and access.may(request.user, step.page)


def _allowed(request: HttpRequest, name: str) -> str:
    return Step(code="", text="", page=name).url if access.may(request.user, name) else ""


# Actions --------------------------------------------------------------------------------------------------------------


def _test(request: HttpRequest, provider: Provider) -> HttpResponse:
    if wait := _wait(provider):
        return _shown(request, provider, wait=wait)
    tried = probing.probe(provider)
    verdicts = {str(one.verdict) for one in tried}
    record("connection.tested", request=request, target=("connection", provider.key), verdicts=sorted(verdicts))
    return _shown(request, provider, tried=tried, all_ok=all(one.is_ok for one in tried))


def _send(request: HttpRequest, provider: Provider) -> HttpResponse:
    endpoint = _endpoint(provider, request.POST.get("endpoint", ""))
    if endpoint is None:
        return redirect(f"admin:{NAME}")
    if wait := _wait(provider):
        return _shown(request, provider, wait=wait)
    sent = trial_event.send(provider, endpoint)
    record(
        "connection.test_event",
        request=request,
        target=sent.event or ("connection", provider.key),
        endpoint=endpoint.name,
        result=str(sent.outcome),
    )
    said = trial_event.EXPLAINED[sent.outcome]
    return _shown(request, provider, sent=sent, sent_to=endpoint.name, said=said)


def _reveal(request: HttpRequest, provider: Provider) -> HttpResponse:
    """Show an address or a secret whole, or return it to the copy button's script, which asks for JSON."""
    endpoint, name = _endpoint(provider, request.POST.get("endpoint", "")), request.POST.get("setting", "")
    try:
        value = configured.whole_url(endpoint) if endpoint else configured.whole_secret(provider, name)
    except KeyError:
        return redirect(f"admin:{NAME}")
    what = endpoint.name if endpoint else name
    record("connection.secret_shown", request=request, target=("connection", provider.key), what=what)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"value": value})
    return _shown(request, provider, revealed=value, revealed_of=what)


_STEPS = {"test": _test, "send": _send, "reveal": _reveal}


def _endpoint(provider: Provider, name: str) -> Endpoint | None:
    return next((endpoint for endpoint in provider.endpoints if endpoint.name == name), None)


def _wait(provider: Provider) -> int:
    """Return for how many seconds nobody may try the provider again, 0 where it may be tried now."""
    return limits.retry_after("connection.tried", provider.key, limit=TRIES, seconds=limits.MINUTE)


tools.register(tools.Tool(name=NAME, label=gettext_lazy("Connections"), path="connections/", view=connections_page))
