"""How files of completions are laid out, as staff chose it: for the next file with the same headings."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class FileLayout(models.Model):
    """The columns and the date format of files with these headings. `columns`: our name of a column → its place."""

    class DateFormat(models.TextChoices):
        ANY = "", _("as written, where there is one way to read it (2026-03-31)")
        DAY_FIRST = "day", _("day first (31/03/2026)")
        MONTH_FIRST = "month", _("month first (03/31/2026)")

    headings_digest = models.CharField(max_length=64, unique=True)
    columns = models.JSONField(default=dict)
    date_format = models.CharField(max_length=5, choices=DateFormat.choices, blank=True)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("layout of files")
        verbose_name_plural = _("layouts of files")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(date_format__in=["", "day", "month"]), name="date_format_is_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.headings_digest[:12]}: {self.date_format or 'any'}"
