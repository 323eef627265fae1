"""People: members and staff."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.html import format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from accounts.courses import points
from accounts.courses.admin.points import AWARD_POINTS, PointsInline
from accounts.mail import suppressions
from accounts.mail.admin.suppressed_addresses import suppression_link
from accounts.memberships.models import Subscription
from accounts.people import contacts, new_address
from accounts.people.admin import person
from accounts.people.admin.address_field import AddressField
from accounts.people.admin.new_address import use_new_address
from accounts.people.admin.person_actions import ON_USERS
from accounts.people.admin.user_forms import AddColleagueForm, AddUserForm, UserForm
from accounts.people.models import User
from accounts.signin import password_links
from accounts.signin.admin.set_up_mail import send_set_up_mail
from accounts.signin.admin.staff_forms import OthersPasswordForm
from accounts.signin.sessions import end_sessions
from accounts.staff import rights
from core.cause import Cause
from core.console import columns
from core.console.actions import Action
from core.console.base import ConsoleAdmin, NeverDeleted, ReadOnlyInline
from core.console.links import EVENTS, badge, list_link, row_link

END_SESSIONS = Action(
    name="end-sessions",
    label=_("sign out everywhere"),
    done=ngettext_lazy(
        "%(count)d person is signed out everywhere.", "%(count)d people are signed out everywhere.", "count"
    ),
    run=lambda user, submission: end_sessions(user) > 0,
    in_list=False,
)


class SubscriptionInline(ReadOnlyInline):
    model = Subscription
    fields = readonly_fields = ("link", "state", "started_at", "current_period_end")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        return super().get_queryset(request).select_related("plan")

    @admin.display(description=_("plan"))
    def link(self, subscription: Subscription) -> str:
        return row_link("admin:accounts_subscription", subscription.pk, subscription.plan.name)

    state = columns.badge("status", _("status"))


@admin.register(User)
class UserAdmin(NeverDeleted, ConsoleAdmin, DjangoUserAdmin):
    """Only superusers decide who is staff and with which rights, and only they change somebody who is."""

    list_display = ("email", "name", "auth_provider", "may_sign_in", "is_staff", "date_joined")
    list_filter = ("is_staff", "is_active", "auth_provider")
    search_fields = ("email",)
    search_help_text = _("Beginning of the e-mail or of a name")
    ordering = ("-id",)
    filter_horizontal = ("groups", "user_permissions")
    form = UserForm
    add_form = AddUserForm
    change_password_form = OthersPasswordForm
    add_fieldsets = ((None, {"fields": ("email", "first_name", "last_name", "language", "password")}),)
    inlines = (SubscriptionInline, PointsInline)
    _rights = ("is_staff", "is_superuser", "groups", "user_permissions")
    _facts = (
        "auth_provider",
        "may_sign_in",
        "date_joined",
        "last_login",
        "balance",
        "complaint",
        "elsewhere",
    )
    fieldsets = (
        (None, {"fields": ("email", "first_name", "last_name", "language", "is_active")}),
        (_("Where from, and what else there is"), {"fields": _facts}),
        (_("Rights in this console"), {"fields": _rights, "classes": ("collapse",)}),
    )
    row_actions = (
        send_set_up_mail(lambda user: user),
        use_new_address(lambda user: user),
        AWARD_POINTS,
        END_SESSIONS,
        *ON_USERS,
    )

    def get_urls(self) -> list[URLPattern]:
        return [*person.urls_of(self), *super().get_urls()]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request.user, obj)

    def may_run(self, request: HttpRequest, action: Action, obj: Any = None) -> bool:
        return super().may_run(request, action, obj) and _may_touch(request.user, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        before = User.objects.get(pk=obj.pk) if change else None
        form.rights_before = rights.of(before) if before else {}
        is_member = not (obj.is_staff or obj.is_superuser)
        if is_member and before is not None and before.email != obj.email:
            # What is beside the login changes with it, as when the action is used.
            new_address.use(before, obj.email, cause=Cause.by_staff(request.user))
        super().save_model(request, obj, form, change)
        if is_member and not change:
            contacts.of_member(obj)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if not change and form.cleaned_data.get("role"):
            self._welcome_colleague(request, form)
        rights.note_change(form.instance, before=form.rights_before, request=request)

    def _welcome_colleague(self, request: HttpRequest, form: Any) -> None:
        form.instance.groups.add(Group.objects.get(name=form.cleaned_data["role"]))
        if not form.cleaned_data["password"]:
            password_links.send_new_link(form.instance)
            text = _("%(email)s gets a mail with a link to choose a password.") % {"email": form.instance.email}
            self.message_user(request, text, messages.SUCCESS)

    def get_form(self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None and request.user.is_superuser:
            kwargs["form"] = AddColleagueForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None and request.user.is_superuser:
            return ((None, {"fields": (*self.add_fieldsets[0][1]["fields"], "role")}),)
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return self._facts if request.user.is_superuser else self._facts + self._rights

    def get_inlines(self, request: HttpRequest, obj: User | None) -> Any:
        return self.inlines if obj else ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        for word in search_term.split():
            queryset = queryset.filter(
                # Stored in lower case: a plain prefix, for which there is an index.
                Q(email__startswith=word.lower()) | Q(first_name__istartswith=word) | Q(last_name__istartswith=word)
            )
        return queryset, False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> forms.Field | None:
        if db_field.name == "language":
            choices = [("", _("not known yet")), *settings.LANGUAGES]
            help_text = db_field.help_text
            return forms.ChoiceField(
                label=capfirst(db_field.verbose_name), choices=choices, required=False, help_text=help_text
            )
        if db_field.name == "email":
            kwargs["form_class"] = AddressField
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user_permissions":
            # The name of a permission begins with its table's: one statement, not one for each of hundreds.
            kwargs["queryset"] = Permission.objects.select_related("content_type")
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    @admin.display(description=_("name"))
    def name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description=_("sign-in"))
    def may_sign_in(self, user: User) -> str:
        return sign_in_shown(user)

    @admin.display(description=_("points"))
    def balance(self, user: User) -> int:
        return points.balance(user)

    @admin.display(description=_("complaint"))
    def complaint(self, user: User) -> str:
        return suppression_link(suppressions.find(user.email))

    @admin.display(description=_("see also"))
    def elsewhere(self, user: User) -> str:
        links = (
            list_link("admin:accounts_contact", _("the contact of this person"), q=user.email),
            list_link(EVENTS, _("events of this person"), q=user.email),
            list_link("admin:accounts_emailmessage", _("e-mails to this person"), q=user.email),
            list_link("admin:accounts_completion", _("completions"), user__exact=user.pk),
            list_link("admin:accounts_courseprogress", _("progress in courses"), user__exact=user.pk),
        )
        return format_html_join(" · ", "{}", ((link,) for link in links))


def sign_in_shown(user: User) -> str:
    """Return whether somebody can sign in, and if not, why."""
    if not user.is_active:
        return badge("canceled", _("locked"))
    if not user.has_usable_password():
        return badge("pending", _("No password chosen yet"))
    return badge("done", _("can sign in"))


def _may_touch(staff: Any, user: User | None) -> bool:
    """The address, password and rights of staff are a superuser's business: they would be a way to become one."""
    return staff.is_superuser or user is None or not (user.is_staff or user.is_superuser)
