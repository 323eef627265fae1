"""The staff console: Django's admin with our sign-in form, the second factor and a start page of what waits."""

from functools import wraps
from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.demo import marks
from accounts.signin import devices
from accounts.signin.admin import dismissing, saved_filters, second_factor
from accounts.signin.admin.staff_forms import OwnPasswordForm, StaffSignInForm
from accounts.signin.second_factor import is_missing
from accounts.signin.views import CLEARED_AT_SIGN_OUT, FOR_STAFF
from accounts.staff import denials, dismissals
from accounts.staff.admin import review
from accounts.staff.audit import record
from core.console import attention, home, navigation, search, tools
from core.console.site import ConsoleSite
from core.web import access, branding


class OwnPassword(PasswordChangeView):
    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            record("password.changed", request=self.request, target=form.user)
            return super().form_valid(form)


class StaffSite(ConsoleSite):
    index_title = _("Console")
    login_form = StaffSignInForm
    enable_nav_sidebar = False  # the lists need the room
    _only: "StaffSite | None" = None

    def __new__(cls, name: str = "admin") -> "StaffSite":
        # Django makes its default site while it imports this package, and the pages of this package register themselves
        # on the default site meanwhile: whoever asks second must get the same one.
        if cls._only is None:
            cls._only = super().__new__(cls)
            ConsoleSite.__init__(cls._only, name)
            cls._only.empty_value_display = "–"
        return cls._only

    def __init__(self, name: str = "admin") -> None:
        """Made ready in __new__, once."""

    def record(self, action: str, *, request: HttpRequest, target: Any, **facts: Any) -> None:
        record(action, request=request, target=target, **facts)

    def list_context(self, request: HttpRequest, label: str) -> dict[str, Any]:
        return saved_filters.context_of(request, label)

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff, with the second factor where one is due."""
        return super().has_permission(request) and not is_missing(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """Ask the table of access for every page of the console, beside what the page asks for itself."""

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            match = request.resolver_match
            try:
                if match is None or not access.may(request.user, match.view_name, request.method or ""):
                    raise PermissionDenied
                answer: HttpResponseBase = view(request, *args, **kwargs)
            except PermissionDenied:
                denials.record(request, request.user)
                raise
            return answer

        return super().admin_view(guarded, cacheable)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method not in ("GET", "HEAD", "POST"):  # Django's takes a PUT for a POST
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        if request.method == "GET" and super().has_permission(request) and is_missing(request):
            return redirect(second_factor.url(second_factor.wanted_page(request)))
        forgot_url = f"{reverse('forgot_password')}?{FOR_STAFF}"
        response = super().login(request, {"forgot_url": forgot_url, **(extra_context or {})})
        if request.method == "POST" and isinstance(response, HttpResponseRedirect) and request.user.is_authenticated:
            devices.remember(request, response, request.user)
        return response

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().logout(request, extra_context)
        response["Clear-Site-Data"] = CLEARED_AT_SIGN_OUT
        return response

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        name = branding.current().name
        context: dict[str, Any] = {**super().each_context(request), "site_title": name, "site_header": name}
        if not context["has_permission"]:
            return context | {"navigation": None}
        return context | {"navigation": navigation.of_request(request), "shows_demo": marks.is_noted(request)}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        demo = marks.presence()
        marks.note(request, shown=demo.is_shown)
        past = dismissals.current()
        seen = attention.seen_by(request.user)
        items, panels = home.of(request.user, seen, past)
        labels = {item.key: item.label for item in seen}
        context = {
            "offers_demo": demo.is_offered,
            "attention": items,
            "panels": panels,
            "shown_at": timezone.now(),
            "dismissed": [{"label": labels[key], "past": row} for key, row in past.items() if key in labels],
            "may_dismiss": access.may(request.user, "admin:dismiss"),
        }
        return super().index(request, context | (extra_context or {}))

    def search(self, request: HttpRequest) -> HttpResponse:
        """Show what the text `q` names, or go straight to the one row whose own id or address it is."""
        text = search.cleaned(request.GET.get("q", ""))
        groups = search.found(text, request.user)
        if hit := search.only_exact(groups):
            return redirect(hit.url)
        context = {**self.each_context(request), "title": _("Search"), "searched": text, "groups": groups}
        return TemplateResponse(request, "admin/search.html", context)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the application's pages; nothing without one: no template of ours shows Django's list of everything.

        Django makes that list for every page of the console, which took longer than the rest of a short page.
        """
        return super().get_app_list(request, app_label) if app_label else []

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        view = OwnPassword.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    def get_urls(self) -> list[Any]:
        own = [
            path("search/", self.admin_view(self.search), name="search"),
            path("second-factor/", second_factor.page, name="second_factor"),
            path("second-factor/new/", second_factor.enrol, name="second_factor_new"),
            path("second-factor/new/code.svg", second_factor.picture, name="second_factor_picture"),
        ]
        own.append(path("attention/<slug:key>/dismiss/", self.admin_view(dismissing.page), name="dismiss"))
        own += review.urls(self.admin_view)
        own += saved_filters.urls(self.admin_view)
        own += [path(tool.path, self.admin_view(tool.view), name=tool.name) for tool in tools.registered()]
        return [*own, *super().get_urls()]
