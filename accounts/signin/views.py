"""The members' pages: sign in, set a password, ask for a link, see what one has."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django.views.i18n import set_language

from accounts.courses import learning
from accounts.courses.models import PointsEntry
from accounts.memberships.models import Subscription
from accounts.people.models import User
from accounts.signin import devices, lockout, password_links
from accounts.signin.forms import ForgotPasswordForm, SetPasswordForm, SignInForm
from accounts.staff.audit import record
from core.web import limits
from core.web.client_address import client_key

# What a browser forgets when somebody signs out; the cookie of the language stays.
CLEARED_AT_SIGN_OUT = '"cache", "storage"'
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
FOR_STAFF = "for=staff"  # in the query: whoever asks for a link came from the console's sign-in, and goes back there
LINK_TRIES = 30  # wrong set-up links of a client in a minute, on the page and at the API
SHOWN_LINES = 100  # of a member's statement, the newest


def password_requirements() -> list[str]:
    """Return what a password must be, in words, as AUTH_PASSWORD_VALIDATORS check it."""
    return [
        _("At least 12 characters; a few words together are fine"),
        _("Not like your name or your e-mail"),
        _("Not one of the passwords that everybody uses"),
    ]


class SignIn(LoginView):
    http_method_names = ["get", "head", "post", "options"]  # Django's takes a PUT for a POST
    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        devices.remember(self.request, response, form.get_user())
        return response


class SignOut(LogoutView):
    http_method_names = ["post", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().dispatch(request, *args, **kwargs)
        response["Clear-Site-Data"] = CLEARED_AT_SIGN_OUT
        return response


@require_http_methods(["POST"])
def choose_language(request: HttpRequest) -> HttpResponse:
    """Read Enlace in another language from now on; a member's mails follow."""
    chosen = request.POST.get("language", "")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=chosen)
    return set_language(request)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect("dashboard" if request.user.is_authenticated else "sign_in")


@never_cache
@require_safe
@login_required
def dashboard(request: HttpRequest) -> HttpResponse:
    subscriptions = Subscription.objects.of(request.user).best_first()
    lines = PointsEntry.objects.of(request.user).select_related("activity", "completion")
    statement = {"balance": lines.balance(), "entries": lines.order_by("-pk")[:SHOWN_LINES]}
    context = {"subscriptions": subscriptions, "statement": statement, "learning": learning.overview(request.user)}
    return render(request, "accounts/dashboard.html", context)


@never_cache
@sensitive_post_parameters("password", "token")
@require_http_methods(["GET", "HEAD", "POST"])
def setup_password(request: HttpRequest) -> HttpResponse:
    """The page behind the link. Looking at it, however often and wherever, consumes nothing; only the POST does."""
    source = request.POST if request.method == "POST" else request.GET
    email, token = source.get("email", ""), source.get("token", "")
    form = SetPasswordForm(request.POST if request.method == "POST" else None)
    client = client_key(request.META)
    try:
        lockout.count(request, "set_up.client", client, limit=LINK_TRIES, seconds=limits.MINUTE)
        user = password_links.holder_of(email, token)
        lockout.forgive("set_up.client", client)
        if request.method == "POST" and form.is_valid():
            user = password_links.set_password(
                email, token, form.cleaned_data["password"], language=get_language() or "", request=request
            )
            response = _go_on_to_sign_in(request) if user.is_staff else _welcome(request, user)
            devices.remember(request, response, user)
            return response
    except lockout.TooMany as error:
        return _without_path_in_referrer(_too_many(request, error.retry_after))
    except password_links.LinkNotValid:
        if request.method == "POST":
            record("password.set", request=request, target=email, outcome="failed", reason="link not valid")
        return _without_path_in_referrer(
            render(request, "accounts/setup_password.html", {"valid": False, "email": email[:254]})
        )
    except ValidationError as error:
        form.add_error("password", error)
    context = {
        "valid": True,
        "form": form,
        "email": user.email,
        "token": token,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "is_staff": user.is_staff,
        "heading_new": not user.has_usable_password(),
        "requirements": password_requirements(),
        # The language switch comes back to this link; it goes there in a POST to ourselves, never in a Referer.
        "language_next": f"{request.path}?{urlencode({'token': token, 'email': email})}",
    }
    return _without_path_in_referrer(render(request, "accounts/setup_password.html", context))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Asks for a link; the answer is the same whether anybody has this address."""
    form = ForgotPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            password_links.request_link(
                form.cleaned_data["email"],
                source_address=client_key(request.META),
                language=get_language() or settings.LANGUAGE_CODE,
            )
        except password_links.TooManyRequests as error:
            return _too_many(request, error.retry_after)
        return redirect(f"{reverse('link_sent')}?{FOR_STAFF}" if _is_for_staff(request) else "link_sent")
    return render(request, "accounts/forgot_password.html", {"form": form, **_asked_by(request)})


@require_safe
def link_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/link_sent.html", _asked_by(request))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A page that says what to do; the reason is for the log alone."""
    return render(request, "403_csrf.html", status=HTTPStatus.FORBIDDEN)


def _welcome(request: HttpRequest, user: User) -> HttpResponse:
    login(request, user, backend=MODEL_BACKEND)  # turns the session over
    messages.success(request, _("Your password is set. Welcome!"))
    return redirect("dashboard")


def _go_on_to_sign_in(request: HttpRequest) -> HttpResponse:
    """Lead staff to the console's sign-in, which asks for the second factor too; a link alone opens no session.

    Whoever else was signed in here is signed out, as a sign-in would do.
    """
    logout(request)
    messages.success(request, _("Your password is set. Sign in with it."))
    return redirect("admin:login")


def _is_for_staff(request: HttpRequest) -> bool:
    return request.GET.get("for") == "staff"


def _asked_by(request: HttpRequest) -> dict[str, Any]:
    """Return what the pages of asking for a link differ by; the language switch keeps it."""
    return {"for_staff": True, "language_next": f"{request.path}?{FOR_STAFF}"} if _is_for_staff(request) else {}


def _too_many(request: HttpRequest, seconds: int) -> HttpResponse:
    response = render(request, "429.html", status=HTTPStatus.TOO_MANY_REQUESTS)
    response["Retry-After"] = str(seconds)
    return response


def _without_path_in_referrer(response: HttpResponse) -> HttpResponse:
    """Keep the address of this page, which holds the token, out of the next request's Referer.

    Not `no-referrer`: browsers then post the form with `Origin: null`, which the CSRF check must refuse.
    """
    response["Referrer-Policy"] = "strict-origin"
    return response
