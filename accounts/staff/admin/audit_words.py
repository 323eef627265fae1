"""Words for the codes of the audit log: what was done, and the names and values of its details.

Actions of the console's pages have their own labels there; all others stand here.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from django.contrib.admin import site
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext_lazy as _

from core import phrases
from core.field_names import LABELS
from core.provider_names import provider_title

_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.]{5,15}(Z|[+-]\d\d:\d\d)?)?")
_ACTIONS: Mapping[str, Any] = {
    "completion.reported": _("completion reported by the API"),
    "connection.secret_shown": _("secret of a connection shown"),
    "connection.test_event": _("test event sent"),
    "connection.tested": _("connection tested"),
    "contact.ask_merge": _("contacts proposed for merging"),
    "contact.synced_by_hand": _("contact synced by hand"),
    "data.exported": _("data exported"),
    "data.imported": _("data imported"),
    "firstsync.read": _("both sides read for the first sync"),
    "firstsync.started": _("first sync started"),
    "historyimport.columns_chosen": _("columns of an import chosen"),
    "historyimport.confirm": _("import started"),
    "historyimport.offers_mapped": _("offers of an import mapped"),
    "historyimport.results_downloaded": _("results of an import downloaded"),
    "historyimport.uploaded": _("file of an import uploaded"),
    "hooks.configured": _("hooks configured"),
    "hooks.deleted": _("hooks deleted"),
    "link.requested": _("link to set a password requested"),
    "list.exported": _("list exported"),
    "operator.called": _("operator's page called"),
    "operator.denied": _("operator's page refused"),
    "own_password.failed": _("wrong current password"),
    "password.changed": _("password changed"),
    "password.reset": _("password reset by a link"),
    "password.set": _("password set by a link"),
    "permission.denied": _("permission denied"),
    "person.exported": _("data of a person exported"),
    "person.forgotten": _("person erased"),
    "problem.dismissed": _("problem hidden"),
    "problem.shown_again": _("problem shown again"),
    "replay.apply": _("replay started"),
    "replay.plan": _("replay planned"),
    "retention.pruned": _("old contents removed"),
    "role.changed": _("rights changed"),
    "saved_filter.deleted": _("saved filter deleted"),
    "saved_filter.saved": _("filter saved"),
    "second_factor.enrolled": _("second factor enrolled"),
    "second_factor.failed": _("second factor wrong"),
    "second_factor.removed": _("second factor removed"),
    "second_factor.succeeded": _("second factor accepted"),
    "sessions.ended": _("other sessions ended"),
    "sign_in.failed": _("sign-in failed"),
    "sign_in.succeeded": _("signed in"),
    "sign_out.done": _("signed out"),
    "subscription.sync_asked": _("sync of a subscription requested"),
    "subscription.synced": _("subscription synced"),
    "syncrun.begun": _("reconciliation begun"),
    "token.created": _("API token created"),
    "token.revoked": _("API token revoked"),
    "token.used": _("API token used from a new address"),
}
_SUBJECTS: Mapping[str, Any] = {
    "own_password": _("current password"),
    "second_factor": _("second factor"),
    "sign_in": _("sign-in"),
}
_VERBS: Mapping[str, Any] = {
    "added": _("added"),
    "changed": _("changed"),
    "deleted": _("deleted"),
    "locked": _("locked after too many attempts"),
}
_NAMES: Mapping[str, Any] = {
    "address": _("address"),
    "answers": _("answers"),
    "because": _("because"),
    "beginning": _("beginning"),
    "by": _("by"),
    "columns": _("columns"),
    "count": _("number"),
    "counted_by": _("counted by"),
    "does": _("what it does"),
    "endpoint": _("endpoint"),
    "events": _("events"),
    "figures": _("figures"),
    "file": _("file"),
    "filter": _("filter"),
    "filters": _("filters"),
    "is_new": _("new"),
    "key": _("key"),
    "kind": _("kind"),
    "label": _("label"),
    "list": _("list"),
    "method": _("method"),
    "names": _("names"),
    "note": _("note"),
    "offers": _("offers"),
    "other": _("other"),
    "provider": _("provider"),
    "question": _("question"),
    "reason": _("reason"),
    "result": _("result"),
    "retry_after": _("seconds until the next attempt"),
    "row": _("row"),
    "rows": _("rows"),
    "scopes": _("scopes"),
    "shared": _("shared"),
    "source": _("source"),
    "status": _("status"),
    "sync": _("sync"),
    "tables": _("tables"),
    "activity": _("activity"),
    "member": _("member"),
    "plan": _("plan"),
    "until": _("until"),
    "to": _("to"),
    "verb": _("what was done"),
    "verdicts": _("verdicts"),
    "what": _("what"),
}
# Words of details that are no choice of a column.
_VALUES: Mapping[str, Any] = {
    **_VERBS,
    "command": _("command"),
    "enrolment": _("enrolment"),
    "its owner is no active member of staff": _("its owner is no active member of staff"),
    "link not valid": _("link not valid"),
    "no staff": _("no staff"),
    "operator": _("operator"),
    "schedule": _("schedule"),
}


def action_label(code: str) -> str:
    """Return what was done, in the reader's language; the code where nothing here does that any more."""
    subject, _dot, verb = code.partition(".")
    if code in _ACTIONS:
        return capfirst(str(_ACTIONS[code]))
    page = _pages().get(subject)
    label = _VERBS.get(verb)
    if label is None and page is not None:
        actions = page.all_row_actions()
        label = next((one.label for one in actions if one.name.replace("-", "_") == verb), None)
    if label is None:
        return code
    what = page.opts.verbose_name if page is not None else _SUBJECTS.get(subject, subject)
    return f"{capfirst(str(what))}: {label}"


def name_label(model: type[Model] | None, name: str) -> str:
    """Return the name of a value: that of the column of `model`, of a contact's value or of a detail."""
    if model is not None:
        try:
            return str(getattr(model._meta.get_field(name), "verbose_name", name))
        except FieldDoesNotExist:
            pass
    return str(_NAMES.get(name) or LABELS.get(name) or name)


def value_label(model: type[Model] | None, name: str, value: Any) -> Any:
    """Return a value as people read it: a choice, a provider, a word of ours or a stored text by its words."""
    if not isinstance(value, str):
        return value
    if name == "provider":
        return provider_title(value)
    choices = _choices(model, name) if model is not None else {}
    return str(choices.get(value) or _VALUES.get(value) or _moment(value) or phrases.shown(value))


def _choices(model: type[Model], name: str) -> Mapping[Any, Any]:
    try:
        return dict(getattr(model._meta.get_field(name), "flatchoices", ()))
    except FieldDoesNotExist:
        return {}


def _moment(text: str) -> str:
    """Return a day or a moment in ISO's form in that of the reader's language, "" for another text."""
    if not _ISO.fullmatch(text):
        return ""
    try:
        moment, day = parse_datetime(text), parse_date(text)
    except ValueError:
        return ""
    if day is not None:
        return date_format(day, "SHORT_DATE_FORMAT")
    if moment is None:
        return ""
    return date_format(localtime(moment) if is_aware(moment) else moment, "SHORT_DATETIME_FORMAT")


@cache
def _pages() -> Mapping[str, Any]:
    """Return the console's pages by the first part of their actions' codes."""
    pages: Any = site._registry.values()
    return {page.audit_code("").removesuffix("."): page for page in pages}
