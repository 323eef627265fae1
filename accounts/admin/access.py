"""Who may do what, and what was done: groups, second factors, API tokens, link requests and the log."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_otp.plugins.otp_static import admin as _static  # noqa: F401 (registers its pages, which are replaced here)
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp import admin as _totp  # noqa: F401
from django_otp.plugins.otp_totp.models import TOTPDevice
from rest_framework.authtoken.admin import TokenAdmin
from rest_framework.authtoken.models import TokenProxy

from accounts.admin.audited import AuditedAdmin
from accounts.admin.base import BoundedLists, ConsoleAdmin, ReadOnlyAdmin, SuperusersOnly
from accounts.models import LinkRequest
from accounts.staff.audit import record

# The packages' own pages show keys, and can be opened by a permission.
for model in (Group, TOTPDevice, StaticDevice, TokenProxy):
    admin.site.unregister(model)


@admin.register(Group)
class StaffGroupAdmin(SuperusersOnly, AuditedAdmin, BoundedLists, GroupAdmin):
    """Permissions for several people at once."""


@admin.register(TOTPDevice, StaticDevice)
class SecondFactorAdmin(SuperusersOnly, ConsoleAdmin):
    """Devices are set up by their owners; a lost one is deleted here. The key is never shown."""

    audit_subject = "second_factor"
    audit_hidden = ("key", "last_t")

    list_display = ("user", "name", "confirmed", "created_at", "last_used_at")
    list_select_related = ("user",)
    fields = readonly_fields = list_display

    def record(self, request: HttpRequest, row: Any, verb: str, **facts: Any) -> None:
        super().record(request, row, "removed" if verb == "deleted" else verb, **facts)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TokenProxy)
class StaffTokenAdmin(SuperusersOnly, AuditedAdmin, BoundedLists, TokenAdmin):
    """Tokens of staff for the API: shown once, when they are made; the log names the person, never the token."""

    list_display = ("user", "created")
    list_select_related = ("user",)
    list_filter = ()
    search_fields = ("^user__email",)
    search_help_text = gettext_lazy("Beginning of the e-mail")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            staff = db_field.related_model.objects.filter(is_staff=True, is_active=True)
            kwargs["queryset"] = staff.filter(auth_token__isnull=True)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        record("token.created", request=request, target=obj.user)
        return admin.ModelAdmin.log_change(self, request, obj.user, "API token made")

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for token in queryset:
            record("token.deleted", request=request, target=token.user)
        return [admin.ModelAdmin.log_change(self, request, token.user, "API token deleted") for token in queryset]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        text = _("The token of %(user)s is %(key)s. Copy it now: it is not shown again.")
        self.message_user(request, text % {"user": obj.user, "key": obj.key}, messages.WARNING)
        return self.response_post_save_add(request, obj)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        token = self.get_object(request, object_id)
        return super().delete_view(request, object_id, {"object": token and token.user, **(extra_context or {})})

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        return [str(token.user) for token in objs], {str(self.opts.verbose_name_plural): len(objs)}, set(), []

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: Any) -> HttpResponse:
        return super().response_delete(request, "•••", obj_id)


@admin.register(LinkRequest)
class LinkRequestAdmin(ReadOnlyAdmin):
    list_display = ("requested_at", "email", "source_address", "language", "status", "finished_at")
    list_filter = ("status",)
    fields = (*list_display, "attempts", "next_attempt_at", "last_error")


@admin.register(LogEntry)
class LogEntryAdmin(SuperusersOnly, ReadOnlyAdmin):
    """What staff did in this console."""

    list_display = ("action_time", "user", "action_flag", "content_type", "object_repr", "told")
    list_select_related = ("user", "content_type")
    list_filter = ("action_flag",)
    fields = list_display
    readonly_fields = ("told",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("what"))
    def told(self, entry: LogEntry) -> str:
        return entry.get_change_message()
