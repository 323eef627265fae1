"""The courses that an activity requires, beneath it, and who meets them."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms.formsets import DELETION_FIELD_NAME
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.courses import paths
from accounts.courses.models import Activity, Completion, CourseProgress, Requirement
from accounts.courses.models.course import COURSE
from core.console.base import EditedInline
from core.text import loose_title_key, one_line

MOST = 50  # courses of one path


class RequirementFormSet(BaseInlineFormSet):
    """Refuses a course twice in two spellings, and a path that needs more courses than it lists."""

    def clean(self) -> None:
        super().clean()
        filled = [form for form in self.forms if form.cleaned_data.get("course")]
        remaining = [form for form in filled if not form.cleaned_data.get(DELETION_FIELD_NAME)]
        keys = [loose_title_key(one_line(form.cleaned_data["course"], COURSE), COURSE) for form in remaining]
        for form, key in zip(remaining, keys, strict=True):
            if keys.count(key) > 1:
                form.add_error("course", _("This course is listed twice."))
        needed = self.instance.needed
        if needed and needed > len(keys):
            raise ValidationError(
                _("More courses are needed (%(needed)d) than are listed (%(listed)d)."),
                params={"needed": needed, "listed": len(keys)},
            )


class RequirementInline(EditedInline):
    model = Requirement
    formset = RequirementFormSet
    fields = ("course", "share")
    extra = 1
    max_num = MOST
    verbose_name_plural = gettext_lazy("required courses: a milestone or a learning path")


def tell_who_meets(request: HttpRequest, activity: Activity) -> None:
    """Say how many members get the points now that the activity was saved, and which titles nobody has so far."""
    required = list(activity.requirements.all())
    if not required:
        return
    messages.info(request, meeting(activity))
    keys = [one.course_key for one in required]
    completed = Completion.objects.filter(course_key__in=keys, state=Completion.State.AWARDED)
    known = {
        *completed.values_list("course_key", flat=True).distinct(),
        *CourseProgress.objects.filter(course_key__in=keys).values_list("course_key", flat=True).distinct(),
    }
    for one in required:
        if one.course_key not in known:
            text = _("Nobody has begun or completed “{}” so far. Check how the title is spelled.")
            messages.warning(request, format_html(text, one.course))


def meeting(activity: Activity) -> str:
    """Return how many members meet the requirements and have not got the points, as a sentence."""
    count = paths.lacking(activity).count()
    if activity.is_active:
        text = ngettext(
            "%(count)d member meets the requirements and gets the points within some minutes.",
            "%(count)d members meet the requirements and get the points within some minutes.",
            count,
        )
    else:
        text = ngettext(
            "%(count)d member meets the requirements and would get the points if this were active.",
            "%(count)d members meet the requirements and would get the points if this were active.",
            count,
        )
    return text % {"count": count}
