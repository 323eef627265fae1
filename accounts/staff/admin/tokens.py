"""API tokens in the console: everybody's own, and all of them for superusers."""

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from accounts.people.models import User
from accounts.staff import tokens
from accounts.staff.models import ApiToken
from core.console import columns
from core.console.actions import Action
from core.console.base import ReadOnlyAdmin
from core.console.links import badge, moment
from core.days import today
from core.web import access

A_YEAR = 366


class MakeTokenForm(forms.ModelForm):
    """A new token. Superusers choose whose it is; everybody else makes their own."""

    scopes = forms.MultipleChoiceField(
        label=_("Scopes"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What the token is good for. It opens nothing that its owner may not open."),
    )
    last_day = forms.DateField(
        label=_("Last day"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "vDateInput"}),
        input_formats=("%Y-%m-%d",),
    )

    class Meta:
        model = ApiToken
        fields = ("user", "name", "scopes")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes: Any = self.fields["scopes"]
        scopes.choices = list(access.table().scopes.items())
        self.fields["last_day"].initial = today() + timedelta(days=settings.API_TOKEN_DAYS)
        owner: Any = self.fields.get("user")
        if owner is not None:
            owner.queryset = User.objects.filter(is_staff=True, is_active=True).order_by("email")

    def clean_last_day(self) -> datetime:
        """Return the moment at which the day ends."""
        end = timezone.make_aware(datetime.combine(self.cleaned_data["last_day"], time(23, 59, 59)))
        now = timezone.now()
        if not now < end <= now + timedelta(days=max(A_YEAR, settings.API_TOKEN_DAYS + 1)):
            raise ValidationError(_("Choose a day from today on, at most a year ahead."))
        return end


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    list_display = ("beginning", "name", "owner", "scopes_shown", "made", "expires", "used")
    list_select_related = ("user",)
    search_fields = ("^user__email",)
    search_help_text = _("Beginning of the owner's e-mail")
    fields = readonly_fields = list_display
    audit_hidden = ("digest", "owner_seal")
    row_actions = (
        Action(
            name="revoke",
            label=_("revoke"),
            explanation=_("Whatever uses the token is refused from now on."),
            done=ngettext_lazy("%(count)d token was revoked.", "%(count)d tokens were revoked.", "count"),
            run=lambda token, submission: tokens.revoke(token, by=submission.staff),
            form=forms.Form,  # nothing to answer, but something to read
            deletes=True,
        ),
    )

    def record(self, request: HttpRequest, row: Any, verb: str, **facts: Any) -> None:
        """Nothing more: what happens to a token is recorded by the service that does it."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        found = super().get_queryset(request).select_related("user")
        return found if _sees_all(request.user) else found.filter(user=request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return obj is None or _sees_all(request.user) or obj.user_id == request.user.pk

    def has_add_permission(self, request: HttpRequest) -> bool:
        return True

    def may_run(self, request: HttpRequest, action: Action, obj: Any = None) -> bool:
        is_theirs = obj is None or request.user.is_superuser or obj.user_id == request.user.pk
        return super().may_run(request, action, obj) and is_theirs

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change, **({} if change else {"form": MakeTokenForm}), **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return self.fields
        return [*(["user"] if request.user.is_superuser else []), "name", "scopes", "last_day"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.readonly_fields if obj is not None else ()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"user": request.user.pk}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        answers = form.cleaned_data
        made, request.made_token = tokens.make(  # type: ignore[attr-defined]
            answers.get("user") or request.user,
            name=answers["name"],
            scopes=answers["scopes"],
            expiry=answers["last_day"],
            request=request,
        )
        obj.pk = made.pk
        obj.refresh_from_db()

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        """Show the token on this page and nowhere else: a message would pass through a cookie."""
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Token made"),
            "opts": self.opts,
            "token": obj,
            "text": request.made_token,  # type: ignore[attr-defined]
            "back": reverse("admin:accounts_apitoken_changelist"),
        }
        answer = TemplateResponse(request, "admin/token_made.html", context)
        add_never_cache_headers(answer)
        return answer

    @admin.display(description=_("beginning"))
    def beginning(self, token: ApiToken) -> str:
        return f"{token.token_key}…"

    owner = columns.attribute("user.email", _("owner"))

    @admin.display(description=_("scopes"))
    def scopes_shown(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    made = columns.moment("created", _("made"))

    @admin.display(description=_("expires"))
    def expires(self, token: ApiToken) -> str:
        if token.is_expired():
            return badge("past", _("expired"))
        return moment(token.expiry) if token.has_its_owner() else badge("past", _("worthless: its owner changed"))

    used = columns.moment("last_used_at", _("last used"))


def _sees_all(user: Any) -> bool:
    return bool(user.has_perm("accounts.view_apitoken"))
