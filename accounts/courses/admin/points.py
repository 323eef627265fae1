"""Admin of activities, the ledger, a member's statement, and points that staff give by hand."""

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, ngettext_lazy

from accounts.courses import decisions, paths
from accounts.courses.admin.requirements import RequirementInline, meeting, tell_who_meets
from accounts.courses.models import Activity, Completion, PointsEntry
from accounts.people.models import User
from core.console import columns
from core.console.actions import Action, ReasonForm, Submission
from core.console.base import ConsoleAdmin, NeverDeleted, ReadOnlyAdmin, ReadOnlyInline
from core.console.links import NOTHING, list_link, row_link, shortened, source_of


class AwardForm(ReasonForm):
    """Points for everybody who was selected. `batch` names this press: sent twice, it gives once."""

    field_order = ("activity", "course", "reason")
    activity = forms.ModelChoiceField(label=_("Activity"), queryset=Activity.objects.none())
    course = forms.CharField(
        label=_("Course"),
        required=False,
        max_length=255,
        help_text=_("With a course, members who have the points for it are left alone."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    batch = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["activity"]
        chosen.queryset = Activity.objects.filter(is_active=True)


def _award(user: User, submission: Submission) -> bool:
    answers = submission.answers
    given = decisions.award_by_hand(
        user, answers["activity"], batch=answers["batch"], course=answers["course"], cause=submission.cause
    )
    return given is not None


AWARD_POINTS = Action(
    name="award-points",
    label=_("give points"),
    explanation=_("To take them back from everybody at once, open one of the completions that this makes."),
    done=ngettext_lazy("%(count)d member got points.", "%(count)d members got points.", "count"),
    run=_award,
    applies_to=lambda user: user.is_active,
    form=AwardForm,
)


class PointsInline(ReadOnlyInline):
    """The statement of a member."""

    model = PointsEntry
    fk_name = "user"
    fields = readonly_fields = ("created_at", "points", "activity", "of", "why")
    verbose_name_plural = _("points")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PointsEntry]:
        return super().get_queryset(request).select_related("activity").order_by("-pk")

    @admin.display(description=_("source"))
    def of(self, entry: PointsEntry) -> str:
        return row_link("admin:accounts_completion", entry.completion_id, entry.source)

    why = columns.reason("reason", _("why"))


@admin.register(Activity)
class ActivityAdmin(NeverDeleted, ConsoleAdmin):
    """Activities: the forms that report them, or the courses that they require.

    Lines in the ledger keep their number.
    """

    list_display = ("code", "name", "points", "once_per_course", "is_active", "forms_shown", "requires")
    fieldsets = (
        (None, {"fields": ("code", "name", "points", "mail_member", "is_active")}),
        (
            _("Completions that are received"),
            {"fields": ("forms", "once_per_course", "recertify_after", "completes_course")},
        ),
        (_("Milestone or learning path"), {"fields": ("needed", "members_now")}),
    )
    inlines = (RequirementInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        found: QuerySet[Activity] = super().get_queryset(request)
        return found.prefetch_related("requirements")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("code", "members_now") if obj else ("members_now",)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Have the clock look for members who meet what was saved, and say how many there are."""
        super().save_related(request, form, formsets, change)
        if form.has_changed() or any(formset.has_changed() for formset in formsets):
            paths.changed()
            tell_who_meets(request, Activity.objects.get(pk=form.instance.pk))

    @admin.display(description=_("forms"))
    def forms_shown(self, activity: Activity) -> str:
        return shortened(activity.forms.replace("\n", ", ")) or NOTHING

    @admin.display(description=_("required courses"))
    def requires(self, activity: Activity) -> str:
        return shortened(", ".join(str(one) for one in activity.requirements.all())) or NOTHING

    @admin.display(description=_("members"))
    def members_now(self, activity: Activity) -> str:
        if activity.pk is None or not activity.requirements.exists():
            return NOTHING
        return format_html("{} {}", _who_have(activity), meeting(activity))


def _who_have(activity: Activity) -> SafeString:
    """Return how many members have the points of an activity, with a link to their completions."""
    count = Completion.objects.filter(activity=activity, state=Completion.State.AWARDED).count()
    text = ngettext("%(count)d member has the points.", "%(count)d members have the points.", count)
    query = {"activity__id__exact": activity.pk, "state__exact": Completion.State.AWARDED.value}
    return list_link("admin:accounts_completion", text % {"count": count}, **query)


@admin.register(PointsEntry)
class PointsEntryAdmin(ReadOnlyAdmin):
    """The ledger, line by line. Nobody writes here: completions are awarded and reversed."""

    list_display = ("date", "user", "points", "activity", "of", "staff", "reason")
    list_filter = ("activity", "created_at")
    list_select_related = ("user", "activity", "staff")
    search_fields = ("user__email",)
    search_help_text = _("Beginning of the member's e-mail")
    fields = readonly_fields = (
        "date",
        "user",
        "points",
        "activity",
        "of",
        "source_event",
        "staff",
        "reason",
        "reverses",
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PointsEntry], search_term: str
    ) -> tuple[QuerySet[PointsEntry], bool]:
        beginning = search_term.strip().lower()
        return (queryset.filter(user__email__startswith=beginning) if beginning else queryset), False

    date = columns.moment("created_at", _("date"))

    @admin.display(description=_("source"))
    def of(self, entry: PointsEntry) -> str:
        return row_link("admin:accounts_completion", entry.completion_id, entry.source)

    source_event = columns.of(source_of, _("source event"))
