"""Each thing that members did that gives points, as it was reported."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.courses.models.activity import Activity
from accounts.courses.models.certificate import DOUBTFUL_STATES, SHOWN_STATES, CertificateState
from accounts.people.models.user import User
from core.prunable import Prunable

# Channels of completions that no provider reports. By mail they come from a form that is called so too.
BY_MAIL, BY_STAFF, BY_IMPORT = "mail", "staff", "import"
BY_PATH = "path"  # the courses that an activity asks for were completed


class Completion(Prunable):
    """Somebody did something that gives points, as it was reported; who that is may still be open.

    `source` is what makes two reports the same one ("acme:sub_123"). Written by `accounts.courses.completions`.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("needs your decision")
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

    NAMED_BY = ("email", "course")

    class Meta:
        verbose_name = _("completion")
        verbose_name_plural = _("completions")
        permissions = [
            ("link_completion", gettext_noop("Can link a completion to a member")),
            ("decide_completion", gettext_noop("Can dismiss completions, award and reverse them")),
            ("export_completion", gettext_noop("Can export completions")),
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
            models.Index(fields=["received_at"], name="completion_by_time"),
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
