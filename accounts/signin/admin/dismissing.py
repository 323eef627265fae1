"""The page on which staff dismiss a problem with a reason, and take that back."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import site
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.staff import dismissals
from core.console import attention
from core.console.actions import ReasonForm


class DismissForm(ReasonForm):
    """`until` is when the page was shown: what occurs while somebody reads it is not dismissed."""

    until = forms.DateTimeField(widget=forms.HiddenInput, input_formats=["%Y-%m-%dT%H:%M:%S.%f%z"])

    def clean_until(self) -> Any:
        return min(self.cleaned_data["until"], timezone.now())


def page(request: HttpRequest, key: str) -> HttpResponse:
    """Ask for the reason (GET), dismiss the problem (POST), or show it again (POST with `again`)."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    past = dismissals.current()
    if request.POST.get("again"):
        if dismissals.show_again(key, request=request):
            messages.success(request, _("It is shown again."))
        return redirect("admin:index")
    item = next((item for item in attention.items(request.user, past) if item.key == key), None)
    if item is None:
        if request.method == "POST":  # it ended meanwhile, or somebody else dismissed it
            messages.info(request, _("It is not there any more."))
            return redirect("admin:index")
        raise Http404
    form = DismissForm(request.POST or None, initial={"until": f"{timezone.now():%Y-%m-%dT%H:%M:%S.%f%z}"})
    if request.method == "POST" and form.is_valid():
        answers = form.cleaned_data
        dismissals.dismiss(item, until=answers["until"], reason=answers["reason"], staff=request.user, request=request)
        messages.success(request, _("Dismissed. It comes back when it happens again."))
        return redirect("admin:index")
    context = {**site.each_context(request), "title": _("Dismiss"), "item": item, "form": form}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound else HTTPStatus.OK
    return TemplateResponse(request, "admin/dismiss.html", context, status=status)
