"""Forms of users: somebody new, a member or a colleague with a role; and one who is there."""

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.people import new_address
from accounts.people.models import User
from core.text import PASSWORD


class AddUserForm(forms.ModelForm):
    """Somebody new. Without a password they cannot sign in until they set one by the set-up mail."""

    password = forms.CharField(
        label=_("Password"),
        required=False,
        strip=False,
        max_length=PASSWORD,
        help_text=_("Leave it empty and send a set-up mail: then nobody but the person knows the password."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "language")

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        if password:
            names = {name: self.cleaned_data.get(name, "") for name in ("email", "first_name", "last_name")}
            validate_password(password, User(**names))
        return password

    def save(self, commit: bool = True) -> User:
        user = super().save(commit=False)
        user.set_password(self.cleaned_data["password"] or None)
        if commit:
            user.save()
        return user


class AddColleagueForm(AddUserForm):
    """Somebody new, a member or a colleague with a role. For superusers: a declared field is read from everybody."""

    role = forms.ChoiceField(
        label=_("Role in this console"),
        required=False,
        choices=[
            ("", _("none: a member")),
            ("auditor", _("auditor: looks at everything, changes nothing")),
            ("support", _("support: sees people, e-mails and events, sends links again")),
            ("operator", _("operator: also repairs, retries, reads and writes at providers")),
        ],
        help_text=_("A colleague gets a mail with a link to choose a password, and then signs in to the console."),
    )

    def save(self, commit: bool = True) -> User:
        self.instance.is_staff = bool(self.cleaned_data["role"])
        return super().save(commit)


class UserForm(forms.ModelForm):
    """A user. Another address is refused where it means another member."""

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        try:
            new_address.refuse_taken(self.instance, email)
        except new_address.AddressTaken as error:
            raise ValidationError(
                _("%(email)s is an address of the member %(owner)s.") % {"email": email, "owner": error}
            ) from error
        return email
