"""Forms of the import of completions: the upload, how the file is laid out, and the confirmation."""

import io
import json
from dataclasses import dataclass, field
from typing import Any

import tablib
from django import forms
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.forms import ConfirmImportForm, ImportForm
from import_export.tmp_storages import CacheStorage

from accounts.courses.completion_file import COLUMNS, NEEDED, Layout, NotATable, layout_of, rows_of
from accounts.courses.models import FileLayout
from accounts.signin.forms import bound_field
from core.text import LINE as LINE_LENGTH

MOST_ROWS = 2000  # in one request, which a person waits for; the command takes any number
LARGEST = 5 * 1024 * 1024  # bytes
LINE = "line"
ENDINGS = ("csv", "xlsx")  # by the places of the formats
_LABELS = {
    "email": gettext_lazy("e-mail"),
    "course": gettext_lazy("course"),
    "completed_on": gettext_lazy("completed on"),
    "name": gettext_lazy("name"),
    "certificate_url": gettext_lazy("certificate"),
    "activity": gettext_lazy("activity"),
    "source": gettext_lazy("source"),
}


def too_much() -> str:
    text = _("At most %(rows)d rows and %(size)d MB here. For more there is: manage.py import_completions")
    return text % {"rows": MOST_ROWS, "size": LARGEST // 1024 // 1024}


class UploadForm(ImportForm):
    def clean_import_file(self) -> Any:
        file = self.cleaned_data["import_file"]
        if file.size > LARGEST:
            raise ValidationError(too_much())
        return file

    def clean(self) -> dict[str, Any]:
        """Return whether the name says what was chosen; whether the content does is found out by reading it."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file, chosen = cleaned.get("import_file"), cleaned.get("format", "")
        if file and chosen:
            ending = f".{ENDINGS[int(chosen)]}"
            if not file.name.lower().endswith(ending):
                text = _("The file’s name has to end in %(ending)s, or choose another format.")
                self.add_error("import_file", text % {"ending": ending})
        return cleaned


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


@dataclass(kw_only=True)
class Upload:
    """A file that staff uploaded, and under which name it is stored. `format` is a place in ENDINGS."""

    stored_name: str
    name: str
    format: int
    _content: bytes | None = field(default=None, repr=False)

    @property
    def content(self) -> bytes:
        if self._content is None:
            self._content = Uploaded(name=self.stored_name, encoding=None, read_mode="rb").read()
        return self._content

    def layout(self) -> Layout:
        """Return how the file is laid out as far as is known. Raises NotATable."""
        return layout_of(io.BytesIO(self.content), name=f"file.{ENDINGS[self.format]}")

    def dataset(self, layout: Layout) -> tablib.Dataset:
        """Return the rows, each with its line in the file. Raises NotATable."""
        dataset = tablib.Dataset(headers=[LINE, *COLUMNS])
        layout.check()
        for line, cells in rows_of(io.BytesIO(self.content), name=f"file.{ENDINGS[self.format]}", layout=layout):
            if len(dataset) == MOST_ROWS:
                raise NotATable(too_much())
            dataset.append([line, *(cells.get(column) for column in COLUMNS)])
        if not len(dataset):
            raise NotATable(_("The file has no rows below its headings."))
        return dataset

    def remove(self) -> None:
        Uploaded(name=self.stored_name, encoding=None, read_mode="rb").remove()

    def as_initial(self, layout: Layout | None = None) -> dict[str, Any]:
        """Return the values of the hidden fields that name it in the next form."""
        named = {"import_file_name": self.stored_name, "original_file_name": self.name, "format": str(self.format)}
        if layout is None:
            return named
        return {**named, "columns": json.dumps(dict(layout.places)), "date_format": layout.date_format}


class ConfirmForm(ConfirmImportForm):
    """Names the file, and how it was laid out in the preview: what is written is what was shown."""

    columns = forms.CharField(widget=forms.HiddenInput, required=False)
    date_format = forms.ChoiceField(widget=forms.HiddenInput, required=False, choices=FileLayout.DateFormat.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for text in self.fields.values():
            if isinstance(text, forms.CharField):
                bound_field(text, LINE_LENGTH)

    def clean_format(self) -> str:
        """The place of a format, as the preview put it there."""
        chosen = self.cleaned_data["format"]
        if chosen not in {str(place) for place in range(len(ENDINGS))}:
            raise ValidationError(_("The file cannot be read."))
        return str(chosen)

    def clean_resource(self) -> str:
        return "0"  # there is one

    def clean_columns(self) -> dict[str, int] | None:
        """Return the places of the columns; None where the form does not say them."""
        text = self.cleaned_data["columns"]
        if not text:
            return None
        try:
            places = json.loads(text)
            if not isinstance(places, dict) or not all(
                column in COLUMNS and type(place) is int and place >= 0 for column, place in places.items()
            ):
                raise ValueError("no places of columns")
        except (ValueError, RecursionError) as error:
            raise ValidationError(_("The file cannot be read.")) from error
        return places

    def upload(self) -> Upload:
        named = self.cleaned_data
        return Upload(
            stored_name=named["import_file_name"], name=named["original_file_name"], format=int(named["format"])
        )

    def chosen(self, layout: Layout) -> Layout:
        """Return the layout of the preview."""
        places = self.cleaned_data["columns"]
        if places is not None:
            layout.places = {column: place for column, place in places.items() if place < len(layout.headings)}
            layout.date_format = self.cleaned_data["date_format"]
        return layout


class LayoutForm(forms.Form):
    """The column of the file for each of ours, and how its dates are written."""

    import_file_name = forms.CharField(widget=forms.HiddenInput, max_length=LINE_LENGTH)
    original_file_name = forms.CharField(widget=forms.HiddenInput, max_length=LINE_LENGTH)
    format = forms.CharField(widget=forms.HiddenInput, max_length=1)

    def __init__(self, data: Any = None, *, upload: Upload, layout: Layout) -> None:
        super().__init__(data, initial=upload.as_initial())
        self._layout = layout
        none = ("", _("– none –"))
        headings = [(str(place), text or f"({place + 1})") for place, text in enumerate(layout.headings)]
        for column in COLUMNS:
            self.fields[f"column_{column}"] = forms.ChoiceField(
                label=_LABELS[column],
                choices=[none, *headings],
                required=False,
                initial=str(layout.places.get(column, "")),
                help_text=_("needed") if column in NEEDED else "",
            )
        self.fields["date_format"] = forms.ChoiceField(
            label=_("how dates are written"),
            choices=FileLayout.DateFormat.choices,
            required=False,
            initial=layout.date_format,
        )

    def chosen(self) -> Layout:
        """Return the layout as it was chosen."""
        answers = self.cleaned_data
        chosen = {column: answers[f"column_{column}"] for column in COLUMNS}
        self._layout.places = {column: int(place) for column, place in chosen.items() if place}
        self._layout.date_format = answers["date_format"]
        return self._layout
