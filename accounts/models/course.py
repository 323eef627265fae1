"""How far somebody is in a course.

A course is what its title says: `course_key` (core.text.title_key) makes two spellings one. A course without a title
goes by its id.
"""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models.user import User

COURSE = 255  # letters of a title


class CourseProgress(models.Model):
    """How much of a course somebody has done, as received; who that is may still be open.

    Rows are kept by address, so that an event never depends on whether its person is a member yet. `percent` is what
    the latest event said, `highest` the most that any event said: a course may get new lessons, and nobody loses a
    milestone by that. Written by `accounts.services.progress`.
    """

    email = models.CharField(_("e-mail"), max_length=254)
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="progress", verbose_name=_("member")
    )
    course = models.CharField(_("course"), max_length=COURSE)
    course_key = models.CharField(max_length=COURSE, editable=False)
    course_id = models.CharField(_("id of the course"), max_length=100, blank=True)
    percent = models.PositiveSmallIntegerField(_("percent done"))
    occurred_at = models.DateTimeField(_("as of"))
    highest = models.PositiveSmallIntegerField(_("highest percent"))
    highest_at = models.DateTimeField(_("reached"))
    cause = models.CharField(_("source event"), max_length=200)
    event_id = models.BigIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("received"), default=timezone.now)

    class Meta:
        verbose_name = _("course progress")
        verbose_name_plural = _("course progress")
        constraints = [
            models.UniqueConstraint(fields=["email", "course_key"], name="progress_is_kept_once"),
            models.CheckConstraint(condition=~Q(email="") & ~Q(course_key=""), name="progress_names_both"),
            models.CheckConstraint(
                condition=Q(percent__lte=F("highest"), highest__lte=100), name="progress_is_a_percentage"
            ),
        ]
        indexes = [
            models.Index(fields=["email"], name="progress_unmatched", condition=Q(user__isnull=True)),
            models.Index(fields=["course_key"], name="progress_by_course"),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.course} ({self.percent} %)"
