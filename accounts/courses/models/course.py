"""Courses: how far somebody is in one, and the courses that an activity asks for (a milestone or a learning path).

A course is what its title says: `course_key` (core.text.loose_title_key) makes two
spellings one. A course without a title goes by its id.
"""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.courses.models.activity import Activity
from accounts.people.models.user import User
from core.text import loose_title_key, one_line

COURSE = 255  # letters of a title


class CourseProgress(models.Model):
    """Progress of a person in a course, as received; the person may still be unknown.

    Rows are kept by address, so that an event never depends on whether its person is a member yet. `percent` is of
    the latest event, `highest` the most of any event: a course may get new lessons, and nobody loses a milestone by
    that. Written by `accounts.courses.progress`.
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

    NAMED_BY = ("email", "course")

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
            models.Index(fields=["occurred_at"], name="progress_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.email}: {self.course} ({self.percent} %)"


class Requirement(models.Model):
    """A course that an activity asks for, or a share of one. An activity with any is a milestone or a learning path."""

    activity = models.ForeignKey(
        Activity, on_delete=models.CASCADE, related_name="requirements", verbose_name=_("activity")
    )
    course = models.CharField(
        _("course"),
        max_length=COURSE,
        help_text=_(
            "The title as it is received; capitals, spaces, quotes and dashes do not matter. A course without a "
            "title: its id."
        ),
    )
    course_key = models.CharField(max_length=COURSE, editable=False)
    share = models.PositiveSmallIntegerField(
        _("percent of it"),
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("100: the course completed."),
    )

    class Meta:
        verbose_name = _("required course")
        verbose_name_plural = _("required courses")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["activity", "course_key"], name="a_course_is_required_once"),
            models.CheckConstraint(condition=Q(share__gte=1, share__lte=100), name="a_share_is_a_percentage"),
            models.CheckConstraint(condition=~Q(course_key=""), name="a_requirement_names_a_course"),
        ]
        indexes = [models.Index(fields=["course_key"], name="requirement_by_course")]

    def __str__(self) -> str:
        return self.course if self.share == 100 else f"{self.course} ({self.share} %)"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.course = one_line(self.course, COURSE)
        self.course_key = loose_title_key(self.course, COURSE)
        super().save(*args, **kwargs)
