"""Completions from and to CSV and XLSX in the console: a preview of every row, and nothing written until confirmed."""

import io
from collections.abc import Mapping
from typing import Any

import tablib
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import BadRequest, SuspiciousOperation, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from import_export import fields, resources
from import_export.admin import ImportExportMixin
from import_export.formats import base_formats
from import_export.forms import ConfirmImportForm, ExportForm, ImportForm
from import_export.tmp_storages import CacheStorage

from accounts.courses.completion_file import COLUMNS, NotATable, rows_of
from accounts.courses.completion_import import CompletionImport, Row, WrongRow
from accounts.courses.models import Completion
from accounts.signin.forms import bound_field
from accounts.staff.audit import record
from core.cause import Cause
from core.tables.cells import neutral
from core.text import LINE as LINE_LENGTH
from core.web import access

MOST_ROWS = 2000  # in one request, which a person waits for; the command takes any number
LARGEST = 5 * 1024 * 1024  # bytes
LINE = "line"


class UploadForm(ImportForm):
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > LARGEST:
            raise ValidationError(_too_much())
        return file

    def clean(self) -> dict[str, Any]:
        """Return whether the name says what was chosen; whether the content does is found out by reading it."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file, chosen = cleaned.get("import_file"), cleaned.get("format", "")
        if file and chosen:
            ending = f".{CompletionFiles.formats[int(chosen)]().get_extension()}"
            if not file.name.lower().endswith(ending):
                text = _("The file’s name has to end in %(ending)s, or choose another format.")
                self.add_error("import_file", text % {"ending": ending})
        return cleaned


class ConfirmForm(ConfirmImportForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            bound_field(field, LINE_LENGTH)

    def clean_format(self) -> str:
        """The place of a format, as the preview put it there."""
        chosen = self.cleaned_data["format"]
        if chosen not in {str(place) for place in range(len(CompletionFiles.formats))}:
            raise ValidationError(_("The file cannot be read."))
        return str(chosen)

    def clean_resource(self) -> str:
        return "0"  # there is one


def _too_much() -> str:
    text = _("At most %(rows)d rows and %(size)d MB here. For more there is: manage.py import_completions")
    return text % {"rows": MOST_ROWS, "size": LARGEST // 1024 // 1024}


class Uploaded(CacheStorage):
    """An uploaded file between its preview and its confirmation: in the cache, so that every process finds it.

    An hour at the most: it names people, and no erasure could find it there.
    """

    CACHE_LIFETIME = 3600

    def read(self) -> bytes:
        content = super().read()
        if not isinstance(content, bytes):
            raise SuspiciousOperation("the uploaded file is not stored any more")
        return content


class _Table:
    """Reads with our own reader, by lines and with a limit, and writes no cell that a spreadsheet would calculate."""

    def create_dataset(self, in_stream: bytes) -> tablib.Dataset:
        dataset = tablib.Dataset(headers=[LINE, *COLUMNS])
        try:
            name = f"file.{self.get_extension()}"  # type: ignore[attr-defined]
            for line, cells in rows_of(io.BytesIO(in_stream), name=name):
                if len(dataset) == MOST_ROWS:
                    raise NotATable(_too_much())
                dataset.append([line, *(cells.get(column) for column in COLUMNS)])
        except NotATable as error:
            raise ValidationError(str(error)) from error
        return dataset

    def is_binary(self) -> bool:
        return True


class CsvTable(_Table, base_formats.CSV):
    """CSV, UTF-8."""


class XlsxTable(_Table, base_formats.XLSX):
    """XLSX, the first sheet."""


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

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._import = CompletionImport()
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
                reported.completed_on.isoformat(),
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
            cause = Cause(text=f"import of {kwargs.get('file_name') or ''} by {kwargs['user'].email}"[:200])
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
    tmp_storage_class = Uploaded
    formats = (CsvTable, XlsxTable)

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

    def add_data_read_fail_error_to_form(self, form: Any, e: Exception) -> None:
        message = e.messages if isinstance(e, ValidationError) else _("The file cannot be read.")
        form.add_error("import_file", message)
