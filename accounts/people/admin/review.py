"""Questions about contacts in *Review*: who may be one person, and which value holds."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.people.admin.contact_changes import still_frozen
from accounts.people.admin.contact_history import CHANGES, shown_value
from accounts.people.admin.contacts import person_link
from accounts.people.admin.duplicates import open_questions, portraits
from accounts.people.admin.mapping_columns import MAPPINGS
from accounts.people.contact_report import value_of
from accounts.people.models import Contact, ContactChange, ContactMapping, PossibleDuplicate
from core import phrases
from core.console import review
from core.console.links import list_link, list_url, row_link
from core.console.review import Decision, Kind, Question, Rule, Suggestion, Weight
from core.field_names import field_label
from core.provider_names import provider_title

DUPLICATES = "admin:accounts_possibleduplicate"


def _pair(row: PossibleDuplicate) -> Question:
    one, other = row.contact, row.other
    apart = Rule(
        text=_("These two are never taken for one person and never asked about."),
        url=list_url(DUPLICATES, status__exact=PossibleDuplicate.Status.APART.value),
    )
    return Question(
        title=_("Are %(one)s and %(other)s one person?") % _names(row),
        why=phrases.shown(row.reason),
        heads=[person_link(one), person_link(other)] if other else [],
        lines=[line for line in portraits([one, other]) if any(line[1])] if other else [],
        suggestion=_one_person(one, other) if other else None,
        rules={"keep-apart": apart},
    )


def _names(row: PossibleDuplicate) -> Mapping[str, str]:
    """Return what the two are called, by their addresses where they have the same name."""
    one, other = row.contact, row.other
    if other is None:
        return {"one": one.called, "other": row.other_name}
    if one.called.casefold() == other.called.casefold():
        return {"one": str(one), "other": str(other)}
    return {"one": one.called, "other": other.called}


def _one_person(one: Contact, other: Contact) -> Suggestion | None:
    """Suggest to merge who has one name and one number, and not two logins; nothing else is evidence enough."""
    names = [" ".join((contact.first_name, contact.last_name)).casefold() for contact in (one, other)]
    is_named = all(contact.first_name and contact.last_name for contact in (one, other)) and names[0] == names[1]
    numbers = {one.phone, one.business_phone} & {other.phone, other.business_phone} - {""}
    if not (is_named and numbers) or (one.user_id and other.user_id):
        return None
    return Suggestion(action="merge", reason=_("both have the same name and the same number"))


def _frozen(row: ContactChange) -> Question:
    field = field_label(row.name)
    authority = list_link("admin:integrations_fieldrule", _("Rules for fields"))
    return Question(
        title=_("%(person)s: does our %(field)s hold?") % {"person": row.contact.called, "field": field},
        why=format_html(
            "{} {}",
            _("It went back and forth between the sides. To let one provider decide this field from now on:"),
            authority,
        ),
        heads=[_("here now"), _("when it was frozen"), provider_title(row.provider) or _("the other side")],
        lines=[
            (field, [shown_value(value) for value in (value_of(row.contact, row.name), row.before, row.after)]),
        ],
    )


def _unusable(row: ContactMapping) -> Question:
    contact, names = row.contact, ("email", "phone", "business_phone", "first_name", "last_name")
    synced = row.last_synced_values
    known = [
        (field_label(name), [shown_value(synced.get(name)), shown_value(value_of(contact, name))]) for name in names
    ]
    return Question(
        title=_("%(person)s: what %(provider)s has cannot be used")
        % {"person": contact.called, "provider": provider_title(row.provider)},
        why=_("Correct it at the provider: its next report ends the question. Or leave it out."),
        heads=[row_link(MAPPINGS, row.pk, row), person_link(contact)],
        lines=[line for line in known if any(line[1])],
        facts=[(name, phrases.shown(str(reason))) for name, reason in sorted((row.left_out or {}).items())],
    )


def _with_contacts() -> Any:
    return open_questions().select_related("contact__user", "other__user")


review.register(
    Kind(
        key="possible_duplicates",
        label=gettext_lazy("Possible duplicates"),
        model=PossibleDuplicate,
        permission="accounts.view_possibleduplicate",
        weight=Weight.RECORDS,
        rows=_with_contacts,
        occurred="found_at",
        about=review.first_text("contact__email", "contact__first_name", "other_name"),
        show=_pair,
        decisions=(
            Decision(action="merge", key="m", undo=gettext_lazy("This cannot be undone.")),
            Decision(
                action="keep-apart",
                key="t",
                undo=gettext_lazy("It can be taken back: the two are a question again."),
                undo_by=("ask-again",),
            ),
        ),
        url=lambda: list_url(DUPLICATES, status__exact=PossibleDuplicate.Status.OPEN.value),
    ),
    Kind(
        key="frozen_values",
        label=gettext_lazy("Conflicting fields"),
        model=ContactChange,
        permission="accounts.view_contactchange",
        weight=Weight.RECORDS,
        rows=lambda: still_frozen().select_related("contact"),
        occurred="recorded_at",
        about=review.first_text("contact__email", "contact__first_name", "name"),
        show=_frozen,
        decisions=(
            Decision(
                action="release",
                key="r",
                undo=gettext_lazy("This cannot be undone; whoever changes the value later changes it on every side."),
            ),
        ),
        url=lambda: list_url(CHANGES, frozen="now"),
    ),
    Kind(
        key="unusable_values",
        label=gettext_lazy("Values that cannot be used"),
        model=ContactMapping,
        permission="accounts.view_contactmapping",
        weight=Weight.RECORDS,
        rows=lambda: ContactMapping.objects.with_unusable_values().select_related("contact"),
        occurred="left_out_at",
        about=review.first_text("contact__email", "contact__first_name", "external_id"),
        show=_unusable,
        decisions=(
            Decision(
                action="leave-out",
                key="l",
                undo=gettext_lazy("This cannot be undone; a report with a usable value is taken over all the same."),
            ),
        ),
        url=lambda: list_url(MAPPINGS, left_out="asked"),
    ),
)
