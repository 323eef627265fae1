"""The last report about each record: distinguishes a repetition from a value that came back."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

SAME_FOR = timedelta(hours=24)  # the same content is a repetition so long, and news afterwards


class LastReceivedManager(models.Manager["LastReceived"]):
    def number_of(self, *, provider: str, record: str, digest: str) -> int:
        """Return the number of a report about a record: the last one's where that had the same content in the last 24
        hours, else one more. One statement.

        So A, A, B, A are numbered 1, 1, 2, 3. Two parallel reports of the same content get the same number. A process
        that dies before the event is stored did no harm: the event is sent again and gets the same number, unless
        another report came since.
        """
        now = timezone.now()
        cutoff = now - SAME_FOR
        with connection.cursor() as cursor:
            cursor.execute(_statement(), [provider, record[:300], digest, 1, *map(_adapted, (now, cutoff, cutoff))])
            return int(cursor.fetchone()[0])


class LastReceived(models.Model):
    """The last report about a record: `number` counts its changes, `since` is when this content first came."""

    provider = models.CharField(_("provider"), max_length=30)
    record = models.CharField(_("record"), max_length=300, help_text=_("what the provider reported on"))
    digest = models.CharField(max_length=400)
    number = models.PositiveIntegerField(_("number"))
    since = models.DateTimeField(_("since"))

    objects = LastReceivedManager()

    class Meta:
        verbose_name = _("last report about a record")
        verbose_name_plural = _("last reports about records")
        constraints = [models.UniqueConstraint(fields=["provider", "record"], name="a_record_has_one_last_word")]

    def __str__(self) -> str:
        return f"{self.provider} {self.record}"


def _statement() -> str:
    table = connection.ops.quote_name(LastReceived._meta.db_table)
    same = f"{table}.digest = excluded.digest AND {table}.since > %s"
    return (
        f"INSERT INTO {table} (provider, record, digest, number, since) VALUES (%s, %s, %s, %s, %s) "  # noqa: S608
        f"ON CONFLICT (provider, record) DO UPDATE SET "
        f"number = {table}.number + CASE WHEN {same} THEN 0 ELSE 1 END, "
        f"since = CASE WHEN {same} THEN {table}.since ELSE excluded.since END, "
        "digest = excluded.digest RETURNING number"
    )


def _adapted(moment: datetime) -> Any:
    return LastReceived._meta.get_field("since").get_db_prep_save(moment, connection)
