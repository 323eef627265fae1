"""Staff's settings for the mails of one plan: switched on or off, in their own words."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.mail import plan_texts
from accounts.mail.models.email_message import EmailMessage
from accounts.memberships.models.plan import Plan

Kind = EmailMessage.Kind
KINDS = (
    Kind.WELCOME,
    Kind.WELCOME_BACK,
    Kind.MEMBERSHIP_LINKED,
    Kind.RESUMED,
    Kind.PAYMENT_FAILED,
    Kind.ENDS_SOON,
    Kind.ENDED,
    Kind.REFUNDED,
)
OFF_UNLESS_SET = frozenset({Kind.ENDS_SOON})


class PlanMail(models.Model):
    """How one kind of mail is sent to members of a plan. Without a row, and where a text is empty: the built-in one."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="mails", verbose_name=_("plan"))
    kind = models.CharField(_("mail"), max_length=30, choices=[(kind.value, kind.label) for kind in KINDS])
    is_enabled = models.BooleanField(
        _("is sent"),
        default=True,
        help_text=_("A welcome that is not sent leaves whoever has no password without a link to choose one."),
    )
    subject_en = models.CharField(_("subject, English"), max_length=200, blank=True)
    text_en = models.TextField(_("text, English"), max_length=5000, blank=True)
    subject_es = models.CharField(_("subject, Spanish"), max_length=200, blank=True)
    text_es = models.TextField(_("text, Spanish"), max_length=5000, blank=True)

    NAMED_BY = ("plan__name",)

    class Meta:
        verbose_name = _("mail of a plan")
        verbose_name_plural = _("mails of plans")
        ordering = ["plan", "kind"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "kind"],
                name="a_plan_has_one_mail_of_a_kind",
                violation_error_message=_("This plan has a setting for that mail already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan}: {self.get_kind_display()}"

    def clean(self) -> None:
        """Refuse placeholders that would stay in the mail as they are."""
        errors = {}
        for name in ("subject_en", "text_en", "subject_es", "text_es"):
            if wrong := plan_texts.unknown_placeholders(getattr(self, name)):
                known = ", ".join(f"{{{one}}}" for one in plan_texts.PLACEHOLDERS)
                errors[name] = _("Unknown: %(wrong)s. There are %(known)s.") % {
                    "wrong": ", ".join(wrong),
                    "known": known,
                }
        if errors:
            raise ValidationError(errors)

    def own_text(self, language: str) -> plan_texts.OwnText | None:
        """Return the plan's own words in `language`, None where there are none."""
        code = "es" if language.startswith("es") else "en"
        own = plan_texts.OwnText(subject=getattr(self, f"subject_{code}"), text=getattr(self, f"text_{code}").strip())
        return own if own.subject or own.text else None
