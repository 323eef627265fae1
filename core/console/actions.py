"""Actions of staff. An action is declared once and appears in the list's actions and as a button on the row's page.

It calls one service function for each row, writes an entry of the audit log for each row that it changed and says how
many those were.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.cause import Cause
from core.console.audited import AuditedAdmin
from core.console.values import changed_values, values_of
from core.web import access

AT_ONCE = 500  # rows in one press


@dataclass(frozen=True, kw_only=True)
class Pressed:
    """The user who ran an action, and their answers to its form."""

    staff: Any
    answers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cause(self) -> Cause:
        return Cause.by_staff(self.staff, self.answers.get("reason", ""))


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A message about one row, in place of the number of rows; `level` is one of messages."""

    text: Any
    changed: bool = False
    level: int = messages.SUCCESS


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page that shows an action's result. For actions that change nothing."""

    template: str
    context: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file as an action's result, which no cache stores."""

    name: str
    content: bytes

    def response(self) -> HttpResponse:
        headers = {"Content-Disposition": f'attachment; filename="{self.name}"', "Cache-Control": "no-store"}
        return HttpResponse(self.content, content_type="application/json", headers=headers)


@dataclass(frozen=True, kw_only=True)
class Act:
    """`run` calls the service for one row and says whether that changed anything; `fits` says for which rows it is.

    `done` is the message for a number of rows, an ngettext_lazy by "count". With a `form`, its questions are asked
    first, beside `explanation` and the rows as `shown` describes them. `in_list`: it makes sense for several rows. An
    act that `calls_out` asks a provider: it is done outside of a transaction, and not in lists. One that `deletes` the
    row goes back to the list.
    """

    name: str
    label: Any
    done: Any
    run: Callable[[Any, Pressed], bool | Answer | Page | Download]
    fits: Callable[[Any], bool] = lambda row: True
    form: type[forms.Form] | None = None
    explanation: Any = ""
    shown: Callable[[Any], Any] = str
    in_list: bool = True
    calls_out: bool = False
    deletes: bool = False


class Refused(Exception):
    """An act cannot be done on a row; staff are shown the text, and nothing of it is kept."""


_offered: dict[type[Model], list[Act]] = {}


def offer(model: type[Model], act: Act) -> None:
    """Let `act` stand on the pages of `model` beside their own: for apps that those pages do not know."""
    _offered.setdefault(model, []).append(act)


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"class": "vTextField", "autofocus": True}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = _("Reason")
        self.fields["reason"].help_text = _("Kept in the history, for whoever asks later.")


class ActsMixin(AuditedAdmin):
    """A ModelAdmin with `acts`. The table of access says who may press each of them, also on read-only rows."""

    acts: Sequence[Act] = ()

    def all_acts(self) -> list[Act]:
        return [*self.acts, *_offered.get(self.model, [])]

    def may_press(self, request: HttpRequest, act: Act, obj: Any = None) -> bool:
        """Return whether this member of staff may press `act` on `obj`, or on anything at all where it is None."""
        return access.holds(request.user, access.table().act(self.opts.label_lower, act.name))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        acts = [act for act in self.all_acts() if act.in_list and not act.calls_out and self.may_press(request, act)]
        return found | {act.name: (_list_action(act), act.name, capfirst(act.label)) for act in acts}

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.act_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("<path:object_id>/act/<slug:act_name>/", view, name=name), *super().get_urls()]

    def act_view(self, request: HttpRequest, object_id: str, act_name: str) -> HttpResponse:
        """One row's button: asks where the act asks, else takes a POST only."""
        act = next((act for act in self.all_acts() if act.name == act_name), None)
        if act is None:
            raise Http404
        if not self.may_press(request, act):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.may_press(request, act, row):
            raise PermissionDenied
        if request.method != "POST" and act.form is None:
            return HttpResponseNotAllowed(["POST"])
        shown = self.press(request, act, [row])
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return shown or (redirect(f"{page}_changelist") if act.deletes else redirect(f"{page}_change", quote(row.pk)))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            pressable = [act for act in self.all_acts() if act.fits(row) and self.may_press(request, act, row)]
            context["acts"] = [self._button(act, row) for act in pressable]
        return super().render_change_form(request, context, *args, **kwargs)

    def press(self, request: HttpRequest, act: Act, rows: Sequence[Any]) -> HttpResponse | None:
        """Do `act` on those of `rows` that it fits; the page that asks its questions or shows what it found, if any."""
        answers: dict[str, Any] = {}
        if act.form is not None:
            # A link may fill in answers, as Django's own pages for adding do; they are sent by a press all the same.
            form = act.form(request.POST if "answered" in request.POST else None, initial=request.GET.dict())
            if not form.is_valid():
                return self._ask(request, act, rows, form)
            answers = form.cleaned_data
        pressed = Pressed(staff=request.user, answers=answers)
        results = [self._do(request, act, row, pressed) for row in rows]
        if changed := results.count(True):
            self.message_user(request, act.done % {"count": changed}, messages.SUCCESS)
        for result in results:
            if isinstance(result, Answer):
                self.message_user(request, format_html("{}", result.text), result.level)
        if left := results.count(False):
            self.message_user(request, left_alone(left), messages.WARNING)
        for result in results:
            if isinstance(result, Download):
                return result.response()
        pages = [result for result in results if isinstance(result, Page)]
        return self._show(request, act, rows[0], pages[0]) if pages else None

    def _do(self, request: HttpRequest, act: Act, row: Any, pressed: Pressed) -> bool | Answer | Page | Download:
        if not (self.may_press(request, act, row) and act.fits(row)):
            return False
        before = {name: value for name, value in values_of(row).items() if name not in self.audit_hidden}
        try:
            with nullcontext() if act.calls_out else transaction.atomic():
                result = act.run(row, pressed)
                if result.changed if isinstance(result, Answer) else result is True:
                    self._log_act(request, act, row, before, pressed.answers)
        except Refused as refusal:
            return Answer(text=str(refusal), level=messages.ERROR)
        return result

    def _log_act(
        self, request: HttpRequest, act: Act, row: Any, before: Mapping[str, Any], answers: Mapping[str, Any]
    ) -> None:
        """Write both logs: Django's history of the row, and the audit log with the row's values as they are now."""
        reason = answers.get("reason")
        # Past AuditedAdmin's own entry, which would say "changed" in the place of the act's name.
        super(AuditedAdmin, self).log_change(request, row, f"{act.name}: {reason}" if reason else act.name)
        now = type(row)._base_manager.filter(pk=row.pk).first()
        was, became = changed_values(before, values_of(now, only=before) if now else {})
        self.record(request, row, act.name, before=was, after=became, **({"answers": answers} if answers else {}))

    def _ask(self, request: HttpRequest, act: Act, rows: Sequence[Any], form: forms.Form) -> HttpResponse:
        fitting = [row for row in rows if act.fits(row)]
        context = {
            **self.admin_site.each_context(request),
            "title": capfirst(act.label),
            "opts": self.opts,
            "media": self.media,
            "act": act,
            "form": form,
            "rows": [act.shown(row) for row in fitting[:10]],
            "further": max(len(fitting) - 10, 0),
            "left_alone": left_alone(len(rows) - len(fitting)) if len(rows) > len(fitting) else "",
            "selected": [row.pk for row in rows] if request.POST.get("action") == act.name else [],
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        refused = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        return TemplateResponse(request, "admin/act.html", context, status=refused)

    def _show(self, request: HttpRequest, act: Act, row: Any, page: Page) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": capfirst(act.label),
            "opts": self.opts,
            "row": row,
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(row.pk)]),
            **page.context,
        }
        return TemplateResponse(request, page.template, context)

    def _button(self, act: Act, row: Any) -> dict[str, Any]:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_act"
        return {"label": act.label, "url": reverse(name, args=[quote(row.pk), act.name]), "asks": act.form is not None}


def left_alone(count: int) -> str:
    """The message about rows on which an act had nothing to do."""
    return ngettext(
        "%(count)d row was left as it is: this does not apply to it.",
        "%(count)d rows were left as they are: this does not apply to them.",
        count,
    ) % {"count": count}


def _list_action(act: Act) -> Callable[..., HttpResponse | None]:
    def run(model_admin: ActsMixin, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        # Lists leave out large columns; a service may need them, and one query a row for each would be too many.
        rows = list(queryset.defer(None)[: AT_ONCE + 1])
        if len(rows) > AT_ONCE:
            text = _("At most %(count)d rows at once. Nothing was done.") % {"count": AT_ONCE}
            model_admin.message_user(request, format_html("{}", text), messages.ERROR)
            return None
        return model_admin.press(request, act, rows)

    return run
