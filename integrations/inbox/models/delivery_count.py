"""Counts of what came from each provider on each business day, as far as the rows of events cannot say it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import connection, models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.days import day_of
from core.insert_once import insert_once, insert_statement, insert_values


class DeliveryCountManager(models.Manager["DeliveryCount"]):
    def add_repeated(self, provider: str, number: int) -> None:
        """Add to today's repeated deliveries, in one statement.

        To be called outside of a transaction that holds other rows: deliveries of a provider queue at this one. A
        process that dies before it has answered nothing, so the delivery comes again and is counted then.
        """
        now = timezone.now()
        row = DeliveryCount(provider=provider, day=day_of(now), repeated=number, began_at=now)
        table = connection.ops.quote_name(DeliveryCount._meta.db_table)
        add = f"(provider, day) DO UPDATE SET repeated = {table}.repeated + excluded.repeated"
        with connection.cursor() as cursor:
            cursor.execute(insert_statement(DeliveryCount, add, ("id",)), insert_values(row))

    def note_events(self, day: date, numbers: Mapping[str, int]) -> None:
        """Note how many events of a day are stored, by provider; a smaller number than before changes nothing."""
        for provider, number in numbers.items():
            row = DeliveryCount(provider=provider, day=day, events=number, began_at=timezone.now())
            if not insert_once(row):
                self.filter(provider=provider, day=day, events__lt=number).update(events=number)


class DeliveryCount(models.Model):
    """Deliveries of one provider on one business day.

    `events` is the largest number of rows that was ever counted: fewer now means that some are lost. `repeated` counts
    the deliveries that made no row; those before `began_at` are in it only where an older row shows that they were
    counted then.
    """

    provider = models.CharField(_("provider"), max_length=30)
    day = models.DateField(_("day"))
    events = models.PositiveIntegerField(_("events"), default=0)
    repeated = models.PositiveIntegerField(_("repeated"), default=0)
    began_at = models.DateTimeField(default=timezone.now)

    objects: Any = DeliveryCountManager()

    class Meta:
        verbose_name = _("count of deliveries")
        verbose_name_plural = _("counts of deliveries")
        constraints = [models.UniqueConstraint(fields=["provider", "day"], name="deliveries_of_a_day_have_one_count")]

    def __str__(self) -> str:
        return f"{self.provider} {self.day}"
