"""Admin of groups, second factors, link requests and Django's own log."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy
from django_otp.plugins.otp_static import admin as _static  # noqa: F401 (registers its pages, which are replaced here)
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp import admin as _totp  # noqa: F401
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.signin.models import LinkRequest
from core.console.audited import AuditedAdmin
from core.console.base import BoundedLists, ConsoleAdmin, ReadOnlyAdmin, SuperusersWrite
from core.console.links import row_link
from core.web import access

_VERBS = {
    "view": gettext_lazy("view"),
    "add": gettext_lazy("add"),
    "change": gettext_lazy("change"),
    "delete": gettext_lazy("delete"),
}

# The packages' own pages show keys, and can be opened by a permission.
for model in (Group, TOTPDevice, StaticDevice):
    admin.site.unregister(model)


class PermissionsField(forms.ModelMultipleChoiceField):
    """Permissions as boxes to tick; Django's list of two halves has names without a role, which readers refuse."""

    widget = forms.CheckboxSelectMultiple

    def label_from_instance(self, obj: Permission) -> str:
        return permission_label(obj)


def permission_label(permission: Permission) -> str:
    """Return a permission as staff read it: Django stores the English of its name."""
    model = permission.content_type.model_class()
    verb, _dash, about = permission.codename.partition("_")
    if model is None or about != model._meta.model_name or verb not in _VERBS:
        return gettext(permission.name)
    return f"{capfirst(model._meta.verbose_name_plural)}: {_VERBS[verb]}"


@admin.register(Group)
class StaffGroupAdmin(SuperusersWrite, AuditedAdmin, BoundedLists, GroupAdmin):
    """Permissions for several people at once. What a role may do stands in the table of access, and nowhere else."""

    filter_horizontal = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        # The name of a permission begins with its table's: one statement, not one for each.
        named = Permission.objects.select_related("content_type")
        return super().get_queryset(request).prefetch_related(Prefetch("permissions", queryset=named))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name", "permissions" if self.has_change_permission(request, obj) else "listed")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if self.has_change_permission(request, obj) else ("listed",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest | None = None, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(db_field, request, form_class=PermissionsField, **kwargs)

    @admin.display(description=gettext_lazy("permissions"))
    def listed(self, group: Group) -> SafeString:
        labels = sorted(map(permission_label, group.permissions.all()))
        return format_html_join("", "{}<br>", ((label,) for label in labels))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.name in access.table().roles)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.name in access.table().roles)


@admin.register(TOTPDevice, StaticDevice)
class SecondFactorAdmin(SuperusersWrite, ConsoleAdmin):
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


@admin.register(LinkRequest)
class LinkRequestAdmin(ReadOnlyAdmin):
    list_display = ("requested_at", "email", "source_address", "language", "status", "finished_at")
    list_filter = ("status",)
    fields = (*list_display, "attempts", "next_attempt_at", "last_error")


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    """Django's history of staff's actions in the console."""

    list_display = ("action_time", "user", "action_flag", "content_type", "row", "change_text")
    list_select_related = ("user", "content_type")
    list_filter = ("action_flag",)
    fields = list_display
    readonly_fields = ("row", "change_text")

    @admin.display(description=LogEntry._meta.get_field("object_repr").verbose_name)
    def row(self, entry: LogEntry) -> str:
        """Return what the row was called then, with a link to its page."""
        kind = entry.content_type
        if kind is None or not entry.object_id or entry.is_deletion():
            return entry.object_repr
        return row_link(f"admin:{kind.app_label}_{kind.model}", entry.object_id, entry.object_repr)

    @admin.display(description=gettext_lazy("what"))
    def change_text(self, entry: LogEntry) -> str:
        return entry.get_change_message()
