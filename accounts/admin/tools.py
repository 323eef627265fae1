"""Pages of the console that belong to no model: registered here, linked from the start page, for superusers only."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase


@dataclass(frozen=True, kw_only=True)
class Tool:
    """`view` is called for superusers alone; `path` lies below the console's, and `admin:<name>` is its URL's name."""

    name: str
    label: Any
    path: str
    view: Callable[[HttpRequest], HttpResponseBase]


_tools: list[Tool] = []


def register(tool: Tool) -> None:
    _tools.append(tool)


def registered() -> list[Tool]:
    return list(_tools)


def may_use(user: Any) -> bool:
    """Tools change the installation, not rows: no permission opens them, so that nobody hands them on."""
    return bool(user.is_active and user.is_superuser)
