"""Activities that give points, and the forms and events that complete them."""

from fnmatch import fnmatchcase

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.text import loose_title_key

# What an event may say by itself, without any form; lines of Activity.forms begin with these.
COURSE, ASSESSMENT = "course", "assessment"
_EVENTS = (COURSE, ASSESSMENT)


class Activity(models.Model):
    """Something that gives points. `forms` says which forms and events complete it, so that staff decide that."""

    code = models.CharField(
        _("code"),
        max_length=30,
        unique=True,
        validators=[RegexValidator(r"^[A-Z][A-Z0-9_]*$", _("A word in capitals."))],
    )
    name = models.CharField(_("name"), max_length=150)
    points = models.PositiveIntegerField(_("points"), validators=[MinValueValidator(1)])
    forms = models.TextField(
        _("forms"),
        blank=True,
        help_text=_(
            "One a line: a form's id, or its title, in which * stands for any text (*completion*). "
            "Lines “course:…” and “assessment:…” take the events of completed courses and passed assessments, by id or "
            "title (course:*). The line “mail” takes completions by e-mail, which always need your decision."
        ),
    )
    once_per_course = models.BooleanField(
        _("once for each course"), default=True, help_text=_("No: every completion gives points.")
    )
    recertify_after = models.PositiveSmallIntegerField(
        _("points again after (months)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(600)],
        help_text=_("A course that is taken again so long after it last gave points gives them again; empty: never."),
    )
    mail_member = models.BooleanField(
        _("mail to the member"),
        default=True,
        help_text=_("One mail for a completion of the last 14 days that gave points; none for imported ones."),
    )
    completes_course = models.BooleanField(
        _("completes the course"),
        default=True,
        help_text=_("Yes: its completions count for learning paths and stand among the member's courses."),
    )
    needed = models.PositiveSmallIntegerField(
        _("how many of the courses"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Of the required courses below; empty: all of them. The points are given once."),
    )
    # Since when members who meet the requirements may lack the points, as the requirements were changed.
    sweep_since = models.DateTimeField(null=True, blank=True, editable=False)
    is_active = models.BooleanField(_("active"), default=True)

    NAMED_BY = ("name",)

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(points__gt=0), name="activity_gives_points"),
            models.CheckConstraint(
                condition=Q(recertify_after__isnull=True) | Q(recertify_after__gt=0), name="activity_recertifies_later"
            ),
            models.CheckConstraint(condition=Q(needed__isnull=True) | Q(needed__gt=0), name="activity_needs_a_course"),
        ]

    def __str__(self) -> str:
        return self.code

    def takes_form(self, *, form_id: str, form_title: str) -> bool:
        """Return whether answers to this form complete this activity."""
        return self._names("", form_id, form_title)

    def takes_event(self, event: str, *, external_id: str, title: str) -> bool:
        """Return whether a completed COURSE, or a passed ASSESSMENT, completes this activity."""
        return self._names(event, external_id, title)

    @property
    def takes_assessments_only(self) -> bool:
        """Return whether assessments are all that it is for; else one of them stands for the course it belongs to."""
        return {event for event, _pattern in self._lines()} == {ASSESSMENT}

    def _names(self, event: str, external_id: str, title: str) -> bool:
        plain, loose = " ".join(title.split()).casefold(), loose_title_key(title)
        patterns = [pattern for kind, pattern in self._lines() if kind == event]
        return any(
            (external_id and pattern == external_id)
            or ((plain or (event and pattern == "*")) and fnmatchcase(plain, pattern.casefold()))
            or (plain and fnmatchcase(loose, loose_title_key(pattern)))
            for pattern in patterns
        )

    def _lines(self) -> list[tuple[str, str]]:
        """Return each line as the event that it is for ("": a form) and its pattern."""
        found = []
        for line in (" ".join(line.split()) for line in self.forms.splitlines()):
            head, colon, rest = line.partition(":")
            event = head.strip().casefold()
            found.append((event, rest.strip()) if colon and event in _EVENTS else ("", line))
        return [(event, pattern) for event, pattern in found if pattern]
