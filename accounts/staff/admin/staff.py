"""The staff of this console on one page: each colleague's role, second factor, tokens and last sign-in."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from django_otp import device_classes

from accounts.people.admin.users import sign_in_shown
from accounts.people.models import User
from core.console import tools
from core.console.links import list_url, moment
from core.web import access

NAME = "staff"
GROUPS = "admin:auth_group_changelist"
AT_MOST = 200  # rows; the list of users has the rest


@dataclass(frozen=True, kw_only=True)
class Row:
    """A colleague. `url` leads to the form with their rights; `tokens` are those that are not expired, and `tokens_url`
    their list, "" where the reader does not see it.
    """

    name: str
    email: str
    url: str
    roles: Sequence[str]
    sign_in: str
    has_factor: bool
    tokens: int
    tokens_url: str
    seen: Any


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show the staff to whoever may see users; only superusers change them."""
    reader: Any = request.user
    found = list(_staff()[: AT_MOST + 1])
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("Staff"),
        "rows": [_row(user, reader) for user in found[:AT_MOST]],
        "further_url": list_url("admin:accounts_user", is_staff__exact=1) if len(found) > AT_MOST else "",
        "add_url": reverse("admin:accounts_user_add") if reader.is_superuser else "",
        "groups_url": reverse(GROUPS) if access.may(reader, GROUPS) else "",
    }
    return TemplateResponse(request, "admin/staff.html", context)


def _staff() -> QuerySet[Any]:
    """Return the staff by address, each with whether there is a second factor and how many tokens are good."""
    devices = (Exists(kind.objects.filter(user=OuterRef("pk"), confirmed=True)) for kind in device_classes())
    good = Count("auth_token_set", filter=Q(auth_token_set__expiry__gt=timezone.now()))
    rows = User.objects.filter(is_staff=True).order_by("email")
    return rows.annotate(has_factor=reduce(or_, devices), tokens=good).prefetch_related("groups")


def _row(user: Any, reader: Any) -> Row:
    return Row(
        name=user.get_full_name(),
        email=user.email,
        url=reverse("admin:accounts_user_change", args=[user.pk]),
        roles=_roles(user),
        sign_in=sign_in_shown(user),
        has_factor=user.has_factor,
        tokens=user.tokens,
        tokens_url=list_url("admin:accounts_apitoken", q=user.email) if user.tokens and _sees(reader, user) else "",
        seen=moment(user.last_login),
    )


def _roles(user: User) -> Sequence[str]:
    """Return the names of a colleague's groups; a superuser may do everything, whatever their groups."""
    names = sorted(group.name for group in user.groups.all())
    return [_("superuser: everything"), *names] if user.is_superuser else names


def _sees(reader: Any, owner: User) -> bool:
    """Return whether the list of tokens shows somebody's to the reader: their own, and to superusers all."""
    return bool(reader.is_superuser) or reader.pk == owner.pk


tools.register(tools.Tool(name=NAME, label=gettext_lazy("Staff"), path="staff/", view=page))
