"""A token with which a script of staff calls the API."""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken
from knox.settings import CONSTANTS


class ApiToken(AbstractAuthToken):
    """Only a digest is kept. A token is worth what its owner may do, and no more than its scopes.

    `owner_seal` is what a session of the owner would hold: it changes with the password, and the token is worthless
    then, whichever way the password was changed.
    """

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=CONSTANTS.DIGEST_LENGTH, unique=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="auth_token_set", verbose_name=_("owner")
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What uses it, for whoever asks later."))
    scopes = models.JSONField(_("scopes"), default=list)
    owner_seal = models.CharField(max_length=128, editable=False)
    created = models.DateTimeField(_("made"), default=timezone.now, editable=False)
    expiry = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    NAMED_BY = ("name", "user__email")

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.token_key}… ({self.name})"

    def is_expired(self) -> bool:
        return self.expiry <= timezone.now()

    def has_its_owner(self) -> bool:
        """Return whether the owner is active staff, with the password with which the token was made."""
        owner: Any = self.user
        seals = [owner.get_session_auth_hash(), *owner.get_session_auth_fallback_hash()]
        is_sealed = any(constant_time_compare(self.owner_seal, seal) for seal in seals)
        return owner.is_active and owner.is_staff and is_sealed
