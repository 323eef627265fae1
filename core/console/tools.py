"""Pages of the console that belong to no model: registered here, linked from the navigation for who may open them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponseBase


@dataclass(frozen=True, kw_only=True)
class Tool:
    """`path` lies below the console's; `admin:<name>` is its URL's name, by which the tables of access and
    navigation list it."""

    name: str
    label: Any
    path: str
    view: Callable[[HttpRequest], HttpResponseBase]


_tools: list[Tool] = []


def register(tool: Tool) -> None:
    _tools.append(tool)


def registered() -> list[Tool]:
    return list(_tools)
