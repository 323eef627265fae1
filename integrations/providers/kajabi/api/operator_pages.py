"""Two pages by which an operator without a shell manages Kajabi's hooks, with a password."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from django.utils.translation import gettext as _

from integrations.providers.kajabi.api.operator import OperatorAnswer, OperatorCall, OperatorPage
from integrations.providers.kajabi.hook_states import Hook, HookOutcome, HooksIncomplete
from integrations.providers.kajabi.hooks import KajabiHooks, missing_events


def configure(call: OperatorCall) -> OperatorAnswer:
    """Configure all six hooks."""
    try:
        outcomes = KajabiHooks.from_settings().configure()
    except HooksIncomplete as error:
        message = _("Not all hooks could be configured: %(problem)s") % {"problem": error}
        return _failed(message, HTTPStatus.BAD_GATEWAY, hooks=list(map(_outcome_json, error.outcomes)))
    return _done(_("The hooks are configured."), hooks=list(map(_outcome_json, outcomes)))


def manage(call: OperatorCall) -> OperatorAnswer:
    """Run `action`: list (GET only), create with `event` and perhaps `url`, delete with `id`."""
    action = call.parameters.get("action", "")
    actions = {"list": _list, "create": _create, "delete": _delete}
    if action not in actions:
        return _failed(_("Say which action: %(actions)s.") % {"actions": ", ".join(actions)}, HTTPStatus.BAD_REQUEST)
    return actions[action](call)


def _list(call: OperatorCall) -> OperatorAnswer:
    if call.method != "GET":
        message = _("The list is asked for with GET.")
        return _failed(message, HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
    hooks = KajabiHooks.from_settings().listed()
    missing = missing_events(hooks)
    if missing:
        message = _("Without a hook as it should be: %(events)s.") % {"events": ", ".join(missing)}
    else:
        message = _("Every event has its hook.")
    return _done(message, hooks=list(map(_hook_json, hooks)), missing=missing)


def _create(call: OperatorCall) -> OperatorAnswer:
    event, url = call.parameters.get("event", ""), call.parameters.get("url", "").strip()
    outcome = KajabiHooks.from_settings().create(event, target_url=url)
    message = _("The hook was created.") if outcome.result == "created" else _("The hook existed already.")
    return _done(message, hooks=[_outcome_json(outcome)])


def _delete(call: OperatorCall) -> OperatorAnswer:
    hook_id = call.parameters.get("id", "").strip()
    if not KajabiHooks.from_settings().delete(hook_id):
        return _failed(_("Kajabi has no hook %(id)s.") % {"id": hook_id}, HTTPStatus.NOT_FOUND)
    return _done(_("The hook was deleted."), id=hook_id)


def _hook_json(hook: Hook) -> dict[str, str]:
    return {"id": hook.external_id, "event": hook.event, "url": hook.target, "status": hook.state.value}


def _outcome_json(outcome: HookOutcome) -> dict[str, str]:
    return {
        "id": outcome.external_id,
        "event": outcome.event,
        "url": outcome.target,
        "status": outcome.result.value,
    }


def _done(message: str, **content: Any) -> OperatorAnswer:
    return OperatorAnswer(content={"success": True, "message": message, **content})


def _failed(
    message: str, status: HTTPStatus, *, headers: dict[str, str] | None = None, **content: Iterable[Any]
) -> OperatorAnswer:
    return OperatorAnswer(
        content={"success": False, "message": message, **content}, status=status, headers=headers or {}
    )


_EXAMPLE = {"id": "41", "event": "purchase", "url": "https://hub.example.com/kajabi-webhook/…"}
PAGES = (
    OperatorPage(
        name="configure-hooks",
        path="configurar-webhooks-kajabi",
        answer=configure,
        about="Let Kajabi have one hook to us for each of its six events. May be repeated at any time.",
        example=_done("The hooks are configured.", hooks=[{**_EXAMPLE, "status": "kept"}]).content,
    ),
    OperatorPage(
        name="manage-hooks",
        path="gestionar-webhooks-kajabi",
        answer=manage,
        about="List Kajabi's hooks (GET only), create one or delete one.",
        parameters={
            "action": "list, create or delete",
            "event": "create: which event, for example purchase",
            "url": "create: where to, if not to us",
            "id": "delete: which hook",
        },
        example=_done("Every event has its hook.", hooks=[{**_EXAMPLE, "status": "current"}], missing=[]).content,
    ),
)
