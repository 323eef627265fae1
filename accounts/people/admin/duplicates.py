"""Possible duplicates: two contacts side by side, and staff say whether they are one person."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.people import contact_duplicates, outbound
from accounts.people.admin.contacts import person_link
from accounts.people.models import Contact, ContactEmail, ContactMapping, ContactTag, PossibleDuplicate
from accounts.people.outbound import ChangedContact
from core import phrases
from core.console import attention, columns
from core.console.actions import Action, ReasonForm, Refused, Submission
from core.console.base import ReadOnlyAdmin
from core.console.format import side_by_side
from core.console.links import NOTHING, list_url, shortened
from core.console.one_statement import count_all
from core.provider_names import provider_title

Status = PossibleDuplicate.Status
READ = 400  # addresses, records or tags of a pair


def open_questions() -> QuerySet[PossibleDuplicate]:
    return PossibleDuplicate.objects.filter(status=Status.OPEN)


@attention.source
def people_in_doubt() -> list[attention.Item]:
    return [
        attention.Item(
            key="possible_duplicates",
            label=gettext_lazy("Contacts who may be one person"),
            rows=open_questions(),
            occurred="found_at",
            action=gettext_lazy("Compare them"),
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


def _keep_apart(question: PossibleDuplicate, submission: Submission) -> bool:
    """Tell two people apart; each is written again, and what failed because of the other is settled by that."""
    if not contact_duplicates.keep_apart(question, cause=submission.cause):
        return False
    for contact in (question.contact, question.other):
        if contact is not None:
            outbound.hand_over(ChangedContact(contact=contact, provider="", cause=submission.cause))
    return True


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
            run=_keep_apart,
            applies_to=lambda question: question.status == Status.OPEN,
            form=ReasonForm,
        ),
        Action(
            name="ask-again",
            label=gettext_lazy("ask again"),
            explanation=gettext_lazy("It is open again whether the two are one person. Nothing else is changed."),
            done=ngettext_lazy("%(count)d pair is a question again.", "%(count)d pairs are questions again.", "count"),
            run=lambda question, submission: contact_duplicates.ask_again(question),
            applies_to=lambda question: question.status == Status.APART and question.other_id is not None,
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
        return shortened(phrases.shown(question.reason), 300)

    state = columns.badge("status", gettext_lazy("status"))

    @admin.display(description=gettext_lazy("side by side"))
    def compared(self, question: PossibleDuplicate) -> str:
        """Return a table with a column for each contact, whose differing lines are marked."""
        if question.other is None:
            return format_html("{} ← {}", person_link(question.contact), question.other_name)
        rows = [line for line in portraits([question.contact, question.other]) if any(line[1])]
        return side_by_side([person_link(question.contact), person_link(question.other)], rows)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the pair with both contacts: the page and its actions show them."""
        question = super().get_object(request, object_id, from_field)
        if question is None:
            return None
        return PossibleDuplicate.objects.select_related("contact__user", "other__user").filter(pk=question.pk).first()


def portraits(contacts: Sequence[Contact]) -> list[tuple[Any, list[Any]]]:
    """Return what tells people apart, line by line, as text: label, and a value for each of them. Four queries."""
    columns = ("first_name", "last_name", "email", "phone", "business_phone", "address_line_1", "city", "country")
    named = [
        (Contact._meta.get_field(name).verbose_name, [getattr(one, name) for one in contacts])  # type: ignore[union-attr]
        for name in columns
    ]
    emails = ContactEmail.objects.order_by("email").values_list("contact_id", "email")
    records = ContactMapping.objects.order_by("provider", "kind", "external_id")
    tags = ContactTag.objects.filter(is_present=True).order_by("tag__name").values_list("contact_id", "tag__name")
    counted = iter(count_all([rows for one in contacts for rows in (one.orders.all(), one.payments.all())]))
    numbers = [(next(counted).number, next(counted).number) for _one in contacts]
    lists = [
        (_("addresses"), emails),
        (
            _("at providers"),
            records.values_list("contact_id", "provider", "kind", "external_id"),
        ),
        (_("tags"), tags),
    ]
    return [
        *named,
        (_("account"), [str(one.user or "") for one in contacts]),
        *((label, _of_each(rows, contacts)) for label, rows in lists),
        (_("orders"), [str(orders or "") for orders, _payments in numbers]),
        (_("payments"), [str(payments or "") for _orders, payments in numbers]),
    ]


def _of_each(rows: QuerySet[Any, Any], contacts: Sequence[Contact]) -> list[SafeString]:
    """Return, for each contact, the texts of its rows, each once: rows are the contact's key and the text, or what a
    remote record is known by.
    """
    texts: dict[int, dict[str, None]] = {one.pk: {} for one in contacts}
    for key, text, *record in rows.filter(contact__in=contacts)[:READ]:
        texts[key][" ".join([provider_title(text), *record]) if record else text] = None
    return [_lines(list(texts[one.pk])[:20]) for one in contacts]


def _lines(texts: Iterable[str]) -> SafeString:
    return format_html_join(SafeString("<br>"), "{}", ((text,) for text in texts))
