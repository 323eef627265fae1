"""Actions on a contact."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people import contacts, lookup
from accounts.people.admin.address_field import AddressField
from accounts.people.models import Contact
from core.console.actions import Action, Refused, Submission


class AliasForm(forms.Form):
    email = AddressField(
        label=gettext_lazy("E-mail"), widget=forms.EmailInput(attrs={"class": "vTextField", "autofocus": True})
    )


def _add(contact: Any, submission: Submission) -> bool:
    """Return whether the address is new to us; Refused where it means somebody else."""
    email = submission.answers["email"]
    if contacts.add_alias(contact, email, source=submission.cause.text):
        return True
    owner = lookup.with_email(email)
    if owner is None or owner.pk == contact.pk:
        return False
    raise Refused(
        _("%(email)s is an address of %(owner)s already (contact %(number)d). Nothing was changed.")
        % {"email": email, "owner": owner.name or owner, "number": owner.pk}
    )


def _remove(contact: Contact, submission: Submission) -> bool:
    email = submission.answers["email"]
    if email == contact.email:
        raise Refused(_("%(email)s is the main address: it is changed at the provider.") % {"email": email})
    return contacts.remove_alias(contact, email)


ADD_ALIAS = Action(
    name="add-alias",
    label=gettext_lazy("add an address"),
    explanation=gettext_lazy("Reports about this address are about this person from now on."),
    done=ngettext_lazy("%(count)d address was added.", "%(count)d addresses were added.", "count"),
    run=_add,
    form=AliasForm,
    in_list=False,
)
REMOVE_ALIAS = Action(
    name="remove-alias",
    label=gettext_lazy("remove an address"),
    explanation=gettext_lazy(
        "Reports about this address are about somebody else from now on. A provider that names it as an address of this"
        " person brings it back."
    ),
    done=ngettext_lazy("%(count)d address was removed.", "%(count)d addresses were removed.", "count"),
    run=_remove,
    form=AliasForm,
    in_list=False,
)
