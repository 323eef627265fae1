"""Saving the filter of a list under a name, and deleting it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.contrib.admin.views.main import PAGE_VAR
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, QueryDict
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from accounts.staff import saved_filters
from core.console.links import back_of
from core.text import one_line
from core.web import access


class SaveForm(forms.Form):
    page = forms.CharField(max_length=100)
    name = forms.CharField(max_length=60)
    query = forms.CharField(max_length=1000)
    is_shared = forms.BooleanField(required=False)

    def clean_name(self) -> str:
        name = one_line(self.cleaned_data["name"])
        if not name:
            raise forms.ValidationError("")
        return name

    def clean_query(self) -> str:
        """Return the parameters without the page's number; "" as a query saves nothing."""
        query = QueryDict(self.cleaned_data["query"], mutable=True)
        query.pop(PAGE_VAR, None)
        if not any(query.values()):
            raise forms.ValidationError("")
        return query.urlencode()


def urls(guarded: Any) -> list[URLPattern]:
    return [
        path("saved-filters/", guarded(save), name="saved_filter"),
        path("saved-filters/<int:key>/delete/", guarded(delete), name="saved_filter_delete"),
    ]


def context_of(request: HttpRequest, page: str) -> dict[str, Any]:
    """Return what the list of a model shows of saved filters: which there are, and the form that saves its own."""
    query = request.GET.copy()
    query.pop(PAGE_VAR, None)
    query.pop("e", None)
    current = query.urlencode()
    found = saved_filters.of_list(page, request.user)
    return {
        "saved_filters": [
            {
                "row": row,
                "is_current": row.query == current,
                "is_own": row.owner_id == request.user.pk,
                "may_delete": row.owner_id == request.user.pk or request.user.is_superuser,
            }
            for row in found
        ],
        "saved_filter_page": page,
        "saved_filter_query": current if any(query.values()) and len(current) <= 1000 else "",
    }


def save(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    form = SaveForm(request.POST)
    shown_list = _list_of(request.POST.get("page", ""))
    if not access.may(request.user, shown_list):
        raise PermissionDenied
    if not form.is_valid():
        messages.error(request, _("Nothing was saved: a filter needs a name of at most 60 letters."))
        return redirect(back_of(request) or reverse(shown_list))
    answers = form.cleaned_data
    try:
        row = saved_filters.save(request=request, **answers)
    except saved_filters.TooMany:
        messages.error(request, _("Nothing was saved: delete one of your filters of this list before."))
        return redirect(reverse(shown_list) + f"?{answers['query']}")
    messages.success(request, _("The filter was saved as “%(name)s”.") % {"name": row.name})
    return redirect(f"{reverse(shown_list)}?{row.query}")


def delete(request: HttpRequest, key: int) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if key >= 2**63 or not saved_filters.delete(key, request=request):
        raise Http404
    messages.success(request, _("The filter was deleted."))
    return redirect(back_of(request) or "admin:index")


def _list_of(page: str) -> str:
    """Return the name of the list's address. Raises Http404 where there is no such list."""
    for model in site._registry:
        if model._meta.label_lower == page:
            return f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
    raise Http404
