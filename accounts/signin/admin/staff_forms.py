"""Forms with which staff sign in and choose their password."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.forms import AdminPasswordChangeForm as SetAnyPasswordForm
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people.models import User
from accounts.signin import change_password, lockout
from accounts.signin.forms import SignInForm, bound_field
from accounts.signin.password_rules import check_new_password
from accounts.staff.audit import record
from core.text import PASSWORD


def tell_of_new_password(user: User) -> None:
    """Owe `user` the mail that their password was changed, as after every other way to change it."""
    emails.enqueue(EmailMessage.Kind.PASSWORD_CHANGED, key=f"password-changed:{uuid4()}", to=user.email, user=user)


def bound_passwords(form: forms.BaseForm) -> None:
    for field in form.fields.values():
        if isinstance(field, forms.CharField):
            bound_field(field, PASSWORD)


class StaffSignInForm(SignInForm):
    """The members' form with its limits; members get the same message as for a wrong password."""

    required_css_class = "required"

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        if not user.is_staff:
            record("sign_in.failed", request=self.request, target=user, outcome="failed", reason="no staff")
            raise self.get_invalid_login_error()


class OwnPasswordForm(AdminPasswordChangeForm):
    """Staff's own new password, with a mail that says so."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bound_passwords(self)

    def validate_password_for_user(self, user: Any, password_field_name: str = "password2") -> None:  # noqa: S107 (a field)
        password = self.cleaned_data.get(password_field_name)
        if password:
            try:
                check_new_password(password, user)
            except ValidationError as error:
                self.add_error(password_field_name, error)

    def save(self, commit: bool = True) -> Any:
        with transaction.atomic():
            user = super().save(commit)
            tell_of_new_password(user)
        return user


class OthersPasswordForm(SetAnyPasswordForm):
    """A new password for somebody else, with a mail to them that says so; or none, and then they need a set-up mail."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bound_passwords(self)

    def save(self, commit: bool = True) -> Any:
        with transaction.atomic():
            user = super().save(commit)
            tell_of_new_password(user)
        return user


class CodeForm(forms.Form):
    """The six digits of an authenticator app; spaces in them are fine."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        help_text=_("Six digits, from the authenticator app on your phone."),
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True, "class": "vTextField"}
        ),
    )

    def clean_code(self) -> str:
        code = "".join(self.cleaned_data["code"].split())
        if not code.isascii() or not code.isalnum():
            raise ValidationError(_("This is no code."))
        return code


class NewDeviceForm(CodeForm):
    """The first code of a new device, and the password again: a session that somebody found open adds none."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "vTextField"}),
    )
    field_order = ("password", "code")

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request
        self.fields["password"].widget.attrs["autofocus"] = self.fields["code"].widget.attrs.pop("autofocus")

    def clean_password(self) -> str:
        try:
            user: Any = self._request.user
            change_password.prove(user, self.cleaned_data["password"], request=self._request)
        except change_password.WrongPassword:
            raise ValidationError(_("This is not your password.")) from None
        except lockout.TooMany:
            raise ValidationError(_("Too many tries. Wait a quarter of an hour.")) from None
        return ""
