"""Points for what members do: the activities that give them, each thing that was done, and the ledger."""

from fnmatch import fnmatchcase
from typing import Any, NoReturn

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.courses.models.certificate import DOUBTFUL_STATES, SHOWN_STATES, CertificateState
from accounts.people.models.user import User
from core.prunable import Prunable
from core.text import loose_title_key

BY_MAIL = "mail"  # the channel of a completion by e-mail, and the form that it comes from
BY_STAFF = "staff"
BY_IMPORT = "import"
# What an event may say by itself, without any form; lines of Activity.forms begin with these.
COURSE, ASSESSMENT = "course", "assessment"
_EVENTS = (COURSE, ASSESSMENT)
BY_PATH = "path"  # the courses that an activity asks for were completed


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
            "title (course:*). The line “mail” takes completions by e-mail, which always need review."
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


class Completion(Prunable):
    """Somebody did something that gives points, as it was reported; who that is may still be open.

    `source` is what makes two reports the same one ("acme:sub_123"). Written by `accounts.courses.completions`.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("needs review")
        MATCHED = "matched", _("matched, without points")
        AWARDED = "awarded", _("awarded")
        REVERSED = "reversed", _("reversed")
        DISMISSED = "dismissed", _("dismissed")

    activity = models.ForeignKey(
        Activity, on_delete=models.PROTECT, related_name="completions", verbose_name=_("activity")
    )
    source = models.CharField(_("source"), max_length=200)
    channel = models.CharField(_("channel"), max_length=30)
    email_received = models.CharField(_("e-mail as received"), max_length=254, blank=True)
    email = models.CharField(
        _("e-mail"), max_length=254, blank=True, help_text=_("in its stored form; empty: it is no address")
    )
    name = models.CharField(_("name"), max_length=150, blank=True)
    course = models.CharField(_("course"), max_length=255, blank=True)
    course_key = models.CharField(max_length=255, blank=True, editable=False)
    completed_on = models.DateField(_("completed on"))
    certificate_url = models.URLField(_("certificate"), max_length=500, blank=True)
    certificate_state = models.CharField(
        _("certificate check"), max_length=20, choices=CertificateState.choices, default=CertificateState.NOT_CHECKED
    )
    certificate_reason = models.CharField(_("result of the check"), max_length=300, blank=True)
    certificate_checked_at = models.DateTimeField(_("checked"), null=True, blank=True)
    answers = models.JSONField(_("answers"), default=dict, blank=True)
    is_once = models.BooleanField(
        _("once for each course"), default=True, help_text=_("as the activity was when this came")
    )
    # Which of a member's completions of one course that gave points, 0 the first: so that no two are the same one.
    retake = models.PositiveSmallIntegerField(default=0, editable=False)
    state = models.CharField(_("status"), max_length=10, choices=State.choices, default=State.RECEIVED)
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="completions", verbose_name=_("member")
    )
    rule = models.CharField(_("matched by"), max_length=200, blank=True)
    reason = models.CharField(_("why"), max_length=300, blank=True)
    cause = models.CharField(_("source"), max_length=200)
    event_id = models.BigIntegerField(null=True, blank=True, editable=False)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("decided by"),
    )  # fmt: skip
    received_at = models.DateTimeField(_("received"), default=timezone.now)
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("completion")
        verbose_name_plural = _("completions")
        permissions = [
            ("link_completion", "Can link a completion to a member"),
            ("decide_completion", "Can dismiss completions, award and reverse them"),
            ("export_completion", "Can export completions"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "activity"], name="a_completion_is_kept_once"),
            models.UniqueConstraint(
                fields=["user", "activity", "course_key", "retake"],
                condition=Q(state="awarded", is_once=True),
                name="a_course_gives_points_once",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["received", "matched", "awarded", "reversed", "dismissed"]),
                name="completion_state_is_known",
            ),
            models.CheckConstraint(
                condition=Q(certificate_state__in=CertificateState.values), name="certificate_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["received", "dismissed"]) | Q(user__isnull=False),
                name="a_matched_completion_has_a_member",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="completion_by_state"),
            models.Index(fields=["email"], name="completion_waiting", condition=Q(state="received")),
            models.Index(fields=["channel", "received_at"], name="completion_by_channel"),
            models.Index(
                fields=["certificate_state", "-id"],
                name="certificate_in_doubt",
                condition=Q(certificate_state__in=DOUBTFUL_STATES),
            ),
            models.Index(
                fields=["course_key"], name="completion_by_course", condition=Q(state__in=["awarded", "matched"])
            ),
            models.Index(
                fields=["state", "decided_at"],
                name="completion_to_be_pruned",
                condition=Q(decided_at__isnull=False, pruned_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email or self.email_received or '?'}: {self.course or self.activity_id}"

    @property
    def shown_certificate(self) -> str:
        """Return the certificate's address where it may be shown to members; "" where it is doubtful."""
        return self.certificate_url if self.certificate_state in SHOWN_STATES else ""


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

    class Meta:
        base_manager_name = "objects"
        verbose_name = _("points")
        verbose_name_plural = _("points")
        permissions = [("award_points", "Can give points by hand")]
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
        indexes = [models.Index(fields=["user", "-id"], name="points_by_user")]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.source}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            _refuse()
        super().save(*args, **kwargs)

    delete = _refuse
