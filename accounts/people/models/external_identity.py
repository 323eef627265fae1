"""The id of a user at a provider."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.people.models.user import User


class ExternalIdentity(models.Model):
    """One id of one kind, say Kajabi's customer id: it belongs to one user, and a user has one of each kind.

    A second id of the same kind for the same e-mail is a conflict for staff: remove the wrong one here, then retry the
    event.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities", verbose_name=_("user"))
    provider = models.CharField(_("provider"), max_length=30)
    kind = models.CharField(_("kind"), max_length=30, help_text=_("ids of different kinds are not comparable"))
    external_id = models.CharField(_("remote ID"), max_length=100)

    class Meta:
        verbose_name = _("identity at a provider")
        verbose_name_plural = _("identities at providers")
        constraints = [
            models.UniqueConstraint(fields=["provider", "kind", "external_id"], name="identity_names_one_user"),
            models.UniqueConstraint(fields=["user", "provider", "kind"], name="user_has_one_identity_of_a_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind} {self.external_id}"
