"""Admin of progress in courses, as received."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.courses.models import CourseProgress
from core.console import columns
from core.console.base import ReadOnlyAdmin
from core.console.links import source_of
from core.text import loose_title_key


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
        named = Q(email__startswith=term.lower()) | Q(course_key__startswith=loose_title_key(term)) | Q(course_id=term)
        return queryset.filter(named), False

    member = columns.link("admin:accounts_user", "user", _("member"))

    @admin.display(description=_("done"))
    def done(self, row: CourseProgress) -> str:
        return f"{row.percent} %"

    as_of = columns.moment("occurred_at", _("as of"))

    @admin.display(description=_("highest"))
    def most(self, row: CourseProgress) -> str:
        return f"{row.highest} %"

    reached = columns.moment("highest_at", _("reached"))
    source_event = columns.of(source_of, _("source event"))
