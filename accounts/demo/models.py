"""Marks of the demo business."""

from django.db import models


class DemoRow(models.Model):
    """A row that `manage.py demo` made and that is found by nobody's address: events, plans, activities, companies.

    People, and all that hangs on them, are marked by their address at `accounts.demo.marks.DOMAIN`.
    """

    label = models.CharField(max_length=100)
    key = models.BigIntegerField()

    class Meta:
        verbose_name = "row of the demo"
        verbose_name_plural = "rows of the demo"
        constraints = [models.UniqueConstraint(fields=["label", "key"], name="demo_row_is_marked_once")]

    def __str__(self) -> str:
        return f"{self.label} {self.key}"
