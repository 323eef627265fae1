"""Console page for uploading a file of members or orders; its preview is on the import's own page."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.staff.audit import record
from core.cause import Cause
from core.console import tools
from core.days import span_of
from integrations import registry
from integrations.contracts.provider import Provider
from integrations.history import files

NAME = "history-import"
IMPORTS = "admin:integrations_historyimport"
LARGEST = 5 * 1024 * 1024  # bytes: the servers refuse longer bodies of the console


class UploadForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("File"), max_length=200)
    kind = forms.ChoiceField(label=gettext_lazy("What it holds"), required=False)
    exported_on = forms.DateField(
        label=gettext_lazy("Exported on"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("Where you know it. Otherwise the newest date in the file counts."),
    )

    def __init__(self, provider: Provider, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assert provider.history is not None, "for providers with files only"
        self._command, kinds = provider.history.command, provider.history.kinds
        choices = [("", _("find out by its headings")), *((key, kind.title) for key, kind in kinds.items())]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        self.fields["file"].widget.attrs["accept"] = ".csv,.xlsx"

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if not file.name.lower().endswith((".csv", ".xlsx")):
            raise ValidationError(_("The file’s name has to end in .csv or .xlsx."))
        if file.size > LARGEST:
            text = _("At most %(size)d MB here. Split the file, save it as XLSX, or use %(command)s.")
            raise ValidationError(text % {"size": LARGEST // 1024 // 1024, "command": f"manage.py {self._command}"})
        return file

    def clean_exported_on(self) -> datetime | None:
        """Return the beginning of that day: values received later that day are newer than the file."""
        day = self.cleaned_data["exported_on"]
        if day is None:
            return None
        moment = span_of(day)[0]
        if moment > timezone.now() or day.year < 2000:
            raise ValidationError(_("The day lies in the past."))
        return moment


def page(request: HttpRequest) -> HttpResponse:
    """Show the form (GET), or store the file and redirect to its preview (POST)."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    provider = next(provider for provider in registry.all_providers().values() if provider.history)
    form = UploadForm(provider, *([request.POST, request.FILES] if request.method == "POST" else []))
    if form.is_bound and form.is_valid():
        staff: Any = request.user
        answers = form.cleaned_data
        try:
            history = files.store(
                answers["file"],
                name=answers["file"].name,
                provider=provider,
                kind=answers["kind"],
                exported_at=answers["exported_on"],
                cause=Cause.by_staff(staff),
            )
        except files.InvalidFile as error:
            form.add_error("file", str(error))
        else:
            record("historyimport.uploaded", request=request, target=history, rows=history.total, kind=history.kind)
            messages.success(request, _("The file is read. Nothing is changed before you confirm its preview."))
            return redirect(f"{IMPORTS}_change", history.pk)
    context = {
        **site.each_context(request),
        "title": _("Historical import from %(provider)s") % {"provider": provider.title},
        "provider": provider,
        "form": form,
    }
    status = 422 if form.is_bound else 200
    return TemplateResponse(request, "admin/history_upload.html", context, status=status)


tools.register(
    tools.Tool(name=NAME, label=gettext_lazy("Import members and orders of before"), path="history-import/", view=page)
)
