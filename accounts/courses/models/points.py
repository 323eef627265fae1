"""The ledger of points."""

from typing import Any, NoReturn

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.courses.models.activity import Activity
from accounts.courses.models.completion import Completion
from accounts.people.models.user import User


class NeverChanged(TypeError):
    """A line of the ledger was to be changed or deleted. What was wrong is reversed by a new line."""


def _refuse(*arguments: Any, **options: Any) -> NoReturn:
    raise NeverChanged("a line of the ledger is never changed or deleted; reverse it by a new one")


class LedgerQuerySet(models.QuerySet[Any]):
    update = bulk_update = delete = _refuse

    def of(self, user: Any) -> "LedgerQuerySet":
        return self.filter(user=user)

    def balance(self) -> int:
        """Return the sum of these lines."""
        return int(self.aggregate(total=models.Sum("points"))["total"] or 0)


class PointsEntry(models.Model):
    """A line of the ledger: an award, or the reversal of one. Never changed; a balance is a sum.

    A completion has one award; only its reversal, which there is once, makes room for one more, which `follows` it.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="points", verbose_name=_("member"))
    points = models.IntegerField(_("points"))
    activity = models.ForeignKey(Activity, on_delete=models.PROTECT, related_name="+", verbose_name=_("activity"))
    completion = models.ForeignKey(
        Completion, on_delete=models.PROTECT, related_name="entries", verbose_name=_("completion")
    )
    source = models.CharField(_("source"), max_length=200)
    reverses = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversal", verbose_name=_("reverses")
    )
    follows = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="next_award", editable=False
    )
    cause = models.CharField(_("source"), max_length=200)
    event_id = models.BigIntegerField(null=True, blank=True, editable=False)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("staff"),
    )  # fmt: skip
    reason = models.CharField(_("why"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("date"), default=timezone.now)

    objects: Any = LedgerQuerySet.as_manager()

    NAMED_BY = ("user__email", "source")

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("points")
        verbose_name_plural = _("points")
        permissions = [("award_points", gettext_noop("Can give points by hand"))]
        constraints = [
            models.UniqueConstraint(
                fields=["completion"],
                condition=Q(reverses__isnull=True, follows__isnull=True),
                name="a_completion_is_awarded_once",
            ),
            models.CheckConstraint(
                condition=Q(reverses__isnull=True, points__gt=0)
                | Q(reverses__isnull=False, follows__isnull=True, points__lt=0),
                name="an_award_adds_and_a_reversal_takes",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="points_by_user"),
            models.Index(fields=["created_at"], name="points_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.source}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse()
        super().save(*args, **kwargs)

    delete = _refuse
