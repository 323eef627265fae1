"""Admin of progress in courses, as received."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.courses.models import CourseProgress
from core.console.base import ReadOnlyAdmin
from core.console.links import NOTHING, moment, row_link, source_of
from core.text import title_key


@admin.register(CourseProgress)
class CourseProgressAdmin(ReadOnlyAdmin):
    """Nobody writes here: events do. An address becomes a member's as an alias of their contact."""

    list_display = ("as_of", "email", "member", "course", "done", "most")
    list_display_links = ("as_of", "email")
    list_filter = ("occurred_at",)
    list_select_related = ("user",)
    search_fields = ("email",)
    search_help_text = _("Beginning of the e-mail or of the course's title, or the course's whole id")
    fields = (("email", "member"), ("course", "course_id"), ("done", "as_of"), ("most", "reached"), "source_event")
    readonly_fields = ("member", "done", "as_of", "most", "reached", "source_event")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[CourseProgress], search_term: str
    ) -> tuple[QuerySet[CourseProgress], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        named = Q(email__startswith=term.lower()) | Q(course_key__startswith=title_key(term)) | Q(course_id=term)
        return queryset.filter(named), False

    @admin.display(description=_("member"))
    def member(self, row: CourseProgress) -> str:
        return row_link("admin:accounts_user", row.user_id, row.user) if row.user else NOTHING

    @admin.display(description=_("done"))
    def done(self, row: CourseProgress) -> str:
        return f"{row.percent} %"

    @admin.display(description=_("as of"))
    def as_of(self, row: CourseProgress) -> str:
        return moment(row.occurred_at)

    @admin.display(description=_("highest"))
    def most(self, row: CourseProgress) -> str:
        return f"{row.highest} %"

    @admin.display(description=_("reached"))
    def reached(self, row: CourseProgress) -> str:
        return moment(row.highest_at)

    @admin.display(description=_("source event"))
    def source_event(self, row: CourseProgress) -> str:
        return source_of(row)
