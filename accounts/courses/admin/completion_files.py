"""Completions from and to CSV and XLSX in the console: a preview of every row, and nothing written until confirmed."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from import_export import fields, resources
from import_export.admin import ImportExportMixin
from import_export.formats import base_formats
from import_export.forms import ExportForm

from accounts.courses.admin.file_forms import LINE, ConfirmForm, LayoutForm, Upload, Uploaded, UploadForm
from accounts.courses.completion_file import Layout, NoSuchColumn, NotATable
from accounts.courses.completion_import import IMPORT_BY, CompletionImport, Row, WrongRow
from accounts.courses.models import Completion
from accounts.staff.audit import record
from core.cause import Cause
from core.tables.cells import neutral
from core.web import access


class CsvTable(base_formats.CSV):
    """CSV: UTF-8, or what else decodes cleanly; read by our own reader."""

    def is_binary(self) -> bool:
        return True


class XlsxTable(base_formats.XLSX):
    """XLSX, the first sheet; read by our own reader."""


class Look:
    """The preview of a row, as plain text: the library's own marks carry styles, which our pages refuse."""

    def __init__(self, resource: "CompletionResource", instance: Any, new: bool) -> None:
        self._shown = resource.shown

    def compare_with(self, resource: Any, instance: Any) -> None:
        """Nothing: a completion is never changed by an import."""

    def as_html(self) -> list[str]:
        return self._shown


class CompletionResource(resources.ModelResource):
    """Rows ↔ completions. Reading and writing is what `manage.py import_completions` does too."""

    email = fields.Field(column_name="email", attribute="email_received")
    activity = fields.Field(column_name="activity", attribute="activity__code")
    member = fields.Field(column_name="member", attribute="user__email", readonly=True)

    class Meta:
        model = Completion
        fields = ("source", "email", "name", "course", "completed_on", "certificate_url", "activity", "state", "member")
        export_order = fields
        import_id_fields = ("source",)
        use_transactions = False  # each row is a transaction of its own, previewed or written
        report_skipped = True

    def __init__(self, *, layout: Layout | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._import = CompletionImport(day_first=layout.day_first if layout else None)
        self.shown: list[str] = []
        self._is_preview = False

    def before_import_row(self, row: Any, **kwargs: Any) -> None:
        self._is_preview = bool(kwargs.get("dry_run"))

    @classmethod
    def get_diff_class(cls) -> type[Look]:
        return Look

    def get_diff_headers(self) -> list[str]:
        return [_("line"), _("e-mail"), _("course"), _("completed on"), _("activity"), _("what it does")]

    def get_or_init_instance(self, instance_loader: Any, row: Mapping[str, Any]) -> tuple[Completion, bool]:
        try:
            self._row: Row = self._import.read(row)
        except WrongRow as error:
            raise ValidationError([f"{_('line')} {row[LINE]}: {problem}" for problem in error.problems]) from error
        reported = self._row.reported
        if self._is_preview:
            effect = self._import.preview(self._row)
            values = [
                reported.email,
                reported.course,
                date_format(reported.completed_on, "SHORT_DATE_FORMAT"),
                self._row.activity.code,
                effect,
            ]
            self.shown = [str(row[LINE]), *values]
        known = self._import.known(self._row)
        return (known, False) if known else (Completion(source=reported.source, email=reported.email), True)

    def import_instance(self, instance: Completion, row: Any, **kwargs: Any) -> None:
        """Nothing: the service makes the completion."""

    def skip_row(self, instance: Completion, original: Any, row: Any, import_validation_errors: Any = None) -> bool:
        return instance.pk is not None

    def save_instance(self, instance: Completion, is_create: bool, row: Any, **kwargs: Any) -> None:
        if not kwargs.get("dry_run"):
            cause = Cause(text=IMPORT_BY(file=str(kwargs.get("file_name") or "")[:100], email=kwargs["user"].email))
            instance.pk = self._import.write(self._row, cause=cause).completion.pk

    def validate_instance(
        self, instance: Any, import_validation_errors: Any = None, validate_unique: Any = True
    ) -> None:
        """Nothing more: the row was read, and the database has its constraints."""

    def export_field(self, field: Any, instance: Any, **kwargs: Any) -> Any:
        return neutral(super().export_field(field, instance, **kwargs))


class CompletionFiles(ImportExportMixin):
    """*Import* and *export* on the list of completions."""

    resource_classes = (CompletionResource,)
    import_form_class = UploadForm
    confirm_form_class = ConfirmForm
    export_form_class = ExportForm
    import_template_name = "admin/accounts/completion/import.html"
    tmp_storage_class = Uploaded
    formats = (CsvTable, XlsxTable)

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Preview an uploaded file, or one that was uploaded before and whose columns staff chose now."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method == "POST" and "import_file_name" in request.POST:
            named = ConfirmForm(request.POST)
            return self._preview(request, named.upload()) if named.is_valid() else self._page(request, form=named)
        form = self.create_import_form(request)
        if request.method != "POST" or not form.is_valid():
            return self._page(request, form=form)
        file, chosen = form.cleaned_data["import_file"], int(form.cleaned_data["format"])
        name = self.write_to_tmp_storage(file, self.formats[chosen]()).name
        return self._preview(request, Upload(stored_name=name, name=file.name, format=chosen), form=form)

    def _preview(self, request: HttpRequest, upload: Upload, *, form: Any = None) -> HttpResponse:
        """Return the page of what each row would do, with the columns as they were read, to be corrected."""
        laid_out: LayoutForm | None = None
        try:
            layout = upload.layout()
            laid_out = LayoutForm(None if form else request.POST, upload=upload, layout=layout)
            if laid_out.is_bound and laid_out.is_valid():
                layout = laid_out.chosen()
            dataset = upload.dataset(layout)
        except NotATable as error:
            shown = laid_out if isinstance(error, NoSuchColumn) or form is None else None
            if form is None:
                return self._page(request, form=self.get_import_form_class(request)(*self._choices(request)),
                                  layout_form=shown, problem=str(error))  # fmt: skip
            form.add_error("import_file", str(error))
            return self._page(request, form=form, layout_form=shown)
        resource = CompletionResource(layout=layout)
        result = resource.import_data(dataset, dry_run=True, file_name=upload.name, user=request.user)
        good, wrong = len(result.valid_rows()), len(result.invalid_rows)
        confirm = ConfirmForm(initial=upload.as_initial(layout)) if good and not result.has_errors() else None
        return self._page(request, layout_form=laid_out, result=result, confirm_form=confirm,
                          notices=layout.notices, good=good, wrong=wrong)  # fmt: skip

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Write the good rows of a file that was previewed, as it was laid out then; rows with errors are left out."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponse(status=405, headers={"Allow": "POST"})
        form = ConfirmForm(request.POST)
        if not form.is_valid():
            return self._page(request, form=form)
        upload = form.upload()
        try:
            layout = upload.layout()
            layout = form.chosen(layout)
            dataset = upload.dataset(layout)
        except NotATable as error:
            return self._page(request, problem=str(error))
        layout.remember()
        resource = CompletionResource(layout=layout)
        result = resource.import_data(
            dataset, dry_run=False, file_name=upload.name, user=request.user, retain_instance_in_row_result=True
        )
        upload.remove()
        return self.process_result(result, request)

    def add_success_message(self, result: Any, request: HttpRequest) -> None:
        super().add_success_message(result, request)
        if left_out := len(result.invalid_rows):
            text = ngettext(
                "%(count)d row with errors was left out.", "%(count)d rows with errors were left out.", left_out
            )
            messages.warning(request, text % {"count": left_out})

    def _choices(self, request: HttpRequest) -> tuple[Any, Any]:
        return self.get_import_formats(), self.get_import_resource_classes(request)

    def _page(self, request: HttpRequest, *, form: Any = None, **context: Any) -> HttpResponse:
        if not isinstance(form, UploadForm):
            errors = form.errors if form is not None else {}
            form = None if context.get("result") else UploadForm(*self._choices(request))
            context.setdefault("problem", " ".join(str(text) for found in errors.values() for text in found))
        context |= self.admin_site.each_context(request)
        context |= {"title": _("Import"), "form": form, "opts": self.model._meta}
        context["media"] = self.media + form.media if form else self.media
        context["columns"] = CompletionResource.Meta.fields
        request.current_app = self.admin_site.name
        return TemplateResponse(request, [self.import_template_name], context)

    def has_import_permission(self, request: HttpRequest) -> bool:
        return access.may(request.user, "admin:accounts_completion_import")

    def has_export_permission(self, request: HttpRequest) -> bool:
        return access.may(request.user, "admin:accounts_completion_export")

    def process_result(self, result: Any, request: HttpRequest) -> Any:
        totals = {name: count for name, count in result.totals.items() if count}
        record("data.imported", request=request, target="completions", rows=totals)
        return super().process_result(result, request)

    def get_export_data(self, file_format: Any, request: HttpRequest, queryset: Any, **kwargs: Any) -> Any:
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        record(
            "data.exported",
            request=request,
            target="completions",
            rows=queryset.count(),
            filters=request.GET.dict(),
            kind=file_format.get_extension(),
        )
        return data

    def get_import_formats(self) -> list[Any]:
        return list(self.formats)

    get_export_formats = get_import_formats

    def get_export_queryset(self, request: HttpRequest) -> QuerySet[Completion]:
        try:
            return super().get_export_queryset(request)
        except IncorrectLookupParameters as error:
            raise BadRequest(str(error)) from error
