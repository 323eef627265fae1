"""Changes of contacts: values, their providers, lost conflicts, and the actions of staff on them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people import contact_changes, contacts, lookup, outbound
from accounts.people.admin.contact_history import CHANGES, ChangeShown, shown_value
from accounts.people.admin.contacts import found, person_link
from accounts.people.admin.filters import ProviderFilter
from accounts.people.contact_report import value_of
from accounts.people.models import Contact, ContactChange
from core.cause import Cause
from core.console import attention, columns
from core.console.actions import Action, ReasonForm, Refused, Submission
from core.console.base import ReadOnlyAdmin
from core.console.facets import ConditionFilter
from core.console.links import list_url, shortened
from core.console.pruned import removed
from core.field_names import field_label

Kind = ContactChange.Kind


def still_frozen() -> QuerySet[ContactChange]:
    return ContactChange.objects.filter(kind=Kind.FROZEN, settled_at=None)


@attention.source
def frozen_values() -> list[attention.Item]:
    return [
        attention.Item(
            key="frozen_values",
            label=gettext_lazy("Frozen values"),
            rows=still_frozen(),
            occurred="recorded_at",
            action=gettext_lazy("Decide"),
            url=list_url(CHANGES, frozen="now"),
            permission="accounts.view_contactchange",
        )
    ]


class FrozenFilter(ConditionFilter):
    title = gettext_lazy("frozen")
    parameter_name = "frozen"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("now", _("not released yet"))]

    def narrowed(self, rows: QuerySet[ContactChange], value: str) -> QuerySet[ContactChange]:
        return rows.filter(kind=Kind.FROZEN, settled_at=None)


def _release(change: ContactChange, submission: Submission) -> bool:
    Contact.objects.select_for_update().get(pk=change.contact_id)
    changed = contact_changes.release(change, cause=submission.cause)
    if changed is not None:
        outbound.hand_over(changed)
    return changed is not None


def other_value(change: ContactChange) -> Any:
    """Return the value that lost: ours where the remote one was taken over, else the remote one."""
    return change.before if change.kind == Kind.WON else change.after


def _is_another_one(change: ContactChange) -> bool:
    """Return whether a conflict's loser is not what the contact has by now."""
    if change.kind not in (Kind.WON, Kind.LOST) or change.pruned_at is not None:
        return False
    return bool((value_of(change.contact, change.name) or "") != (other_value(change) or ""))


def _take(change: ContactChange, submission: Submission) -> bool:
    held = Contact.objects.select_for_update().get(pk=change.contact_id)
    value = other_value(change)
    if change.name == "email":
        own_address(held, value or "", cause=submission.cause)
    changed = contact_changes.decide(held, {change.name: value}, cause=submission.cause)
    if changed is not None:
        outbound.hand_over(changed)
    return changed is not None


def own_address(contact: Contact, email: str, *, cause: Cause) -> None:
    """Let the address mean this contact. Raises Refused where it means somebody else, or is none."""
    if not email:
        raise Refused(_("A contact is not left without the e-mail that it has. Nothing was changed."))
    owner = lookup.with_email(email)
    if owner is not None and owner.pk != contact.pk:
        raise Refused(
            _("%(email)s is an address of %(owner)s already (contact %(number)d). Nothing was changed.")
            % {"email": email, "owner": owner.name or owner, "number": owner.pk}
        )
    contacts.add_alias(contact, email, source=cause.text)


def _what_is_taken(change: ContactChange) -> str:
    return _("%(contact)s, %(field)s: now %(ours)s, then %(theirs)s") % {
        "contact": change.contact,
        "field": field_label(change.name),
        "ours": shortened(shown_value(value_of(change.contact, change.name))),
        "theirs": shortened(shown_value(other_value(change))),
    }


def _what_is_released(change: ContactChange) -> str:
    return _("%(contact)s, %(field)s: %(ours)s") % {
        "contact": change.contact,
        "field": field_label(change.name),
        "ours": shortened(shown_value(value_of(change.contact, change.name))),
    }


@admin.register(ContactChange)
class ContactChangeAdmin(ChangeShown, ReadOnlyAdmin):
    list_display = ("when", "state", "person", "field", "we_had", "they_say", "provider", "why")
    list_filter = (FrozenFilter, "kind", ProviderFilter)
    list_select_related = ("contact",)
    search_fields = ("name",)
    search_help_text = gettext_lazy("Beginning of an e-mail, a name or a phone number, or a whole id at a provider")
    fields = (
        ("state", "when"),
        "person",
        "field",
        ("all_we_had", "all_they_say"),
        ("provider", "cause"),
        ("staff", "settled"),
    )
    readonly_fields = ("state", "when", "person", "field", "all_we_had", "all_they_say", "settled")
    row_actions = (
        Action(
            name="release",
            label=gettext_lazy("release the value"),
            explanation=gettext_lazy(
                "Our value is written on every side and holds until somebody changes it. Look first at what changed it"
                " back and forth: an automation that still does so has it frozen again."
            ),
            done=ngettext_lazy("%(count)d value was released.", "%(count)d values were released.", "count"),
            run=_release,
            applies_to=lambda change: change.kind == Kind.FROZEN and change.settled_at is None,
            form=ReasonForm,
            shown=_what_is_released,
        ),
        Action(
            name="take-other",
            label=gettext_lazy("take the other value"),
            explanation=gettext_lazy("The value that lost becomes the contact's value, and is written on every side."),
            done=ngettext_lazy(
                "%(count)d value was taken over, and is written on every side.",
                "%(count)d values were taken over, and are written on every side.",
                "count",
            ),
            run=_take,
            applies_to=_is_another_one,
            form=ReasonForm,
            shown=_what_is_taken,
        ),
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[ContactChange], search_term: str
    ) -> tuple[QuerySet[ContactChange], bool]:
        term = search_term.strip()
        return (queryset.filter(contact__in=found(term)) if term else queryset), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        change = super().get_object(request, object_id, from_field)
        if change is None:
            return None
        return ContactChange.objects.select_related("contact", "staff").filter(pk=change.pk).first()

    when = columns.moment("recorded_at", gettext_lazy("when"))
    person = columns.attribute("contact", gettext_lazy("contact"), show=person_link)

    @admin.display(description=gettext_lazy("we had"))
    def all_we_had(self, change: ContactChange) -> str:
        return removed(change) or shown_value(change.before)

    @admin.display(description=gettext_lazy("remote value"))
    def all_they_say(self, change: ContactChange) -> str:
        return removed(change) or shown_value(change.after)

    why = columns.reason("cause", gettext_lazy("source"), is_short=True)
    settled = columns.moment("settled_at", gettext_lazy("settled"))
