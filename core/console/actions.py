"""Actions of staff. An action is declared once and appears in the list's actions and as a button on the row's page.

It calls one service function for each row, writes an entry of the audit log for each row that it changed and says how
many those were.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
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
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core import phrases
from core.cause import Cause
from core.console.audited import AuditedAdmin
from core.console.links import BACK, back_of, leading_back, other_page
from core.console.list_actions import list_action, skipped_message
from core.console.values import changed_values, values_of
from core.web import access


@dataclass(frozen=True, kw_only=True)
class Submission:
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
class Action:
    """`run` calls the service for one row and returns whether it changed anything; `applies_to` selects the rows.

    `done` is the message for a number of rows, an ngettext_lazy by "count". A `form` is shown first, with `explanation`
    and the rows as `shown` describes them. `in_list`: it makes sense for several rows. An action that `calls_out` calls
    a provider: it runs outside of a transaction, and not in lists. One that `deletes` the row goes back to the list.
    One that `opens` a page returns its address for the rows' keys, and `run` is not called.
    """

    name: str
    label: Any
    done: Any = ""
    run: Callable[[Any, Submission], bool | Answer | Page | Download] = lambda row, submission: False
    applies_to: Callable[[Any], bool] = lambda row: True
    form: type[forms.Form] | None = None
    explanation: Any = ""
    shown: Callable[[Any], Any] = str
    in_list: bool = True
    calls_out: bool = False
    deletes: bool = False
    opens: Callable[[Sequence[Any]], str] | None = None


class Refused(Exception):
    """An action cannot be done on a row: staff see the text, and its transaction is rolled back."""


_added: dict[type[Model], list[Action]] = {}


def add_action(model: type[Model], action: Action) -> None:
    """Add `action` to the pages of `model` beside their own: for apps that those pages do not know."""
    _added.setdefault(model, []).append(action)


class AboutRows:
    """A form whose choices depend on the rows that its action is run on."""

    def set_rows(self, rows: Sequence[Any]) -> None:
        raise NotImplementedError


class ReasonForm(forms.Form):
    reason = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"class": "vTextField", "autofocus": True}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].label = _("Reason")
        self.fields["reason"].help_text = _("Kept in the history, for whoever asks later.")


class ActionsMixin(AuditedAdmin):
    """A ModelAdmin with `row_actions`. The table of access says who may run each of them, also on read-only rows."""

    row_actions: Sequence[Action] = ()

    def all_row_actions(self) -> list[Action]:
        return [*self.row_actions, *_added.get(self.model, [])]

    def action_named(self, name: str) -> Action:
        """Return the action of this name. Raises Http404 where there is none."""
        found = next((action for action in self.all_row_actions() if action.name == name), None)
        if found is None:
            raise Http404
        return found

    def may_run(self, request: HttpRequest, action: Action, obj: Any = None) -> bool:
        """Return whether this member of staff may run `action` on `obj`, or on any row where it is None."""
        return access.holds(request.user, access.table().action(self.opts.label_lower, action.name))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found: dict[str, Any] = super().get_actions(request)
        for action in self.all_row_actions():
            if action.in_list and not action.calls_out and self.may_run(request, action):
                found[action.name] = (list_action(action), action.name, capfirst(action.label))
        return found

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.action_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_act"
        return [path("<path:object_id>/act/<slug:action_name>/", view, name=name), *super().get_urls()]

    def action_view(self, request: HttpRequest, object_id: str, action_name: str) -> HttpResponse:
        """Run an action on one row: GET shows its form, an action without a form takes a POST only."""
        action = self.action_named(action_name)
        if not self.may_run(request, action):
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        if not self.may_run(request, action, row):
            raise PermissionDenied
        if request.method != "POST" and action.form is None and action.opens is None:
            return HttpResponseNotAllowed(["POST"])
        shown = self.run_action(request, action, [row])
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        if shown is not None:
            return shown
        if action.deletes:
            return redirect(f"{page}_changelist")
        return redirect(back_of(request) or reverse(f"{page}_change", args=[quote(row.pk)]))

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None:
            context["row_actions"] = self.buttons(request, row)
            context["person_url"] = other_page(f"admin:{self.opts.app_label}_{self.opts.model_name}", row.pk)
        return super().render_change_form(request, context, *args, **kwargs)

    def buttons(
        self, request: HttpRequest, row: Any, *, back: str = "", only: Collection[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return the buttons of the actions, or of `only` these, that apply to `row` and that this member of staff may
        run. Afterwards they are back on the row's page, or at `back`.
        """
        return [
            self._button(action, row, back)
            for action in self.all_row_actions()
            if (only is None or action.name in only) and action.applies_to(row) and self.may_run(request, action, row)
        ]

    def run_action(
        self, request: HttpRequest, action: Action, rows: Sequence[Any], *, left: Callable[[int], str] = skipped_message
    ) -> HttpResponse | None:
        """Run `action` on those of `rows` that it applies to; return the page with its form or its result, if any.

        `left` is the message about rows that were left as they are.
        """
        if action.opens is not None:
            return redirect(leading_back(action.opens([row.pk for row in rows]), back_of(request)))
        answers: dict[str, Any] = {}
        if action.form is not None:
            # A link may fill in answers, as Django's own pages for adding do; only a POST sends them.
            form = action.form(request.POST if "answered" in request.POST else None, initial=request.GET.dict())
            if isinstance(form, AboutRows):
                form.set_rows(rows)
            if not form.is_valid():
                return self._ask(request, action, rows, form)
            answers = form.cleaned_data
        submission = Submission(staff=request.user, answers=answers)
        results = [self._run_on_row(request, action, row, submission) for row in rows]
        if changed := results.count(True):
            self.message_user(request, action.done % {"count": changed}, messages.SUCCESS)
        for result in results:
            if isinstance(result, Answer):
                self.message_user(request, format_html("{}", result.text), result.level)
        if skipped := results.count(False):
            self.message_user(request, left(skipped), messages.WARNING)
        for result in results:
            if isinstance(result, Download):
                return result.response()
        pages = [result for result in results if isinstance(result, Page)]
        return self._show(request, action, rows[0], pages[0]) if pages else None

    def _run_on_row(
        self, request: HttpRequest, action: Action, row: Any, submission: Submission
    ) -> bool | Answer | Page | Download:
        if not (self.may_run(request, action, row) and action.applies_to(row)):
            return False
        before = {name: value for name, value in values_of(row).items() if name not in self.audit_hidden}
        try:
            with nullcontext() if action.calls_out else transaction.atomic():
                result = action.run(row, submission)
                if result.changed if isinstance(result, Answer) else result is True:
                    self._log_run(request, action, row, before, submission.answers)
        except Refused as refusal:
            return Answer(text=phrases.shown(str(refusal)), level=messages.ERROR)
        return result

    def _log_run(
        self, request: HttpRequest, action: Action, row: Any, before: Mapping[str, Any], answers: Mapping[str, Any]
    ) -> None:
        """Write both logs: Django's history of the row, and the audit log with the row's values as they are now."""
        reason = answers.get("reason")
        # Past AuditedAdmin's own entry, which would hold "changed" in place of the action's name.
        super(AuditedAdmin, self).log_change(request, row, f"{action.name}: {reason}" if reason else action.name)
        now = type(row)._base_manager.filter(pk=row.pk).first()
        was, became = changed_values(before, values_of(now, only=before) if now else {})
        self.record(request, row, action.name, before=was, after=became, **({"answers": answers} if answers else {}))

    def _ask(self, request: HttpRequest, action: Action, rows: Sequence[Any], form: forms.Form) -> HttpResponse:
        applicable = [row for row in rows if action.applies_to(row)]
        context = {
            **self.admin_site.each_context(request),
            "title": capfirst(action.label),
            "opts": self.opts,
            "media": self.media,
            "action": action,
            "form": form,
            "rows": [action.shown(row) for row in applicable[:10]],
            "further": max(len(applicable) - 10, 0),
            "skipped": skipped_message(len(rows) - len(applicable)) if len(rows) > len(applicable) else "",
            "selected": [row.pk for row in rows] if request.POST.get("action") == action.name else [],
            "checkbox_name": ACTION_CHECKBOX_NAME,
            "list": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
            "back": back_of(request),
        }
        refused = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
        return TemplateResponse(request, "admin/action.html", context, status=refused)

    def _show(self, request: HttpRequest, action: Action, row: Any, page: Page) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": capfirst(action.label),
            "opts": self.opts,
            "row": row,
            "back": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(row.pk)]),
            **page.context,
        }
        return TemplateResponse(request, page.template, context)

    def _button(self, action: Action, row: Any, back: str = "") -> dict[str, Any]:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_act"
        return {
            "name": action.name,
            "label": action.label,
            "url": reverse(name, args=[quote(row.pk), action.name], query={BACK: back} if back else None),
            "has_form": action.form is not None or action.opens is not None,
        }
