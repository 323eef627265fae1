"""The actions *use new address*, on the pages of users and contacts, and *correct the address and resend*, on mails."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.mail import emails
from accounts.mail.models import EmailMessage
from accounts.people import new_address
from accounts.people.admin.address_field import AddressField
from accounts.people.models import User
from core.console.actions import AboutRows, Action, Refused, Submission, add_action


class NewAddressForm(forms.Form):
    email = AddressField(
        label=gettext_lazy("New address"), widget=forms.EmailInput(attrs={"class": "vTextField", "autofocus": True})
    )


class CorrectedAddressForm(NewAddressForm, AboutRows):
    """The address to which a mail went, to be corrected in place: most are typing mistakes."""

    def set_rows(self, rows: Sequence[Any]) -> None:
        self.initial.setdefault("email", rows[0].to)


def use_new_address(user_of: Callable[[Any], User | None]) -> Action:
    """Return the action for rows whose user `user_of` gives: another address to sign in by. Not for staff."""

    return Action(
        name="use-new-address",
        label=gettext_lazy("use new address"),
        explanation=gettext_lazy(
            "The member signs in with the new address from now on and gets our mails there. The old one stays an alias,"
            " the password and the sessions stay, and both addresses get a notice. Make sure that it is the member who"
            " asks."
        ),
        done=ngettext_lazy("%(count)d address was changed.", "%(count)d addresses were changed.", "count"),
        run=lambda row, submission: _use(user_of(row), submission),
        applies_to=lambda row: _is_member(user_of(row)),
        form=NewAddressForm,
        in_list=False,
    )


def _is_member(user: User | None) -> bool:
    return user is not None and not (user.is_staff or user.is_superuser)


def _use(user: User | None, submission: Submission) -> bool:
    assert user is not None
    try:
        return new_address.use(user, submission.answers["email"], cause=submission.cause)
    except new_address.AddressTaken as error:
        names = {"email": submission.answers["email"], "owner": error}
        raise Refused(_("%(email)s is an address of the member %(owner)s.") % names) from error


def _correct(message: EmailMessage, submission: Submission) -> bool:
    if not _use(message.user, submission):
        return False
    return bool(emails.resend(EmailMessage.objects.get(pk=message.pk)))


def _may_be_corrected(message: EmailMessage) -> bool:
    """Return whether a mail to a member's present address did not arrive, and what it says is still there."""
    is_lost = message.status in (EmailMessage.Status.BOUNCED, EmailMessage.Status.FAILED)
    user = message.user
    return is_lost and message.pruned_at is None and user is not None and _is_member(user) and user.email == message.to


add_action(
    EmailMessage,
    Action(
        name="correct-address",
        label=gettext_lazy("correct the address and resend"),
        explanation=gettext_lazy(
            "The member signs in with the new address from now on, and this mail goes there. The old one stays an"
            " alias, and both get a notice."
        ),
        done=ngettext_lazy(
            "%(count)d address was changed, and the mail is on its way there.",
            "%(count)d addresses were changed, and the mails are on their way there.",
            "count",
        ),
        run=_correct,
        applies_to=_may_be_corrected,
        form=CorrectedAddressForm,
        in_list=False,
    ),
)
