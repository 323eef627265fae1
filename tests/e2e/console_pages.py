"""Every page of the console with the rows of an installation, from its addresses, its actions and the table of access.

`manage.py shell -c "from tests.e2e import console_pages; console_pages.tell()"` writes them as JSON, so that a new page
is walked as soon as it is there, and no test names it.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.people.models import User
from core.console import attention, review
from core.web import access

SUPERUSER = "superuser"
# Addresses that show no page: files, scripts, answers to a form, and what leads elsewhere.
NO_PAGES = re.compile(
    r"_(csv|export|body|results|picture|act|process_import|columns|offers|decide)$"
    r"|^(jsi18n|logout|login|view_on_site|autocomplete|second_factor)$|^django\."
)
LOOKED_AT = 200  # of the newest rows, for one to which an action applies
ERROR = "The record was refused: the value of the field “policy number” is longer than the 30 letters that fit there."


def tell() -> None:
    """Write the pages to standard output: the URL's name, the address, and the roles that may open it."""
    print(json.dumps([{"name": name, "path": path, "roles": roles} for name, path, roles in _pages()]))


def _pages() -> Iterator[tuple[str, str, list[str]]]:
    staff = {role: User.objects.filter(groups__name=role).earliest("pk") for role in access.table().roles}
    staff[SUPERUSER] = User.objects.filter(is_superuser=True).earliest("pk")
    for entry in get_resolver().url_patterns:
        if not isinstance(entry, URLResolver) or entry.namespace != "admin":
            continue
        for pattern in _named(entry):
            rule = access.table().rule(f"admin:{pattern.name}", "GET")
            allowed = {role: user for role, user in staff.items() if access.holds(user, rule)}
            if allowed and not NO_PAGES.search(pattern.name or ""):
                yield from ((pattern.name or "", path, roles) for path, roles in _paths(pattern, allowed))
    for model, model_admin in admin.site._registry.items():
        name = f"{model._meta.app_label}_{model._meta.model_name}_act"
        for action in getattr(model_admin, "all_row_actions", list)():
            rule = access.table().action(model._meta.label_lower, action.name)
            allowed = {role: user for role, user in staff.items() if access.holds(user, rule)}
            if action.form is None or not allowed:
                continue
            for row in filter(action.applies_to, model._base_manager.order_by("-pk")[:LOOKED_AT]):
                roles = [role for role in _seeing(row, allowed) if model_admin.may_run(_by(allowed[role]), action, row)]
                if roles:
                    yield f"{name}:{action.name}", reverse(f"admin:{name}", args=[row.pk, action.name]), roles
                    break


def _seeing(row: models.Model, staff: Mapping[str, Any]) -> list[str]:
    """Return the roles for which a row is there: of some, everybody sees their own."""
    shown = admin.site._registry[type(row)].get_queryset
    return [role for role, user in staff.items() if shown(_by(user)).filter(pk=row.pk).exists()]


def _by(user: Any) -> Any:
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


def _named(resolver: URLResolver) -> Iterator[URLPattern]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _named(entry)
        elif entry.name:
            yield entry


def _paths(pattern: URLPattern, staff: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Yield the addresses of a page, mostly one, of the newest row, with the roles of `staff` for which it is there."""
    name = f"admin:{pattern.name}"
    if not {*pattern.pattern.converters, *pattern.pattern.regex.groupindex}:  # type: ignore[attr-defined]
        yield reverse(name), list(staff)
    elif name == "admin:app_list":
        yield reverse(name, args=["accounts"]), list(staff)
    elif name == "admin:auth_user_password_change":
        yield reverse(name, args=[staff[SUPERUSER].pk]), list(staff)
    elif name == "admin:dismiss":
        key = next(iter(attention.items(staff[SUPERUSER], {}))).key
        yield reverse(name, args=[key]), [role for role, user in staff.items() if key in _problems(user)]
    elif name == "admin:review_question":
        for kind in review.kinds():
            if row := kind.rows().first():
                roles = [role for role, user in staff.items() if review.kind_for(kind.key, user)]
                yield reverse(name, args=[kind.key, row.pk]), roles
    elif row := _model_of(name)._base_manager.order_by("-pk").first():
        yield reverse(name, args=[row.pk]), _seeing(row, staff)


def _problems(user: Any) -> set[str]:
    return {item.key for item in attention.items(user, {})}


def _model_of(name: str) -> type[models.Model]:
    """Return the model after which an address is named. Raises LookupError where this file knows no example for it."""
    for model in admin.site._registry:
        if name.startswith(f"admin:{model._meta.app_label}_{model._meta.model_name}_"):
            return model
    raise LookupError(f"no example for the address {name}")


def fill() -> None:
    """Give each list of the console the row that the demo leaves out, of its columns' kinds, and some a long error."""
    for model in admin.site._registry:
        if not model._base_manager.exists():
            _make(model)
        fields = {field.name for field in model._meta.concrete_fields}
        if "last_error" in fields:
            newest = model._base_manager.latest("pk")
            model._base_manager.filter(pk=newest.pk).update(last_error=ERROR)
    Group.objects.create(name="example")  # a role can be neither changed nor deleted
    for devices in (TOTPDevice, StaticDevice):
        devices.objects.update(confirmed=False)  # else their owner is asked for it


def _make(model: type[models.Model]) -> models.Model:
    row = model(**{field.name: _value(field) for field in model._meta.concrete_fields if _is_wanted(field)})
    row.save()
    return row


def _is_wanted(field: Any) -> bool:
    if field.primary_key:
        return not isinstance(field, models.AutoField)
    return not field.has_default() and (field.is_relation or not field.null)


def _value(field: Any) -> Any:
    kinds = {
        models.DateTimeField: timezone.now(),
        models.DateField: timezone.localdate(),
        models.JSONField: {},
        models.IntegerField: 1,
        models.DecimalField: 1,
        models.BinaryField: b"{}",
        models.EmailField: "example@example.com",
    }
    if field.is_relation:
        other = field.related_model
        return other._base_manager.order_by("-pk").first() or _make(other)
    if field.choices:
        return next(value for value, _label in field.flatchoices if value)
    known = next((value for kind, value in kinds.items() if isinstance(field, kind)), None)
    text = "kajabi" if field.name == "provider" else f"example {field.name}"
    return text[: field.max_length] if known is None else known
