"""Pages of a signed-in person's account: change the password, sign out everywhere else."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts.signin import change_password as own_password
from accounts.signin import devices, lockout
from accounts.signin.views import password_requirements


class CurrentPasswordForm(forms.Form):
    current_password = forms.CharField(
        label=gettext_lazy("Current password"), strip=False, max_length=1024, widget=forms.PasswordInput
    )


class ChangePasswordForm(CurrentPasswordForm):
    new_password = forms.CharField(
        label=gettext_lazy("New password"), strip=False, max_length=1024, widget=forms.PasswordInput
    )


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change_password(request: HttpRequest) -> HttpResponse:
    """Choose another password by the current one; the sessions elsewhere end and a mail says that it changed."""
    form = ChangePasswordForm(request.POST if request.method == "POST" else None)
    user: Any = request.user

    def change() -> None:
        current, new = form.cleaned_data["current_password"], form.cleaned_data["new_password"]
        own_password.change(user, current=current, new=new, request=request)

    return _press(request, form, change, "accounts/change_password.html", _("Your password was changed."))


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def sign_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End the sessions in all other browsers, for whoever knows the password."""
    form = CurrentPasswordForm(request.POST if request.method == "POST" else None)
    user: Any = request.user

    def end() -> None:
        own_password.end_other_sessions(user, current=form.cleaned_data["current_password"], request=request)

    done = _("You are signed out everywhere else.")
    return _press(request, form, end, "accounts/sign_out_elsewhere.html", done)


def _press(request: HttpRequest, form: forms.Form, act: Callable[[], None], template: str, done: str) -> HttpResponse:
    """Show the form, or do `act` and go back to the dashboard; this session goes on under another key."""
    user: Any = request.user
    if form.is_valid():
        try:
            act()
        except own_password.WrongPassword:
            form.add_error("current_password", _("This is not your current password."))
        except lockout.TooMany as error:
            response = render(request, "429.html", status=HTTPStatus.TOO_MANY_REQUESTS)
            response["Retry-After"] = str(error.retry_after)
            return response
        except ValidationError as error:
            form.add_error("new_password", error)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, done)
            response = redirect("dashboard")
            devices.remember(request, response, user)  # what made this browser known ended with the old hash
            return response
    context = {"form": form, "email": user.email, "requirements": password_requirements()}
    return render(request, template, context)
