"""Sentry: errors with what is needed to find them, and none of the data that they happened on.

Nothing is sent that is not named here: no variables of frames, no body, header, cookie or query of a request, no user,
no arguments of a task, no values of a log line. What is left passes the log's own redactor.
"""

from collections.abc import Mapping
from typing import Any

from config import __version__
from config.logs import Redactor

_KEPT = {
    "event_id", "timestamp", "start_timestamp", "platform", "level", "logger", "type", "transaction",
    "transaction_info", "environment", "release", "dist", "server_name", "sdk", "modules", "fingerprint",
}  # fmt: skip
_CONTEXTS = {
    "trace": {"trace_id", "span_id", "parent_span_id", "op", "status", "origin", "type"},
    "runtime": {"name", "version", "type"},
    "os": {"name", "version", "type"},
}
_FRAME = {
    "abs_path", "filename", "module", "function", "lineno", "colno", "in_app", "pre_context", "context_line",
    "post_context", "platform",
}  # fmt: skip
_SPAN = {
    "span_id", "trace_id", "parent_span_id", "same_process_as_parent", "op", "status", "origin", "start_timestamp",
    "timestamp",
}  # fmt: skip
_CRUMB = {"type", "category", "level", "timestamp"}
_DETAIL = "\nDETAIL:"  # PostgreSQL's second line of an error holds the values of the row


class Reducer:
    """Turns an event of the SDK into what may leave this installation."""

    def __init__(self, redact: Redactor) -> None:
        self._redact = redact

    def event(self, event: Any, hint: Any = None) -> Any:
        """An error or a transaction."""
        made = self._text_of({name: value for name, value in event.items() if name in _KEPT})
        if request := event.get("request"):
            made["request"] = self._text_of({"method": request.get("method"), "url": _path(request.get("url"))})
        for name in ("exception", "threads"):
            values = (event.get(name) or {}).get("values") or []
            if values:
                made[name] = {"values": [self._raised(value) for value in values]}
        if entry := event.get("logentry"):
            made["logentry"] = {"message": self._message(entry.get("formatted") or entry.get("message"))}
        if event.get("message"):
            made["message"] = self._message(event["message"])
        crumbs = event.get("breadcrumbs") or {}
        values = crumbs.get("values") if isinstance(crumbs, Mapping) else crumbs
        made["breadcrumbs"] = {"values": [one for one in map(self.breadcrumb, values or []) if one]}
        made["contexts"] = {
            name: _only(value, _CONTEXTS[name])
            for name, value in (event.get("contexts") or {}).items()
            if name in _CONTEXTS
        }
        # Numbers say which row it was ("row": 5); texts may be anything.
        made["extra"] = {name: value for name, value in (event.get("extra") or {}).items() if _is_number(value)}
        if "spans" in event:
            made["spans"] = [_only(span, _SPAN) for span in event["spans"]]
        return made

    def breadcrumb(self, crumb: Any, hint: Any = None) -> Any:
        """Return what went before: which logger or which sort of call, and its line.

        No data beside the status of a call.
        """
        made = self._text_of(_only(crumb, _CRUMB))
        if message := crumb.get("message"):
            made["message"] = self._message(message)
        data = _only(crumb.get("data") or {}, {"method", "status_code", "http.method", "http.response.status_code"})
        return made | ({"data": self._text_of(data)} if data else {})

    def _raised(self, value: Mapping[str, Any]) -> dict[str, Any]:
        made = self._text_of(_only(value, {"type", "module", "thread_id", "id", "name", "crashed", "current"}))
        if value.get("value"):
            made["value"] = self._message(value["value"])
        mechanism = _only(value.get("mechanism") or {}, {"type", "handled", "exception_id", "parent_id", "source"})
        if mechanism:
            made["mechanism"] = mechanism
        frames = (value.get("stacktrace") or {}).get("frames")
        if frames:
            made["stacktrace"] = {"frames": [self._text_of(_only(frame, _FRAME)) for frame in frames]}
        return made

    def _message(self, text: Any) -> str:
        return str(self._redact.value("", str(text).partition(_DETAIL)[0]))

    def _text_of(self, value: Any) -> Any:
        """`value` with every text in it redacted; keys and numbers stay."""
        if isinstance(value, Mapping):
            return {str(name): self._text_of(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._text_of(item) for item in value]
        return value if value is None or _is_number(value) else self._redact.value("", str(value))


def start(dsn: str, *, redact: Redactor, **options: Any) -> None:
    """Report to `dsn` from now on; `options` are the SDK's, for tests."""
    import sentry_sdk

    reduce = Reducer(redact)
    sentry_sdk.init(
        dsn=dsn,
        release=f"enlace@{__version__}",
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=30,
        before_send=reduce.event,
        before_send_transaction=reduce.event,
        before_breadcrumb=reduce.breadcrumb,
        enable_logs=False,
        before_send_log=_drop,
        enable_metrics=False,
        before_send_metric=_drop,
        auto_session_tracking=False,
        # Else every call to a provider carries headers about this installation.
        trace_propagation_targets=[],
        **options,
    )


def _drop(item: Any, hint: Any) -> None:
    return None


def _only(value: Any, names: set[str]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value} if isinstance(value, Mapping) else {}


def _path(url: Any) -> str:
    return str(url or "").partition("?")[0].partition("#")[0]


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float)
