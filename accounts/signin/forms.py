from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.translation import gettext_lazy as _

from accounts.people.models import User
from accounts.signin import lockout
from accounts.signin.devices import known_device
from core.text import EMAIL, PASSWORD, InvalidAddress, normalise_email
from core.web.client_address import client_key

SIGN_IN_TRIES = 10  # for a client, for an account and for a known device of an account, in a quarter of an hour
QUARTER_HOUR = 15 * 60


def bound_field(field: forms.Field, limit: int) -> None:
    """Let a text field of a form of Django's take at most `limit` letters."""
    assert isinstance(field, forms.CharField)
    field.max_length = limit
    field.validators.append(MaxLengthValidator(limit))
    field.widget.attrs["maxlength"] = str(limit)


class SignInForm(AuthenticationForm):
    """Sign-in by e-mail, for members and for staff, with limits on wrong tries.

    Strangers are counted by client and by account, a browser that was signed in before for itself alone. The password
    is checked for the very string that was counted, so that no spelling of an address has tries of its own.
    """

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _(
            "This e-mail and password do not fit together. Both count: check the spelling and the capitals."
        ),
        "too_many": _("Too many tries. Wait a quarter of an hour, or ask for a new password."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail")
        self.fields["username"].widget.attrs.update({"autocomplete": "username", "inputmode": "email"})
        # The parent sets no limit that a form would check: it only tells the browser.
        bound_field(self.fields["username"], EMAIL)
        bound_field(self.fields["password"], PASSWORD)

    def clean(self) -> dict[str, Any]:
        typed, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not typed or not password:
            return self.cleaned_data  # the fields say what is missing; there is nothing to judge
        try:
            account = normalise_email(typed)
        except InvalidAddress as error:
            self._count(typed)
            raise self.get_invalid_login_error() from error
        counted = self._count(account)
        self.cleaned_data["username"] = account
        cleaned = super().clean()
        for scope, identity in counted.items():
            lockout.forgive(scope, identity)
        return cleaned

    def _count(self, account: str) -> dict[str, str]:
        """Count a try; return for whom, by the scope. Raises ValidationError where one of them is locked out."""
        device = known_device(self.request, account) if self.request else None
        if device is not None:
            counted = {"sign_in.device": device.identity}
        else:
            # The client first: once it is locked out it uses up no account's tries.
            client = client_key(self.request.META) if self.request else ""
            counted = {"sign_in.client": client, "sign_in.account": account}
        holder = User.objects.filter(email=account).first
        try:
            for scope, identity in counted.items():
                lockout.count(self.request, scope, identity, limit=SIGN_IN_TRIES, seconds=QUARTER_HOUR, target=holder)
        except lockout.TooMany as error:
            raise ValidationError(self.error_messages["too_many"], code="too_many") from error
        return counted


class SetPasswordForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=PASSWORD,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
    )


class ForgotPasswordForm(forms.Form):
    email = forms.CharField(
        label=_("E-mail"),
        max_length=EMAIL,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )

    def clean_email(self) -> str:
        try:
            return normalise_email(self.cleaned_data["email"])
        except InvalidAddress as error:
            raise ValidationError(_("This is no e-mail address. It looks like name@example.com.")) from error
