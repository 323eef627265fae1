from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.addresses import InvalidAddress, normalise
from core.web import guesses
from core.web.client_address import client_address

SIGN_IN_TRIES = 10  # for an address and for a client, in a quarter of an hour
QUARTER_HOUR = 15 * 60


class SignInForm(AuthenticationForm):
    """Sign-in by e-mail, for members and for staff, with a limit on failed tries."""

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

    def clean(self) -> dict[str, Any]:
        client = client_address(self.request.META) if self.request else ""
        account = self.cleaned_data.get("username", "").lower()
        try:
            guesses.count("sign-in-client", client, limit=SIGN_IN_TRIES, seconds=QUARTER_HOUR)
            guesses.count("sign-in-account", account, limit=SIGN_IN_TRIES, seconds=QUARTER_HOUR)
        except guesses.TooMany as error:
            raise ValidationError(self.error_messages["too_many"], code="too_many") from error
        cleaned = super().clean()
        guesses.forgive("sign-in-client", client)
        guesses.forgive("sign-in-account", account)
        return cleaned


class SetPasswordForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "autofocus": True}),
    )


class ForgotPasswordForm(forms.Form):
    email = forms.CharField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )

    def clean_email(self) -> str:
        try:
            return normalise(self.cleaned_data["email"])
        except InvalidAddress as error:
            raise ValidationError(_("This is no e-mail address. It looks like name@example.com.")) from error
