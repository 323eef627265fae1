"""Possible duplicates: two contacts side by side, and staff say whether they are one person."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people import contact_duplicates, outbound
from accounts.people.admin.contacts import person_link
from accounts.people.models import Contact, PossibleDuplicate
from core.console import attention, columns
from core.console.actions import Action, ReasonForm, Refused, Submission
from core.console.base import ReadOnlyAdmin
from core.console.links import NOTHING, list_url, shortened

Status = PossibleDuplicate.Status


@attention.source
def people_in_doubt() -> list[attention.Item]:
    return [
        attention.Item(
            key="possible_duplicates",
            label=gettext_lazy("Contacts who may be one person"),
            count=attention.capped(PossibleDuplicate.objects.filter(status=Status.OPEN)),
            url=list_url("admin:accounts_possibleduplicate", status__exact=Status.OPEN.value),
            permission="accounts.view_possibleduplicate",
        )
    ]


def _merge(question: PossibleDuplicate, submission: Submission) -> bool:
    try:
        changed = contact_duplicates.merge(question, cause=submission.cause)
    except contact_duplicates.CannotMerge as error:
        raise Refused(
            _("%(pair)s: both have an account, so they stay two. Lock one of the users, or keep them apart.")
            % {"pair": question}
        ) from error
    if changed is not None:
        outbound.hand_over(changed)
    return changed is not None


def _what_stays(question: PossibleDuplicate) -> str:
    return _("%(kept)s (contact %(kept_number)s) stays; %(gone)s (contact %(gone_number)s) becomes part of it.") % {
        "kept": question.contact,
        "kept_number": question.contact_id,
        "gone": question.other,
        "gone_number": question.other_id,
    }


@admin.register(PossibleDuplicate)
class PossibleDuplicateAdmin(ReadOnlyAdmin):
    list_display = ("found", "older", "newer", "why", "state")
    list_filter = ("status",)
    list_select_related = ("contact", "other")
    fields = ("state", "why", "found", "compared", ("decided", "staff"))
    readonly_fields = ("state", "why", "found", "compared", "decided")
    row_actions = (
        Action(
            name="merge",
            label=gettext_lazy("merge"),
            explanation=gettext_lazy(
                "The older contact stays with its own values, and gets what it lacks from the other. Addresses, ids,"
                " tags, orders, payments and form answers of both are kept. This cannot be undone."
            ),
            done=ngettext_lazy("%(count)d pair is one contact now.", "%(count)d pairs are one contact now.", "count"),
            run=_merge,
            applies_to=lambda question: question.status == Status.OPEN and question.other_id is not None,
            form=ReasonForm,
            shown=_what_stays,
        ),
        Action(
            name="keep-apart",
            label=gettext_lazy("two people"),
            explanation=gettext_lazy("Both contacts stay as they are, and nobody is asked about them again."),
            done=ngettext_lazy("%(count)d pair is kept apart.", "%(count)d pairs are kept apart.", "count"),
            run=lambda question, submission: contact_duplicates.keep_apart(question, cause=submission.cause),
            applies_to=lambda question: question.status == Status.OPEN,
            form=ReasonForm,
        ),
    )

    found = columns.moment("found_at", gettext_lazy("found"))
    decided = columns.moment("decided_at", gettext_lazy("decided"))
    older = columns.attribute("contact", gettext_lazy("one"), show=person_link)

    @admin.display(description=gettext_lazy("other"))
    def newer(self, question: PossibleDuplicate) -> str:
        return person_link(question.other) if question.other else question.other_name or NOTHING

    @admin.display(description=gettext_lazy("why"))
    def why(self, question: PossibleDuplicate) -> str:
        return shortened(question.reason, 300)

    state = columns.badge("status", gettext_lazy("status"))

    @admin.display(description=gettext_lazy("side by side"))
    def compared(self, question: PossibleDuplicate) -> str:
        """Return a table with a column for each contact, whose differing lines are marked."""
        if question.other is None:
            return format_html("{} ← {}", person_link(question.contact), question.other_name)
        lines = zip(_portrait(question.contact), _portrait(question.other), strict=True)
        rows = format_html_join(
            "",
            '<tr class="{}"><th scope="row">{}</th><td>{}</td><td>{}</td></tr>',
            (
                ("differs" if mine != other else "same", label, mine or NOTHING, other or NOTHING)
                for (label, mine), (_label, other) in lines
                if mine or other
            ),
        )
        return format_html(
            '<div class="compared" tabindex="0" role="region" aria-label="{}"><table><thead><tr><td></td>'
            '<th scope="col">{}</th><th scope="col">{}</th></tr></thead><tbody>{}</tbody></table></div>',
            _("side by side"),
            person_link(question.contact),
            person_link(question.other),
            rows,
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the pair with both contacts: the page and its actions show them."""
        question = super().get_object(request, object_id, from_field)
        if question is None:
            return None
        return PossibleDuplicate.objects.select_related("contact__user", "other__user").filter(pk=question.pk).first()


def _portrait(contact: Contact) -> list[tuple[Any, Any]]:
    """Return what tells people apart, line by line, as text: label and value."""
    columns = ("first_name", "last_name", "email", "phone", "business_phone", "address_line_1", "city", "country")
    named = [(Contact._meta.get_field(name).verbose_name, getattr(contact, name)) for name in columns]  # type: ignore[union-attr]
    return [
        *named,
        (_("account"), str(contact.user or "")),
        (_("addresses"), _lines(contact.emails.order_by("email").values_list("email", flat=True)[:20])),
        (_("at providers"), _lines(map(str, contact.mappings.order_by("provider", "kind", "external_id")[:20]))),
        (_("tags"), _lines(_tags(contact))),
        (_("orders"), str(attention.capped(contact.orders.all()) or "")),
        (_("payments"), str(attention.capped(contact.payments.all()) or "")),
    ]


def _tags(contact: Contact) -> Iterable[str]:
    present = contact.tag_rows.filter(is_present=True).order_by("tag__name")
    return dict.fromkeys(present.values_list("tag__name", flat=True)[:20])


def _lines(texts: Iterable[str]) -> SafeString:
    return format_html_join(SafeString("<br>"), "{}", ((text,) for text in texts))
