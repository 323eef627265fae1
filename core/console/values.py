"""The values of a row before and after a change, as an audit log takes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models


def changed_values(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return `before` and `after` without the names whose value is the same in both."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}


def values_of(row: models.Model, *, only: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the columns of a row as `before` or `after` take them; foreign keys are ids.

    Without JSON and bytes: those are bodies, answers and contexts of mails, which the log must not copy.
    """
    names = None if only is None else set(only)
    return {
        field.name: row.__dict__[field.attname]
        for field in row._meta.concrete_fields
        if field.attname in row.__dict__
        and (names is None or field.name in names)
        and not isinstance(field, models.JSONField | models.BinaryField)
    }
