"""Completions: a queue of those that wait for a person, and what may be done with the others."""

from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.courses import candidates, decisions
from accounts.courses.admin import certificates
from accounts.courses.admin.completion_files import CompletionFiles
from accounts.courses.models import Completion, PointsEntry
from accounts.courses.models.completion import BY_STAFF
from accounts.people import lookup
from accounts.people.admin.users import AddressField
from accounts.people.models import User
from core.console import attention, columns
from core.console.actions import Action, Answer, ReasonForm, Submission
from core.console.base import ReadOnlyAdmin, ReadOnlyInline
from core.console.facets import ColumnFilter
from core.console.format import block
from core.console.links import NOTHING, list_url, source_of

State = Completion.State
# The badges are shared with other pages' statuses of the same meaning.
BADGES = {
    State.RECEIVED: "unmatched",
    State.MATCHED: "ignored",
    State.AWARDED: "processed",
    State.REVERSED: "canceled",
    State.DISMISSED: "ignored",
}


def open_questions() -> QuerySet[Completion]:
    return Completion.objects.filter(state=State.RECEIVED)


@attention.source
def completions_that_wait() -> list[attention.Item]:
    return [
        attention.Item(
            key="waiting_completions",
            label=gettext("Completions that need your decision"),
            rows=open_questions(),
            occurred="received_at",
            url=list_url("admin:accounts_completion", state__exact=State.RECEIVED.value),
            permission="accounts.view_completion",
        )
    ]


class LinkForm(forms.Form):
    """Form that links a completion to a member; cleans `member` to a User."""

    member = AddressField(
        label=_("Member's e-mail"), widget=forms.EmailInput(attrs={"class": "vTextField", "autofocus": True})
    )
    remember = forms.BooleanField(
        label=_("Remember the address"),
        required=False,
        help_text=_("What comes from it later is this member's at once."),
    )
    course = forms.CharField(
        label=_("Course"),
        required=False,
        max_length=255,
        help_text=_("Only to correct it; empty: as it came."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    def clean_member(self) -> User:
        user = User.objects.filter(email=self.cleaned_data["member"]).first()
        if user is None:
            raise ValidationError(_("There is no user with this e-mail."))
        return user


def _link(completion: Completion, submission: Submission) -> bool:
    answers = submission.answers
    return bool(
        decisions.link(
            completion,
            answers["member"],
            remember=answers["remember"],
            course=answers["course"],
            cause=submission.cause,
        )
    )


def _create_member(completion: Completion, submission: Submission) -> bool | Answer:
    made = decisions.create_member(completion, cause=submission.cause)
    if made.created:
        return True
    text = gettext("%(email)s is a member already: the completion was linked, and no mail was sent.")
    return Answer(text=text % {"email": made.user.email}, changed=True)


def _is_of_nobody(completion: Completion) -> bool:
    waits = completion.state == State.RECEIVED and bool(completion.email)
    return waits and not Completion.objects.filter(lookup.is_a_members_address(), pk=completion.pk).exists()


class EntryInline(ReadOnlyInline):
    model = PointsEntry
    fields = readonly_fields = ("created_at", "points", "source_event", "staff", "why")
    why = columns.reason("reason", _("reason"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[PointsEntry]:
        return super().get_queryset(request).select_related("staff").order_by("pk")

    source_event = columns.of(source_of, _("source event"))


class ChannelFilter(ColumnFilter):
    title = Completion._meta.get_field("channel").verbose_name
    parameter_name = "channel"


@admin.register(Completion)
class CompletionAdmin(CompletionFiles, ReadOnlyAdmin):
    """The queue: what waits is linked, made a member's or dismissed; what was awarded can be reversed."""

    exports_csv = False  # it has files that can be imported again
    list_display = (
        "received",
        "email_received",
        "name",
        "course",
        "activity",
        "status",
        "checked",
        "member",
    )
    list_display_links = ("received", "email_received")
    list_filter = ("state", "certificate_state", "activity", ChannelFilter, "received_at")
    list_select_related = ("activity", "user", "certificate_check")
    search_fields = ("email",)
    search_help_text = _("Beginning of the e-mail, or the whole source")
    fieldsets = (
        (None, {"fields": ("status", "why", "email_received", "name", "suggested", "member", "matched_by")}),
        (_("What was done"), {"fields": ("activity", "course", "completed_on", "stored_answers")}),
        (_("Certificate"), {"fields": ("certificate", "checked", "check_result", "checked_at")}),
        (_("Where from"), {"fields": ("source", "channel", "source_event", "received_at", "staff", "decided_at")}),
    )
    readonly_fields = (
        "status",
        "why",
        "suggested",
        "member",
        "matched_by",
        "certificate",
        "checked",
        "check_result",
        "checked_at",
        "stored_answers",
        "source_event",
    )
    inlines = (EntryInline,)
    row_actions = (
        Action(
            name="link",
            label=_("link to a member"),
            explanation=_("The points are given at once, also for what else waits under the same address."),
            done=ngettext_lazy("%(count)d completion was linked.", "%(count)d completions were linked.", "count"),
            run=_link,
            applies_to=decisions.is_linkable,
            form=LinkForm,
        ),
        Action(
            name="create-member",
            label=_("create a member"),
            done=ngettext_lazy(
                "%(count)d member was created. A mail with the link to choose a password is on its way.",
                "%(count)d members were created. A mail with the link to choose a password is on its way to each.",
                "count",
            ),
            run=_create_member,
            applies_to=_is_of_nobody,
        ),
        Action(
            name="dismiss",
            label=_("dismiss"),
            explanation=_("Nobody gets points for it. It stays in the list, with the reason."),
            done=ngettext_lazy("%(count)d completion was dismissed.", "%(count)d completions were dismissed.", "count"),
            run=lambda completion, submission: decisions.dismiss(completion, cause=submission.cause),
            applies_to=lambda completion: completion.state == State.RECEIVED,
            form=ReasonForm,
        ),
        Action(
            name="reverse",
            label=_("take the points back"),
            explanation=_("A new line in the ledger takes the points back. What was reversed can be linked again."),
            done=ngettext_lazy("%(count)d award was reversed.", "%(count)d awards were reversed.", "count"),
            run=lambda completion, submission: decisions.reverse(completion, cause=submission.cause) is not None,
            applies_to=lambda completion: completion.state == State.AWARDED,
            form=ReasonForm,
        ),
        Action(
            name="award",
            label=_("give the points after all"),
            done=ngettext_lazy(
                "%(count)d completion has its points.", "%(count)d completions have their points.", "count"
            ),
            run=lambda completion, submission: decisions.award_again(completion, cause=submission.cause),
            applies_to=lambda completion: completion.state in (State.MATCHED, State.REVERSED),
            form=ReasonForm,
        ),
        Action(
            name="undo-bulk-award",
            label=_("undo the whole award"),
            explanation=_("Takes the points back from everybody who got them in the same press."),
            done=ngettext_lazy("%(count)d award by hand was undone.", "%(count)d awards by hand were undone.", "count"),
            run=lambda completion, submission: decisions.undo_award_by_hand(completion, cause=submission.cause) > 0,
            applies_to=lambda completion: completion.channel == BY_STAFF and completion.state == State.AWARDED,
            form=ReasonForm,
        ),
        *certificates.ACTIONS,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Completion]:
        return super().get_queryset(request).select_related(*self.list_select_related)

    def for_list(self, rows: QuerySet[Completion]) -> QuerySet[Completion]:
        return rows.defer("answers")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Completion], search_term: str
    ) -> tuple[QuerySet[Completion], bool]:
        text = search_term.strip()
        return (queryset.filter(Q(email__startswith=text.lower()) | Q(source=text)) if text else queryset), False

    why = columns.reason("reason", _("reason"))
    received = columns.moment("received_at", _("received"))
    matched_by = columns.reason("rule", _("matched by"))
    status = columns.badge("state", _("status"), kinds=BADGES)
    member = columns.link("admin:accounts_user", "user", _("member"))

    @admin.display(description=_("who this may be"))
    def suggested(self, completion: Completion) -> str:
        """Return members whom the address or name resembles, each with the reason and a link to link it to them."""
        if not decisions.is_linkable(completion):
            return NOTHING
        found = candidates.of(completion)
        rows = ((_link_to(completion, one.user), one.user.get_full_name(), one.reason) for one in found)
        return (
            format_html('<ul class="candidates">{}</ul>', format_html_join("", "<li>{} {} ({})</li>", rows))
            if found
            else NOTHING
        )

    @admin.display(description=_("address"))
    def certificate(self, completion: Completion) -> str:
        url = completion.certificate_url
        return format_html('<a href="{}" rel="noopener noreferrer nofollow">{}</a>', url, url) if url else NOTHING

    @admin.display(description=_("certificate"))
    def checked(self, completion: Completion) -> str:
        return certificates.state_of(completion)

    @admin.display(description=_("result of the check"))
    def check_result(self, completion: Completion) -> str:
        return certificates.reason_of(completion)

    checked_at = columns.moment("certificate_checked_at", _("checked"))

    @admin.display(description=_("as received"))
    def stored_answers(self, completion: Completion) -> str:
        lines = "\n".join(f"{name}: {value}" for name, value in completion.answers.items())
        return block(lines) if lines else NOTHING

    source_event = columns.of(source_of, _("source event"))


def _link_to(completion: Completion, user: User) -> SafeString:
    url = reverse("admin:accounts_completion_act", args=[completion.pk, "link"])
    query = urlencode({"member": user.email})
    return format_html('<a href="{}?{}">{}</a>', url, query, gettext("link to %(email)s") % {"email": user.email})
