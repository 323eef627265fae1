"""A mail to somebody, and its delivery."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.people.models.user import User
from core.prunable import Prunable
from core.queue.delivery import Delivery, DeliveryQuerySet, sweep_index


class EmailMessage(Prunable, Delivery):
    """Written in the transaction of its cause, sent by a worker. `key` is the business reason: one reason sends one
    mail.

    `context` holds nothing that opens an account: links are made when the mail is sent. A mail that is `held` is not
    due: it occupies its reason until staff release it.
    """

    class Kind(models.TextChoices):
        WELCOME = "welcome", _("welcome, with the set-up link")
        ACCOUNT_CREATED = "account_created", _("account created, with the set-up link")
        MEMBERSHIP_LINKED = "membership_linked", _("membership linked")
        WELCOME_BACK = "welcome_back", _("welcome back")
        RESUMED = "resumed", _("membership resumed")
        PAYMENT_FAILED = "payment_failed", _("payment failed")
        ENDS_SOON = "ends_soon", _("access ends soon")
        ENDED = "ended", _("access ended")
        REFUNDED = "refunded", _("refunded")
        PASSWORD_SETUP = "password_setup", _("new set-up link")
        PASSWORD_RESET = "password_reset", _("password reset link")
        PASSWORD_CHANGED = "password_changed", _("password changed")
        ADDRESS_CHANGED = "address_changed", _("address of the account changed")
        COURSE_COMPLETED = "course_completed", _("course completed")
        STAFF_NEW_MEMBER = "staff_new_member", _("to staff: new member")
        STAFF_MEMBER_LINKED = "staff_member_linked", _("to staff: existing user linked")
        STAFF_MAIL_BOUNCED = "staff_mail_bounced", _("to staff: a mail bounced")
        STAFF_EVENT_FAILED = "staff_event_failed", _("to staff: an event failed")
        STAFF_RUN_FAILED = "staff_run_failed", _("to staff: a reconciliation failed")
        STAFF_COMPLETIONS_WAITING = "staff_completions_waiting", _("to staff: completions need your decision")
        STAFF_FIELD_FROZEN = "staff_field_frozen", _("to staff: a field is frozen")
        STAFF_QUESTION = "staff_question", _("to staff: a question")
        STAFF_ALERT = "staff_alert", _("to staff: an alert")

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        HELD = "held", _("held back")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        BOUNCED = "bounced", _("bounced")
        FAILED = "failed", _("failed")
        SUPPRESSED = "suppressed", _("not sent")

    kind = models.CharField(_("kind"), max_length=30, choices=Kind.choices)
    key = models.CharField(
        _("reason"), max_length=200, unique=True, help_text=_("the same reason sends no second mail")
    )
    user = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="emails", verbose_name=_("user")
    )
    to = models.EmailField(_("to"), db_index=True)
    language = models.CharField(_("language"), max_length=10)
    context = models.JSONField(_("context"), default=dict)
    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.PENDING)
    provider_message_id = models.CharField(_("id at the mail provider"), max_length=255, blank=True, db_index=True)
    location = models.CharField(_("file"), max_length=500, blank=True, help_text=_("where the file mailbox put it"))
    created_at = models.DateTimeField(_("requested"), auto_now_add=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    bounced_at = models.DateTimeField(_("bounced"), null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    NAMED_BY = ("to",)

    class Meta:
        verbose_name = _("e-mail")
        verbose_name_plural = _("e-mails")
        permissions = [("resend_emailmessage", gettext_noop("Can send an e-mail again"))]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["pending", "held", "sent", "delivered", "bounced", "failed", "suppressed"]
                ),
                name="email_status_is_known",
            )
        ]
        indexes = [
            sweep_index("email_to_be_woken"),
            models.Index(fields=["status", "-id"], name="email_by_status"),
            models.Index(fields=["kind", "-id"], name="email_by_kind"),
            models.Index(fields=["created_at"], name="email_by_time"),
            models.Index(
                fields=["status", "created_at"], name="email_to_be_pruned", condition=models.Q(pruned_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} → {self.to}"


# They hold the link with which somebody new gets a password.
GREETINGS = frozenset(
    {
        EmailMessage.Kind.WELCOME,
        EmailMessage.Kind.ACCOUNT_CREATED,
        EmailMessage.Kind.WELCOME_BACK,
        EmailMessage.Kind.RESUMED,
    }
)
