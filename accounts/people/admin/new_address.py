"""The action *use new address*, on the pages of users and contacts."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people import new_address
from accounts.people.admin.address_field import AddressField
from accounts.people.models import User
from core.console.actions import Action, Refused, Submission


class NewAddressForm(forms.Form):
    email = AddressField(
        label=gettext_lazy("New address"), widget=forms.EmailInput(attrs={"class": "vTextField", "autofocus": True})
    )


def use_new_address(user_of: Callable[[Any], User | None]) -> Action:
    """Return the action for rows whose user `user_of` gives: another address to sign in by. Not for staff."""

    def run(row: Any, submission: Submission) -> bool:
        user = user_of(row)
        assert user is not None
        try:
            return new_address.use(user, submission.answers["email"], cause=submission.cause)
        except new_address.AddressTaken as error:
            names = {"email": submission.answers["email"], "owner": error}
            raise Refused(_("%(email)s is an address of the member %(owner)s.") % names) from error

    def applies_to(row: Any) -> bool:
        user = user_of(row)
        return user is not None and not (user.is_staff or user.is_superuser)

    return Action(
        name="use-new-address",
        label=gettext_lazy("use new address"),
        explanation=gettext_lazy(
            "The member signs in with the new address from now on and gets our mails there. The old one stays an alias,"
            " the password and the sessions stay, and both addresses get a notice. Make sure that it is the member who"
            " asks."
        ),
        done=ngettext_lazy("%(count)d address was changed.", "%(count)d addresses were changed.", "count"),
        run=run,
        applies_to=applies_to,
        form=NewAddressForm,
        in_list=False,
    )
