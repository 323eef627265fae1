"""Names of rows that are known by their model and key alone, such as the targets of the audit log.

Those of a whole page are read by one statement. A model says by `NAMED_BY` which columns name a row, of related rows
too: ("user__email", "plan__name").
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db.models import CharField, F, Model, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.http import HttpRequest

from core.console.links import shortened
from core.web import access

COLUMNS = 3  # of a name at the most
BETWEEN = " · "
_OTHERS = {  # models of packages
    "auth.group": ("name",),
    "otp_totp.totpdevice": ("user__email", "name"),
    "otp_static.staticdevice": ("user__email", "name"),
}
Key = tuple[str, str]  # of a row: the model ("accounts.contact"), and its key as a text


def model_of(label: str) -> type[Model] | None:
    """Return the model of this label ("accounts.contact"); None where there is none."""
    app, _dot, name = label.lower().partition(".")
    return apps.all_models[app].get(name) if app in apps.app_configs else None


def names_of(keys: Iterable[Key]) -> Mapping[Key, str]:
    """Return the names of these rows. One that is gone, that has no name or whose model has none is left out."""
    by_model: dict[str, set[str]] = {}
    for label, key in keys:
        by_model.setdefault(label, set()).add(key)
    parts = [part for label, some in by_model.items() if (part := _part(label, some)) is not None]
    if not parts:
        return {}
    names = {}
    for label, key, *columns in parts[0].union(*parts[1:], all=True):
        if name := BETWEEN.join(text for column in columns if (text := (column or "").strip())):
            names[label, key] = shortened(name)
    return names


def visible_names(request: HttpRequest, keys: Iterable[Key]) -> Mapping[Key, str]:
    """Return the names of those of these rows whose pages the reader may open: a name may be a person's."""
    wanted = set(keys)
    seen = {label for label in {label for label, _key in wanted} if _may_see(request, label)}
    return names_of(key for key in wanted if key[0] in seen)


def _may_see(request: HttpRequest, label: str) -> bool:
    return access.may(request.user, f"admin:{label.replace('.', '_')}_change")


def _part(label: str, keys: Iterable[str]) -> QuerySet[Any, Any] | None:
    model = model_of(label)
    columns: tuple[str, ...] = getattr(model, "NAMED_BY", _OTHERS.get(label, ()))
    if model is None or not columns:
        return None
    texts = [Cast(F(column), TextField()) for column in columns] + [Cast(Value(""), TextField())] * COLUMNS
    named = {f"named_{place}": text for place, text in enumerate(texts[:COLUMNS])}
    found = model._base_manager.filter(pk__in=_known(model, keys)).order_by()
    rows = found.annotate(of_label=Cast(Value(label), CharField()), of_key=Cast(F("pk"), CharField()), **named)
    return rows.values_list("of_label", "of_key", *named)


def _known(model: type[Model], keys: Iterable[str]) -> list[Any]:
    """Return those of `keys` that the model's key can be."""
    field: Any = model._meta.pk
    known = []
    for key in keys:
        try:
            value = field.to_python(key)
            field.run_validators(value)
        except (ValidationError, ValueError, OverflowError):
            continue
        known.append(value)
    return known
