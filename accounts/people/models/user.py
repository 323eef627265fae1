"""A person who can sign in. The e-mail is the login, stored in one normalised form."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from core.prefix import PrefixIndex
from core.text import InvalidAddress, normalise_email

NOBODY = "@forgotten.invalid"  # the domain of the addresses that erased logins get


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Create a user; without a password one that cannot sign in until it is set.

        Raises InvalidAddress, IntegrityError.
        """
        user = self.model(email=normalise_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        try:
            return self.get(email=normalise_email(username or ""))
        except InvalidAddress as error:
            raise self.model.DoesNotExist(str(error)) from error


class User(AbstractBaseUser, PermissionsMixin):
    class AuthProvider(models.TextChoices):
        LOCAL = "local", _("created here")
        KAJABI = "kajabi", _("came from Kajabi")

    email = models.EmailField(
        _("e-mail"), unique=True, error_messages={"unique": _("There is already a user with this e-mail.")}
    )
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True, help_text=_("of mails; empty: not known yet"))
    auth_provider = models.CharField(
        _("origin"), max_length=20, choices=AuthProvider.choices, default=AuthProvider.LOCAL, editable=False
    )
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("may open this console"))
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Untick to lock somebody out; members are never deleted for that.")
    )
    # Counts up with each new link, which ends the links before it.
    link_version = models.PositiveIntegerField(default=0, editable=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    NAMED_BY = ("email",)

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [
            ("send_link", gettext_noop("Can send a set-up link")),
            ("export_list", gettext_noop("Can download lists as CSV")),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="user_email_is_lower_case"),
        ]
        indexes = [
            models.Index(fields=["auth_provider", "-id"], name="user_by_origin"),
            models.Index(fields=["is_staff", "-id"], name="user_by_staff"),
            models.Index(fields=["is_active", "-id"], name="user_by_activity"),
            PrefixIndex(fields=["first_name"], name="user_by_first_name"),
            PrefixIndex(fields=["last_name"], name="user_by_last_name"),
        ]

    def __str__(self) -> str:
        return self.email

    def clean(self) -> None:
        from django.core.exceptions import ValidationError

        if not self.email:
            return  # the field says so itself
        try:
            self.email = normalise_email(self.email)
        except InvalidAddress as error:
            raise ValidationError({"email": str(error)}) from error

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name

    @property
    def can_sign_in(self) -> bool:
        """Return whether the user is active and has a password."""
        return self.is_active and self.has_usable_password()

    def has_access(self, plan: Any) -> bool:
        """Return whether the user's subscription to `plan` (a Plan or its code) opens its pages at this moment."""
        from accounts.memberships.models.plan import Plan

        match = {"plan": plan} if isinstance(plan, Plan) else {"plan__code": plan}
        return self.is_active and self.subscriptions.giving_access().filter(**match).exists()
